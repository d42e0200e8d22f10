// Command ingest is, as a Lambda, the workflow's step that parses documents.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Ingest) }
