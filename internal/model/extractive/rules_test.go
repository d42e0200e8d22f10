package extractive

import (
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"
	"compileo/internal/model"
)

// ask returns the entries for one chunk, phrased in the plainest way.
func ask(t *testing.T, title, text string) []candidate {
	t.Helper()
	tools, err := load()
	if err != nil {
		t.Fatal(err)
	}
	chunk := chunkOf(title, text)
	generate(t, &model.Task{Mode: dataset.QuestionAnswer, Chunk: chunk, Count: 50})
	m, err := analyse(t.Context(), tools, chunk)
	if err != nil {
		t.Fatal(err)
	}
	list := m.candidates()
	for i := range list {
		list[i].ask.direct = m.question(&list[i], 0)
		list[i].short = statement(list[i].short)
	}
	return list
}

func asks(list []candidate) (q []string) {
	for _, c := range list {
		q = append(q, c.rule+": "+c.ask.direct)
	}
	return q
}

// TestRules gives each rule a text and the question, answer and short answer it must find there.
func TestRules(t *testing.T) {
	tests := []struct{ rule, text, question, answer, short string }{
		{"definition", "A quorum is a majority of the voting members.", "What is a quorum?", "", "A majority of the voting members."},
		{
			"definition", "Migrations are ordered scripts that change the schema. They run once.", "What are migrations?",
			"Migrations are ordered scripts that change the schema. They run once.", "Ordered scripts that change the schema.",
		},
		{
			"definition", "However, Alan Newton is a physicist from the town of Colby.", "Who is Alan Newton?",
			"Alan Newton is a physicist from the town of Colby.", "A physicist from the town of Colby.",
		},
		{"definition", "Operation Pacific is a film about a submarine.", "What is Operation Pacific?", "", "A film about a submarine."},
		{
			"appositive", "Varnish Cache, a reverse proxy for web servers, keeps pages in memory.", "What is Varnish Cache?",
			"Varnish Cache is a reverse proxy for web servers.", "A reverse proxy for web servers.",
		},
		{"called", "The first node of the cluster is called the seed.", "What is the first node of the cluster called?", "", "The seed."},
		{"defined", "The latency of a request is defined as the time between its first and last byte.", "How is the latency of a request defined?", "", "As the time between its first and last byte."},
		{"used-for", "The bloom filter is used to skip files without the key.", "What is the bloom filter used for?", "", "To skip files without the key."},
		{"allows", "The admin console allows operators to restart failed jobs.", "What does the admin console allow operators to do?", "", "Restart failed jobs."},
		{"howto", "To rotate the signing key, run `keys rotate` on the leader.", "How do you rotate the signing key?", "", "Run `keys rotate` on the leader."},
		{"howto", "You can shorten the startup time by setting `WARM=1` in the unit file.", "How can you shorten the startup time?", "", "By setting `WARM=1` in the unit file."},
		{"use", "You can use the `--dry-run` flag to see all changes of the next run.", "What can you use to see all changes of the next run?", "", "The `--dry-run` flag."},
		{"why", "The cache stores compiled modules because parsing is slow.", "Why does the cache store compiled modules?", "", "Because parsing is slow."},
		{"why", "The writer locks the folder so that no second process changes files.", "Why does the writer lock the folder?", "", "So that no second process changes files."},
		{"how-by", "The scheduler avoids starvation by raising the priority of old tasks.", "How does the scheduler avoid starvation?", "", "By raising the priority of old tasks."},
		{"if", "If the leader fails, the remaining nodes elect a new leader.", "What happens if the leader fails?", "", "The remaining nodes elect a new leader."},
		{"if-do", "If the disk is full, delete the oldest snapshot.", "What should you do if the disk is full?", "", "Delete the oldest snapshot."},
		{"if-you", "When a worker hangs, you should restart the pool.", "What should you do when a worker hangs?", "", "Restart the pool."},
		{"where", "The private key is stored in the vault of the team.", "Where is the private key stored?", "", "In the vault of the team."},
		{"when", "The bridge was opened in June 1931.", "When was the bridge opened?", "", "In June 1931."},
		{"how-many", "The replication protocol has three phases.", "How many phases does the replication protocol have?", "", "Three phases."},
		{"by", "The nightly snapshots are verified by the audit service.", "What verifies the nightly snapshots?", "", "The audit service."},
		{"composed", "The wing spar is made of laminated spruce.", "What is the wing spar made of?", "", "Laminated spruce."},
		{"who", "Edith Newton designed the towers of the bridge in two months.", "Who designed the towers of the bridge in two months?", "", "Edith Newton."},
		{"object", "The ingest worker requires a writable folder on the local disk.", "What does the ingest worker require?", "", "A writable folder on the local disk."},
		{"verb-prep", "The retry delay depends on the number of failed attempts.", "What does the retry delay depend on?", "", "The number of failed attempts."},
		{"must", "Remote clients must send a token with each request.", "What must remote clients do?", "", "Send a token with each request."},
		{"object", "The repo requires two module files for the tests.", "What does the repo require?", "", "Two module files for the tests."},
		{"does", "`Pool.Close` waits for all running jobs.", "What does `Pool.Close` do?", "", "Waits for all running jobs."},
	}
	for _, x := range tests {
		list := ask(t, "", x.text)
		i := slices.IndexFunc(list, func(c candidate) bool { return c.rule == x.rule })
		if i < 0 {
			t.Errorf("%s: %q gave nothing, want %q; got %q", x.rule, x.text, x.question, asks(list))
			continue
		}
		if x.answer == "" {
			x.answer = x.text
		}
		if c := list[i]; c.ask.direct != x.question || c.answer != x.answer || c.short != x.short {
			t.Errorf("%s: %q gave\n%q, %q, %q; want\n%q, %q, %q", x.rule, x.text, c.ask.direct, c.answer, c.short, x.question, x.answer, x.short)
		}
	}
}

// TestStructureRules does the same for rules that read headings, lists, tables and code.
func TestStructureRules(t *testing.T) {
	const body = "\n\nThe first node keeps a log. Every other node copies the log and answers reads from it while the first one writes.\n"
	tests := []struct{ rule, text, question, answer string }{
		{"heading-question", "## Why does the log grow?" + body, "In Larder, why does the log grow?", strings.TrimSpace(body)},
		{"heading-how", "## Installing a plugin" + body, "In Larder, how do you install a plugin?", strings.TrimSpace(body)},
		{"heading-how", "## How to add a node" + body, "In Larder, how do you add a node?", strings.TrimSpace(body)},
		{"heading-how", "## Configure the cluster" + body, "In Larder, how do you configure the cluster?", strings.TrimSpace(body)},
		{"heading-stock", "# Larder\n\n## Features\n\n- signed uploads\n- small index", "What features does Larder have?", "- signed uploads\n- small index"},
		{"section", "## Leader election" + strings.Repeat(body, 2), `What does the section "Leader election" of Larder explain?`, strings.TrimSpace(strings.Repeat(body, 2))},
		{"list-following", "The exporter supports the following formats:\n\n- JSON\n- CSV\n- Parquet", "In Larder, which formats does the exporter support?", "The exporter supports the following formats:\n\n- JSON\n- CSV\n- Parquet"},
		{"list-following", "The following codecs are built in:\n\n- gzip\n- zstd", "In Larder, which codecs are built in?", "The following codecs are built in:\n\n- gzip\n- zstd"},
		{"list-verb", "The diagnostics bundle contains:\n\n- logs\n- metrics", "In Larder, what does the diagnostics bundle contain?", "The diagnostics bundle contains:\n\n- logs\n- metrics"},
		{"list-is", "The supported log levels are:\n\n- debug\n- error", "In Larder, what are the supported log levels?", "The supported log levels are:\n\n- debug\n- error"},
		{"list-how", "To drain a node, follow these steps:\n\n1. Stop the router.\n2. Wait a minute.", "In Larder, how do you drain a node?", "To drain a node, follow these steps:\n\n1. Stop the router.\n2. Wait a minute."},
		{"steps", "## Draining a node\n\nTakes a minute.\n\n1. Stop the router.\n2. Wait a minute.\n3. Stop the node.", "In Larder, what are the steps to drain a node?", "1. Stop the router.\n2. Wait a minute.\n3. Stop the node."},
		{"definition-item", "- `ttl`: limits the age of a file in hours\n- `max`: limits the size of the folder", "In Larder, what does `ttl` do?", "`ttl`: limits the age of a file in hours."},
		{"definition-item", "## Storage layout\n\n- Segment: a file that holds up to one gigabyte of entries\n- Index: the sorted keys of one segment of the log", `In Larder, what does "Segment" mean in the context of Storage layout?`, "Segment: a file that holds up to one gigabyte of entries."},
		{"table-default", "| Flag | Default |\n| --- | --- |\n| `-p` | `80` |\n| `-q` | `no` |", "In Larder, what is the default value of the `-p` flag?", "The default value of the `-p` flag is `80`."},
		{"table-type", "| Field | Type |\n| --- | --- |\n| `id` | string |\n| `at` | integer |", "In Larder, what is the type of the `id` field?", "The type of the `id` field is string."},
		{"table-meaning", "| Flag | Description |\n| --- | --- |\n| `-p` | Sets the port. |\n| `-q` | Be quiet. |", "In Larder, what does the `-p` flag do?", "The `-p` flag: Sets the port."},
		{"table-cell", "| Format | Readers |\n| --- | --- |\n| CSV | everyone |\n| Parquet | engines |", "In Larder, what are the readers of CSV?", "The readers of CSV are everyone."},
		{"code-to", "To run the tests, use:\n\n```sh\nmake test\n```", "In Larder, how do you run the tests?", "To run the tests, use:\n\n```sh\nmake test\n```"},
		{"code-order", "Create a new index:\n\n```sh\nlarder index\n```", "In Larder, how do you create a new index?", "Create a new index:\n\n```sh\nlarder index\n```"},
		{"code-can", "You can dump the index with:\n\n```sh\nlarder dump\n```", "In Larder, how can you dump the index?", "You can dump the index with:\n\n```sh\nlarder dump\n```"},
		{"does", "## `Pool.Close`\n\nReturns the first error of all jobs in the pool.", "What does `Pool.Close` do?", "`Pool.Close` returns the first error of all jobs in the pool."},
	}
	for _, x := range tests {
		list := ask(t, "Larder", x.text)
		i := slices.IndexFunc(list, func(c candidate) bool { return c.rule == x.rule })
		if i < 0 {
			t.Errorf("%s: %q gave nothing, want %q; got %q", x.rule, x.text, x.question, asks(list))
			continue
		}
		if c := list[i]; c.ask.direct != x.question || c.answer != x.answer {
			t.Errorf("%s: %q gave\n%q, %q; want\n%q, %q", x.rule, x.text, c.ask.direct, c.answer, x.question, x.answer)
		}
	}
}

// TestNothing holds what must not be asked about.
func TestNothing(t *testing.T) {
	for _, text := range []string{
		"It depends on the number of nodes.",
		"This option requires a restart of the server.",
		"They were built by the same team in 1931.",
		"The value is a number.",
		"See the next page for more information.",
		"Is the cache a folder on the disk?",
		"## Work Directory for Scripts\n\nNothing here.",
		"- one\n- two\n- three",
		"| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
		"```sh\nmake\n```",
		"",
	} {
		for _, c := range ask(t, "", text) {
			t.Errorf("%q gave %s: %q", text, c.rule, c.ask.direct)
		}
	}
}
