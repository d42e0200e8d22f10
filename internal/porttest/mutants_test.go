package porttest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"compileo/internal/porttest"
)

// mutant is an adapter with one fault that the named case of a suite must find.
type mutant struct {
	name  string
	finds string // the case; empty: the suite itself
	suite func(t *testing.T)
}

type mutants []mutant

func allMutants() (m mutants) {
	m.conditions()
	m.transactions()
	m.sets()
	m.rows()
	m.queries()
	m.objects()
	m.reads()
	m.lists()
	m.writers()
	m.presigned()
	m.messages()
	m.deliveries()
	m.executions()
	m.ends()
	m = append(m, mutant{"skip of no case", "", func(t *testing.T) {
		porttest.Table(t, nil, porttest.Skips{"no such case": "a reason"})
	}})
	return m
}

const mutantVariable = "PORTTEST_MUTANT"

// TestSuitesFindMutants runs each mutant in a process of its own, as a suite that fails fails its test.
func TestSuitesFindMutants(t *testing.T) {
	if os.Getenv(mutantVariable) != "" {
		t.Skip("this is a child")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range allMutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			found := strings.ReplaceAll(m.finds, " ", "_")
			pattern, verdict := "^TestMutant$/^suite$/^"+found+"$", "--- FAIL: TestMutant/suite/"+found+" ("
			if m.finds == "" {
				verdict = "--- FAIL: TestMutant ("
			}
			child := exec.CommandContext(t.Context(), program, "-test.run="+pattern, "-test.v", "-test.timeout=60s")
			child.Env = append(os.Environ(), mutantVariable+"="+m.name)
			out, err := child.CombinedOutput()
			if err == nil {
				t.Error("the child passed")
			}
			if !strings.Contains(string(out), verdict) {
				t.Errorf("%q was not said; the child's output:\n%s", verdict, out)
			}
		})
	}
}

// TestMutant is what a child of TestSuitesFindMutants runs.
func TestMutant(t *testing.T) {
	name := os.Getenv(mutantVariable)
	if name == "" {
		t.Skip("runs in children of TestSuitesFindMutants only")
	}
	for _, m := range allMutants() {
		if m.name == name {
			m.suite(t)
		}
	}
}
