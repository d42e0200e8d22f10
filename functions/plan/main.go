// Command plan is, as a Lambda, the workflow's step that deals the work out to lanes.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Plan) }
