// Command prepare is, as a Lambda, the workflow's step that lists the documents to parse.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Prepare) }
