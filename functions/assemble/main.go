// Command assemble is, as a Lambda, the workflow's step that writes a part of a version.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Assemble) }
