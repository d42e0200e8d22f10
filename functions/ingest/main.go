// Command ingest is, as a Lambda, the workflow's step that parses documents.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"compileo/internal/app/aws"
	"compileo/internal/document"
	"compileo/internal/document/pdf"
)

func main() {
	readers := document.Readers{".pdf": pdf.New("").Read}
	aws.Start(func(a *aws.App) lambda.Handler { return a.Ingest(readers) })
}
