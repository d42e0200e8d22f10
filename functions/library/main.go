// Command library is, as a Lambda, the HTTP API of projects, documents and chunks, and whatever no other function owns.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).API) }
