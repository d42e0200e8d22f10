// Command sweeper is, as a Lambda, what looks after all jobs, each minute.
package main

import "compileo/internal/app/aws"

func main() { aws.Start((*aws.App).Sweeper) }
