// Package infra holds the workflow of a job as the States Language file that is deployed on AWS, so that
// one machine interprets the very same bytes.
package infra

import _ "embed"

// Workflow is the state machine's definition, its ${...} substitutions not yet made.
//
//go:embed workflow.asl.json
var Workflow []byte
