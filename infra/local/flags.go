package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"compileo/internal/dataset"
)

// options is the command line of generate.
type options struct {
	paths    []string
	exclude  []string
	out      string
	data     string
	json     bool
	settings dataset.Settings
}

const generateUsage = `compileo generate PATH... -o FILE [flags]

Reads files and folders (.txt .md .html), cuts them into chunks, makes entries of each chunk with a model, scores them,
leaves out what is weak or repeated, and writes the rest to FILE as JSON lines. Every entry names its source: document,
chunk, offsets and quote.

It can be interrupted at any time: the same command goes on where it was. Documents that were read before, and
replies that were paid for, are used again.

examples:
  compileo generate docs -o qa.jsonl
  compileo generate docs README.md -o qa.jsonl --per-chunk 5 --threshold 0.8
  compileo generate docs -o sum.jsonl --mode summarization --chunk-strategy token --chunk-size 800
  OPENAI_API_KEY=… compileo generate docs -o qa.jsonl --model openai/gpt-5-mini --concurrency 32

models: "extractive" is built in, free, deterministic and needs no network. OPENAI_API_KEY or OPENAI_BASE_URL (any
compatible server) configure "openai", XAI_API_KEY "grok"; MODEL_ALIASES=name=target,… renames.

flags:
`

// parseOptions reads the command line. Flags and paths may be mixed. flag.ErrHelp: help was asked for and written.
func parseOptions(args []string, getenv func(string) string, stdout io.Writer) (*options, error) {
	o := &options{settings: dataset.DefaultSettings()}
	s := &o.settings
	s.Model, s.Concurrency = "extractive", 4*runtime.GOMAXPROCS(0)
	chunking := dataset.DefaultChunking
	mode, format, prompt := "default", "jsonl", ""
	size := 0

	f := flag.NewFlagSet("generate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.out, "o", "", "write the dataset to `FILE` (required)")
	f.StringVar(&mode, "mode", mode, "what to make: default (question and answer), question, answer, summarization, instruction")
	f.StringVar(&format, "format", format, "format of FILE: jsonl")
	f.StringVar(&s.Model, "model", s.Model, "model: provider or provider/model")
	f.StringVar(&prompt, "prompt", "", "use the prompt template in `FILE`; {chunk} {datasets_per_chunk} {title} {headings} are filled in")
	f.IntVar(&s.PerChunk, "per-chunk", s.PerChunk, "entries of a chunk at most, 1 to 50")
	f.IntVar(&s.Concurrency, "concurrency", s.Concurrency, "model calls in flight at most, 1 to 1000")
	f.Float64Var(&s.Threshold, "threshold", s.Threshold, "leave out entries with a quality score below this, 0 to 1")
	f.BoolVar(&s.AnalyzeQuality, "quality", s.AnalyzeQuality, "leave out weak and repeated entries; --quality=false keeps all")
	f.Float64Var(&s.Temperature, "temperature", s.Temperature, "sampling temperature of a language model, 0 to 2")
	f.Int64Var(&s.Seed, "seed", s.Seed, "same seed, same answers of the built-in model")
	f.StringVar((*string)(&chunking.Strategy), "chunk-strategy", string(chunking.Strategy), "structure, sentence, token, character or delimiter")
	f.IntVar(&size, "chunk-size", 0, "size of a chunk, in tokens (structure, token), sentences, characters or pieces (default by strategy)")
	f.IntVar(&chunking.Overlap, "overlap", 0, "what neighbouring chunks share, in the same unit")
	f.StringVar(&chunking.Delimiter, "delimiter", "", "text between chunks, for strategy delimiter")
	f.Func("exclude", "leave out files and folders of folders whose name matches `GLOB`; may be repeated", func(glob string) error {
		o.exclude = append(o.exclude, glob)
		_, err := filepath.Match(glob, "x")
		return err
	})
	f.StringVar(&o.data, "data", defaultData(getenv), "keep documents, jobs and datasets in `DIR`")
	f.BoolVar(&o.json, "json", false, "print one JSON object, and nothing else, to standard output")

	for rest := args; ; {
		if err := f.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				_, _ = io.WriteString(stdout, generateUsage)
				f.SetOutput(stdout)
				f.PrintDefaults()
				return nil, err
			}
			return nil, dataset.Errorf(dataset.Invalid, "%s (compileo generate --help lists the flags)", flagFault(err))
		}
		if rest = f.Args(); len(rest) == 0 {
			break
		}
		o.paths, rest = append(o.paths, rest[0]), rest[1:]
	}
	if chunking.Size = size; size == 0 {
		chunking.Size = defaultSizes[chunking.Strategy]
	}
	s.Chunking = &chunking
	return o, o.complete(mode, format, prompt)
}

// flagFault says what is wrong with a flag in the form in which users write it. The package that parses flags has
// no other word for it than its text.
func flagFault(err error) string {
	text := err.Error()
	for from, to := range map[string]string{
		"flag provided but not defined: -": "there is no flag --", "flag needs an argument: -": "a value is missing after --", " for flag -": " for --",
	} {
		text = strings.Replace(text, from, to, 1)
	}
	return text
}

// defaultSizes are the chunk sizes that suit each strategy.
var defaultSizes = map[dataset.Strategy]int{
	dataset.ByStructure: dataset.DefaultChunking.Size, dataset.BySentence: 12, dataset.ByToken: 400, dataset.ByCharacter: 1_600, dataset.ByDelimiter: 1,
}

// complete checks what the flags alone can tell.
func (o *options) complete(mode, format, prompt string) error {
	switch {
	case len(o.paths) == 0:
		return dataset.Errorf(dataset.Invalid, "no PATH given: name the files or folders to read")
	case o.out == "":
		return dataset.Errorf(dataset.Invalid, "-o FILE is missing: where should the dataset go?")
	case format != "jsonl":
		return dataset.InvalidField("--format", "is %q, want jsonl", format)
	}
	if info, err := os.Stat(o.out); err == nil && info.IsDir() {
		return dataset.InvalidField("-o", "%s is a folder, want a file", o.out)
	}
	if info, err := os.Stat(filepath.Dir(o.out)); err != nil || !info.IsDir() {
		return dataset.InvalidField("-o", "there is no folder %s", filepath.Dir(o.out))
	}
	var err error
	if o.settings.Mode, err = dataset.ParseMode(mode); err != nil {
		return flagNames(err)
	}
	if prompt != "" {
		text, err := os.ReadFile(prompt)
		if err != nil {
			return dataset.InvalidField("--prompt", "%v", err)
		}
		o.settings.CustomPrompt = string(text)
	}
	return flagNames(o.settings.Check())
}

// flagNames turns the API's field names in an error into those of the flags.
func flagNames(err error) error {
	e, ok := errors.AsType[*dataset.Error](err)
	if !ok {
		return err
	}
	text := e.Detail
	for field, name := range map[string]string{
		"/datasets_per_chunk": "--per-chunk", "/quality_threshold": "--threshold", "/classification_model": "--model",
		"/generation_mode": "--mode", "/chunk_strategy": "--chunk-strategy", "/chunk_size": "--chunk-size", "/custom_prompt": "--prompt",
		"/concurrency": "--concurrency", "/temperature": "--temperature", "/overlap": "--overlap", "/delimiter": "--delimiter",
	} {
		text = strings.ReplaceAll(text, field, name)
	}
	return &dataset.Error{Kind: e.Kind, Detail: text, Err: e.Err}
}

// defaultData is the data directory of this user.
func defaultData(getenv func(string) string) string {
	if dir := getenv("COMPILEO_DATA"); dir != "" {
		return dir
	}
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "compileo")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "compileo")
	}
	return ".compileo"
}
