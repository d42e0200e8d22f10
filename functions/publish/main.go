// Command publish is, as a Lambda, the workflow's step that completes a job.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Publish) }
