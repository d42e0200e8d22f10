// Command datasets is, as a Lambda, the HTTP API of datasets.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).API) }
