package porttest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"compileo/internal/porttest"
)

// mutant is an adapter with one fault that the named case of a suite must find.
type mutant struct {
	suite, name string
	finds       string // the case; empty: the suite itself
	run         func(t *testing.T, only porttest.Skips)
}

// test is the name of the mutant's test below TestMutants.
func (m mutant) test() string { return strings.ReplaceAll(m.suite+" "+m.name, " ", "_") }

type mutants []mutant

func allMutants() (m mutants) {
	m.conditions()
	m.transactions()
	m.sets()
	m.rows()
	m.expiry()
	m.queries()
	m.cursors()
	m.objects()
	m.reads()
	m.lists()
	m.writers()
	m.parts()
	m.presigned()
	m.messages()
	m.deliveries()
	m.executions()
	m.ends()
	m = append(m, mutant{"table", "skip of no case", "", func(t *testing.T, only porttest.Skips) {
		only["no such case"] = "a reason"
		porttest.Table(t, nil, only)
	}})
	return m
}

const mutantVariable = "PORTTEST_MUTANTS"

// TestSuitesFindMutants runs the mutants in another process, as a suite that fails fails its test.
func TestSuitesFindMutants(t *testing.T) {
	if os.Getenv(mutantVariable) != "" {
		t.Skip("this is the child")
	}
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestMutants$", "-test.v", "-test.timeout=90s")
	child.Env = append(os.Environ(), mutantVariable+"=all")
	out, err := child.CombinedOutput()
	if err == nil {
		t.Error("the child passed")
	}
	failed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if verdict, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: TestMutants/"); ok {
			name, _, _ := strings.Cut(verdict, " (")
			failed[name] = true
		}
	}
	if len(failed) == 0 {
		t.Fatalf("the child said: %s", out[max(0, len(out)-10_000):])
	}
	for _, m := range allMutants() {
		verdict := m.test()
		if m.finds != "" {
			verdict += "/suite/" + strings.ReplaceAll(m.finds, " ", "_")
		}
		if !failed[verdict] {
			t.Errorf("%q does not find %q", m.finds, m.test())
		}
	}
	if t.Failed() && strings.Contains(string(out), "panic: ") {
		t.Logf("the child said: %s", out[max(0, len(out)-10_000):])
	}
}

// TestMutants is what the child of TestSuitesFindMutants runs: of each mutant the case that must find it.
func TestMutants(t *testing.T) {
	if os.Getenv(mutantVariable) == "" {
		t.Skip("runs in the child of TestSuitesFindMutants only")
	}
	names := porttest.CaseNames()
	for _, m := range allMutants() {
		t.Run(m.test(), func(t *testing.T) {
			t.Parallel() // some wait
			others := porttest.Skips{}
			for _, name := range names[m.suite] {
				if name != m.finds {
					others[name] = "another case is looked at"
				}
			}
			m.run(t, others)
		})
	}
}

func TestEveryCaseFindsAMutant(t *testing.T) {
	all := allMutants()
	for suite, names := range porttest.CaseNames() {
		for _, name := range names {
			if !slices.ContainsFunc(all, func(m mutant) bool { return m.suite == suite && m.finds == name }) {
				t.Errorf("no mutant of %s shows that %q finds anything", suite, name)
			}
		}
	}
}
