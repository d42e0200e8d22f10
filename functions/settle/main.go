// Command settle is, as a Lambda, what ends a job whose workflow failed.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Settle) }
