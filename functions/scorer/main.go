// Command scorer is, as a Lambda, the worker that scores candidates.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Scorer) }
