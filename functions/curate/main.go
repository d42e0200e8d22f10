// Command curate is, as a Lambda, the workflow's step that decides which entries are kept.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Curate) }
