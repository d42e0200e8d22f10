package extractive

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/jdkato/prose/v3/segment"
	"github.com/jdkato/prose/v3/tag"
	"github.com/jdkato/prose/v3/tokenize"
)

// The word lists come from WordNet 3.0; NOTICE has their origin and licence.
var (
	//go:embed verbs.txt
	verbList string
	//go:embed vexc.txt
	verbExceptions string
	//go:embed persons.txt
	personList string
)

// codeWord stands for inline code before the tagger, so that code is always read as a name.
const codeWord = "Qzx"

// tools is what reading English takes. It is read-only once loaded and shared by all calls.
type tools struct {
	tagger    *tag.Tagger
	segmenter *segment.Segmenter
	tokenizer *tokenize.Tokenizer
	verbs     map[string]bool   // base forms
	forms     map[string]string // irregular form to base form
	persons   map[string]bool   // nouns whose first sense is a person
}

// load reads the weights and word lists once: about 20 ms and 6 MB.
var load = sync.OnceValues(func() (*tools, error) {
	tagger, err := tag.New(tag.WithLexicon(tag.Lexicon{codeWord: "NNP"}))
	if err != nil {
		return nil, err
	}
	segmenter, err := segment.New()
	if err != nil {
		return nil, err
	}
	t := &tools{
		tagger: tagger, segmenter: segmenter, tokenizer: tokenize.New(),
		verbs: set(verbList), persons: set(personList),
	}
	for _, w := range []string{"reader", "writer", "server", "host", "client", "worker", "user", "guide", "star"} {
		delete(t.persons, w) // more often things where documents are written today
	}
	t.forms = t.irregular(verbExceptions)
	return t, nil
})

// set makes a set of the words of a list.
func set(list string) map[string]bool {
	m := make(map[string]bool, strings.Count(list, "\n"))
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// irregular maps irregular verb forms to their base form. Where the list has two bases the first wins, but
// a base that the form shows whole is preferred ("installed": "install", not the older "instal").
func (t *tools) irregular(list string) map[string]string {
	m := make(map[string]string, strings.Count(list, "\n"))
	for line := range strings.Lines(list) {
		form, base, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || m[form] != "" {
			continue
		}
		for _, suffix := range []string{"ed", "ing", "s"} {
			if stem, ok := strings.CutSuffix(form, suffix); ok && strings.HasSuffix(stem, "ll") && t.verbs[stem] {
				base = stem
			}
		}
		m[form] = base
	}
	for form, base := range map[string]string{
		"found": "find", "left": "leave", "saw": "see", "felt": "feel", "lay": "lie",
		"has": "have", "had": "have", "does": "do", "did": "do", "gets": "get", "goes": "go",
	} {
		m[form] = base
	}
	for w := range strings.FieldsSeq("is are was were be been being am 's 're") {
		m[w] = "be"
	}
	return m
}

// base is the base form of a word in lower case that may be a verb form; "" when it is none.
func (t *tools) base(w string) string {
	if b, ok := t.forms[w]; ok {
		return b
	}
	if t.verbs[w] && !strings.HasSuffix(w, "ed") && !strings.HasSuffix(w, "s") {
		return w
	}
	if b := t.unsuffixed(w); b != "" {
		return b
	}
	if t.verbs[w] {
		return w
	}
	return ""
}

func (t *tools) unsuffixed(w string) string {
	if stem, ok := cutAny(w, "ies", "ied"); ok && t.verbs[stem+"y"] {
		return stem + "y"
	}
	if stem, ok := strings.CutSuffix(w, "s"); ok && !strings.HasSuffix(stem, "s") {
		if t.verbs[stem] {
			return stem
		}
		if stem, ok = strings.CutSuffix(stem, "e"); ok && t.verbs[stem] {
			return stem
		}
	}
	stem, ok := cutAny(w, "ed", "ing")
	if !ok || len(stem) < 2 {
		return ""
	}
	n := len(stem)
	whole, mute := t.verbs[stem], t.verbs[stem+"e"]
	switch {
	case mute && (!whole || hasAnySuffix(stem, "at", "iz", "us", "rout")):
		return stem + "e"
	case whole:
		return stem
	case n > 2 && stem[n-1] == stem[n-2] && t.verbs[stem[:n-1]]:
		return stem[:n-1]
	}
	return ""
}

// finite says whether a word in lower case looks like a verb in the third person ("returns").
func (t *tools) finite(w string) bool {
	b := t.base(w)
	return b != "" && b != w && strings.HasSuffix(w, "s")
}

func cutAny(w string, suffixes ...string) (string, bool) {
	for _, s := range suffixes {
		if stem, ok := strings.CutSuffix(w, s); ok {
			return stem, true
		}
	}
	return w, false
}

func hasAnySuffix(w string, suffixes ...string) bool {
	_, ok := cutAny(w, suffixes...)
	return ok
}

// pluralForm says whether a noun in lower case looks plural.
func pluralForm(w string) bool {
	return len(w) > 3 && strings.HasSuffix(w, "s") && !hasAnySuffix(w, "ss", "us", "is", "news", "series")
}

// is reports whether x is one of the words.
func is(x string, words ...string) bool {
	for _, w := range words {
		if x == w {
			return true
		}
	}
	return false
}

var (
	genericNoun = set("value method function property option argument parameter item items example result default type name first second third last next following event object class field key number list set way thing case step one other new same main goal purpose reason idea point part end time section page document file code")
	functional  = set("the of and to is are that for with this be it as by from can will not you or if when which at was were have has but we they there their these those")
	stopWords   = set("a an the of to in on for and or is are was were be been being by with as at from that this these those it its their his her he she they them you your we our i do does did can could should would will may might must what which who whom whose when where why how if then than so not no nor but into over under about between within while there here also only any all each more most such other some same own has have had having s t explain describe")
)
