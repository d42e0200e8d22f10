// Command generator is, as a Lambda, the worker that makes the calls of models.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Generator) }
