// Command jobs is, as a Lambda, the HTTP API of jobs.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).API) }
