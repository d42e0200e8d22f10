package quality

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
)

const gateText = "The `Client` retries a request up to 4 times, 250 ms apart. Set `MaxRetries` to 0 to turn retries off. " +
	"Mail ops@harbor.example when the queue at https://queue.harbor.example/v1 is full. Run `harbor drain --all` first.\n" +
	"```sh\ncurl https://queue.harbor.example/v1/drain\n```\nThree regions are served: Oslo, Lima and Perth. The API key is optional. I cannot stress this enough: make copies."

func gateContext() *Context {
	return NewContext(&dataset.Chunk{Document: "d", Chunking: "c", Title: "Harbor client", Headings: []string{"Retries"}, Text: gateText})
}

var gateCases = []struct {
	gate             string
	mode             dataset.Mode
	question, answer string
	fails            bool
}{
	{UnsupportedAnswer, "", "How often does the Client retry a request?", "Bananas ripen faster inside paper bags.", true},
	{UnsupportedAnswer, "", "How often does the Client retry a request?", "The Client retries a request up to 4 times.", false},
	{UnsupportedAnswer, "", "Is the API key optional?", "Yes", false},
	{UnsupportedAnswer, "", "How are requests retried?", "It tries a failed request again, up to 4 times, 250 ms apart.", false},

	{UnknownNumber, "", "How often does the Client retry a request?", "Up to 5 times, 250 ms apart.", true},
	{UnknownNumber, "", "How often does the Client retry a request?", "Up to 4 times, 250 ms apart.", false},
	{UnknownNumber, "", "Which 3 regions are served?", "1. Oslo\n2. Lima\n3. Perth", false},
	{UnknownNumber, "", "How many regions are served?", "3 regions are served.", false},
	{UnknownNumber, "", "What happens after 17 retries of a request?", "The Client retries a request up to 4 times.", true},
	{UnknownNumber, "", "How far apart are retries?", "The retries are 250.0 ms apart.", false},
	{UnknownNumber, "", "How far apart are retries?", "The retries are 2,500 ms apart.", true},

	{UnknownName, "", "Which regions are served?", "The regions Oslo, Lima and Paris are served.", true},
	{UnknownName, "", "Which regions are served?", "The regions Oslo, Lima and Perth are served.", false},
	{UnknownName, "", "How do you turn retries off?", "Set `MaxTries` to 0.", true},
	{UnknownName, "", "How do you turn retries off?", "Set `MaxRetries` to 0.", false},
	{UnknownName, "", "How do you turn retries off in Kubernetes?", "Set `MaxRetries` to 0.", true},
	{UnknownName, "", "How do you turn retries off in Harbor?", "Set `MaxRetries` to 0.", false},
	{UnknownName, "", "Are APIs guarded by a key?", "The API key is optional.", false},
	{UnknownName, "", "How is the queue drained?", "```python\nqueue.purge_everything()\n```", true},
	{UnknownName, "", "How is the queue drained?", "```bash\ncurl https://queue.harbor.example/v1/drain\n```", false},

	{AddressNotInSource, "", "Where is the queue?", "At https://queue.evil.example/v1.", true},
	{AddressNotInSource, "", "Where is the queue?", "At https://queue.harbor.example/v1.", false},
	{AddressNotInSource, "", "Where is the queue?", "At https://queue.harbor.example/v2.", true},
	{AddressNotInSource, "", "Whom do you mail?", "Mail ops@evil.example when the queue is full.", true},
	{AddressNotInSource, "", "Whom do you mail?", "Mail ops@harbor.example when the queue is full.", false},
	{AddressNotInSource, "", "Where is the queue?", "See queue-harbor.com for the queue.", true},
	{AddressNotInSource, "", "What do you run first?", "Run `harbor drain --force` first.", true},
	{AddressNotInSource, "", "What do you run first?", "Run `harbor drain --all` first.", false},
	{AddressNotInSource, "", "What do you run first?", "Set `MaxRetries` to 0, then run `harbor drain --all`.", false},
	{AddressNotInSource, "", "What do you run first?", "Run curl -k and make copies.", true},
	{AddressNotInSource, "", "How is the queue drained?", "```sh\ncurl https://queue.harbor.example/v1/drain\nrm copies\n```", true},
	{AddressNotInSource, "", "How is the queue drained?", "```sh\ncurl https://queue.harbor.example/v1/drain\n```", false},

	{DanglingReference, "", "What does this method return?", "The Client retries a request.", true},
	{DanglingReference, "", "What does it retry?", "The Client retries a request.", true},
	{DanglingReference, "", "According to the text, what does the Client retry?", "The Client retries a request.", true},
	{DanglingReference, "", "What does the passage say about retries?", "The Client retries a request.", true},
	{DanglingReference, "", "What does the Client retry?", "As mentioned above, the Client retries a request.", true},
	{DanglingReference, "", "What does the Client retry?", "The text states that the Client retries a request.", true},
	{DanglingReference, "", "Which setting in this section turns retries off?", "Set `MaxRetries` to 0.", true},
	{DanglingReference, "", "When the queue is full, what happens to it?", "Mail ops@harbor.example.", false},
	{DanglingReference, "", "Is it possible to turn retries off?", "Yes", false},
	{DanglingReference, "", "What does the Client do when it fails?", "The Client retries a request.", false},
	{DanglingReference, "", "How do you delete the above entries of the Client?", "Set `MaxRetries` to 0.", true},
	{DanglingReference, "", "Which values above 3 does the Client take?", "Up to 4 times.", false},
	{DanglingReference, "", "What does the Client do?", "The Client retries a request, as shown below:\n\n```sh\ncurl https://queue.harbor.example/v1/drain\n```", false},
	{DanglingReference, "", "What does the Client do?", "The Client retries a request, as shown below.", true},
	{DanglingReference, "", "Which regions are served?", "Three regions are served:\n- Oslo\n- Lima\n- copies of the above", false},
	{DanglingReference, "", "What does the Client replace in the text?", "A request.", true},
	{DanglingReference, dataset.Instruction, "Explain how this works.", "The Client retries a request.", true},

	{NotAQuestion, "", "The Client retries a request", "Up to 4 times.", true},
	{NotAQuestion, "", "The Client retries a request?", "Up to 4 times.", true},
	{NotAQuestion, "", "What does the Client", "A request.", true},
	{NotAQuestion, "", "What does the Client retry?", "A request.", false},
	{NotAQuestion, "", "Explain how the Client retries a request.", "Up to 4 times.", false},
	{NotAQuestion, "", "In Harbor, is the API key optional?", "Yes", false},
	{NotAQuestion, dataset.Instruction, "The Client retries a request", "Up to 4 times.", false},

	{AnswerInQuestion, "", "What is the Client?", "What is the Client?", true},
	{AnswerInQuestion, "", "What does the Client retry a request?", "The Client", true},
	{AnswerInQuestion, "", "Is the API key optional or not optional?", "Optional", false},
	{AnswerInQuestion, "", "Is the API key optional?", "Yes", false},
	{AnswerInQuestion, "", "Which `Client` setting turns max retries off?", "`MaxRetries`", false},

	{CutAnswer, "", "What does the Client retry?", "The Client retries a request, which means that", true},
	{CutAnswer, "", "What does the Client retry?", "The Client retries a request,", true},
	{CutAnswer, "", "What does the Client retry?", "The Client retries a request. Set `MaxRetries` to 0 to turn", true},
	{CutAnswer, "", "How is the queue drained?", "```sh\ncurl https://queue.harbor.example/v1", true},
	{CutAnswer, "", "What does the Client retry?", "a request", false},
	{CutAnswer, "", "What does the Client retry?", "The Client retries a request...", true},
	{CutAnswer, "", "Which regions are served?", "Three regions are served:\n- Oslo\n- Lima\n- Perth", false},
	{CutAnswer, "", "How is the queue drained?", "```sh\ncurl https://queue.harbor.example/v1/drain\n```", false},

	{Refusal, "", "What does the Client retry?", "I'm sorry, but I cannot answer that.", true},
	{Refusal, "", "What does the Client retry?", "The document does not mention what the Client retries.", true},
	{Refusal, "", "What does the Client retry?", "As an AI language model, I have no Client.", true},
	{Refusal, "", "What is said of copies?", "I cannot stress this enough: make copies.", false}, // the chunk says so
	{Refusal, "", "What does the Client retry?", "The Client retries a request.", false},

	{TooShort, "", "Why?", "The Client retries a request.", true},
	{TooShort, "", "What does the Client retry?", "…", true},
	{TooShort, dataset.Summarization, "Summarize “Retries”.", "Retries.", true},
	{TooShort, "", "How many times?", "4", false},

	{RepeatedText, "", "What does the Client retry? What does the Client retry?", "A request.", true},
	{RepeatedText, "", "What does the Client retry?", "The Client retries a request often. The Client retries a request often.", true},
	{RepeatedText, "", "What does the Client retry?", "a request and a request and a request and a request and a request and a request and a request and a request and a request", true},
	{RepeatedText, "", "What does the Client retry?", "The Client retries a request. Set `MaxRetries` to 0.", false},
	{RepeatedText, "", "Which regions are served?", "| Oslo | yes |\n| Lima | yes |\n| Lima | yes |\n| Lima | yes |\n| Lima | yes |\n| Lima | yes |", false},

	{PII, "", "Whom do you mail?", "Mail jane.doe@harbor.io when the queue is full.", true},
	{PII, "", "Whom do you mail?", "Mail ops@harbor.example when the queue is full.", false},
	{Profanity, "", "What does the fucking Client retry?", "A request.", true},
	{Profanity, "", "What does the Client retry in Scunthorpe?", "A request.", false},
}

func TestGates(t *testing.T) {
	c := gateContext()
	seen := map[string]int{}
	for _, g := range gateCases {
		mode := g.mode
		if mode == "" {
			mode = dataset.QuestionAnswer
		}
		e := dataset.Entry{Question: g.question, Answer: g.answer, Metadata: dataset.Metadata{Mode: mode}}
		e.Evidence = c.Evidence([]string{"The `Client` retries a request up to 4 times, 250 ms apart."}, "d")
		c.Assess(&e)
		if got := slices.Contains(e.Quality.Faults, g.gate); got != g.fails {
			t.Errorf("%s of %q > %q: %v, want %v (faults %v)", g.gate, g.question, g.answer, got, g.fails, e.Quality.Faults)
		}
		if len(e.Quality.Faults) > 0 && e.QualityScore > faulty {
			t.Errorf("%q: score %v with faults %v", g.question, e.QualityScore, e.Quality.Faults)
		}
		if g.fails {
			seen[g.gate]++
		}
	}
	for _, gate := range []string{
		UnsupportedAnswer, UnknownNumber, UnknownName, AddressNotInSource, DanglingReference, NotAQuestion, AnswerInQuestion,
		CutAnswer, Refusal, TooShort, RepeatedText, PII, Profanity,
	} {
		if seen[gate] == 0 {
			t.Errorf("no case fails %s", gate)
		}
	}
}

func TestNoEvidenceGate(t *testing.T) {
	c := gateContext()
	good := c.Evidence([]string{"The `Client` retries a request up to 4 times"}, "d")
	moved := slices.Clone(good)
	moved[0].Start++
	for _, g := range []struct {
		name     string
		evidence []dataset.Evidence
		fails    bool
	}{
		{"located", good, false},
		{"none", nil, true},
		{"at another place", moved, true},
		{"about something else", c.Evidence([]string{"Three regions are served"}, "d"), true},
		{"one of two", append(slices.Clone(moved), good...), false},
	} {
		e := dataset.Entry{Question: "What does the Client retry?", Answer: "A request", Evidence: g.evidence, Metadata: dataset.Metadata{Mode: dataset.QuestionAnswer}}
		c.Assess(&e)
		if got := slices.Contains(e.Quality.Faults, NoEvidence); got != g.fails {
			t.Errorf("evidence %s: fault %v, want %v", g.name, got, g.fails)
		}
	}
}

func TestPersonal(t *testing.T) {
	for s, want := range map[string]bool{
		"mail me at a.b@c-d.io":               true,
		"mail a@example.com or b@host.test":   false,
		"git@host.io:team/repo":               false,
		"write to security@host.io":           false,
		"write to Securita@host.io":           true,
		"call +47 22 33 44 55":                true,
		"call (212) 736-5000 now":             true,
		"call 212-736-5000":                   true,
		"call 212-555-0123":                   false, // kept for fiction
		"version 1.2.3 of 2026-11-22 10:30":   false,
		"1,000,000 rows in 250 ms at 0.00012": false,
		"card 4539 1488 0343 6467":            true,
		"card 4539 1488 0343 6468":            false,
		"0000 0000 0000 0000":                 false,
		"4444444444444444":                    false,
		"GB82 WEST 1234 5698 7654 32":         true,
		"GB82 WEST 1234 5698 7654 33":         false,
		"DE89370400440532013000":              true,
		"SSN 536-90-4399":                     true,
		"666-90-4399":                         false,
		"000-12-3456 and 123-45-0000":         false,
		"port 8080 at 192.168.100.200":        false,
		"RFC 2606, page 1234":                 false,
	} {
		if got := personal(s); got != want {
			t.Errorf("personal(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestForms(t *testing.T) {
	for s, want := range map[string]string{
		"What is it?": whatKind, "When is it?": whenKind, "When the disk is full, what happens?": whatKind, "In Harbor, how is it set?": howKind,
		"How many are there?": manyKind, "Who made it?": whoKind, "Is it so?": yesNoKind, "Does X say which Y?": yesNoKind, "Explain how X works.": taskKind,
		"In Harbor, is X on?": yesNoKind, "The cat sat.": noKind, "": noKind, "Why not?": whyKind, "For which X is Y?": whatKind,
	} {
		if got := kindOf(words(s)); got != want {
			t.Errorf("kindOf(%q) = %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]string{"1,000": "1000", "007": "7", "2.50": "2.5", "10gb": "10", "0": "0", "0.5": "0.5", "1.2.3": "1.2.3", "1.0": "1"} {
		if got := number(s); got != want {
			t.Errorf("number(%q) = %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]bool{
		"": true, "a (b) [c] \"d\"": true, "(a": false, "a) b)": true, "[a": false, "a]": false, "“a”": true, "“a": false, "`(` and `\"`": true, "a ` b": false,
		"`a\nb`": false, "```\n(`\n``` a": true, "```\na": false,
	} {
		if got := closed(s); got != want {
			t.Errorf("closed(%q) = %v, want %v", s, got, want)
		}
	}
	for a, b := range map[string]string{"listens": "listening", "ports": "port", "running": "runs", "copies": "copy", "stored": "stores"} {
		if stem(a) != stem(b) {
			t.Errorf("stem(%q) = %q, stem(%q) = %q", a, stem(a), b, stem(b))
		}
	}
}

// What is looked for before a pattern is there wherever the pattern matches.
func FuzzPrefilters(f *testing.F) {
	for _, s := range []string{
		"https://a", "HTTPS://a.example", "see www.x", "WWW.1", "a@b", "queue-harbor.COM.", "x.ſh", "a.top/b", "a.co-op", "a.infos",
		"go get x", "make\tinstall", "rm -rf", "git ssh://h", "$ ls", "sudo  run",
		"536-90-4399", "+47 22 33 44 55", "+1 (212) 736-5000", "(212)736-5000", "212.736.5000", "+123456789", "4539 1488-0343 6467",
		"GB82 WEST 1234 5698 7654 32", "DE89370400440532013000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if address.MatchString(s) && !hasAddress(s+" a.b ") {
			t.Errorf("hasAddress(%q) misses %q", s, address.FindString(s))
		}
		if command.MatchString(s) && !strings.Contains(s, "$") && !hasCommand(s) {
			t.Errorf("hasCommand(%q) misses %q", s, command.FindString(s))
		}
		if ibanForm.MatchString(s) && !hasAccount(s) {
			t.Errorf("hasAccount(%q) misses %q", s, ibanForm.FindString(s))
		}
		all, run := figures(s)
		if all != digits(s) {
			t.Errorf("figures(%q) counts %d digits, want %d", s, all, digits(s))
		}
		for _, form := range []*regexp.Regexp{ssnForm, phoneForm, cardForm} {
			for _, found := range form.FindAllString(s, -1) {
				if digits(found) > run {
					t.Errorf("figures(%q) = %d misses %q", s, run, found)
				}
			}
		}
	})
}
