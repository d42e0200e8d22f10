package quality

import (
	"regexp"
	"strings"

	"compileo/internal/dataset"
)

// places are phrases that name the text as a place. Where the chunk has the same phrase it is about texts.
var places = regexp.MustCompile(`\b(?:according to|in|from|of|by|within|based on|per) (?:the|this|that) (?:(?:given|provided|above|following|source|original) )?(?:text|passage|excerpt|snippet|chunk|paragraph)\b`)

// speech are phrases by which a text speaks of itself.
var speech = regexp.MustCompile(`\b(?:the|this) (?:(?:given|provided|above|following) )?(?:text|passage|excerpt|snippet|chunk|article|author|paragraph|section|document)s? (?:say|says|said|state|states|stated|mention|mentions|mentioned|describe|describes|discuss|discusses|suggest|suggests|explain|explains|imply|implies|provide|provides|list|lists|note|notes)\b` +
	`|\b(?:do|does|did) (?:the|this) (?:text|passage|excerpt|snippet|chunk|article|author|paragraph|document|section) (?:say|state|mention|describe|discuss|suggest|explain|imply|provide|list|note)\b` +
	`|\baccording to (?:the|this) (?:text|passage|document|article|section|author|context)\b` +
	`|\b(?:given|provided) (?:text|passage|context|document|excerpt|information)\b`)

// pointers are phrases that point at what stands elsewhere.
var pointers = regexp.MustCompile(`\b(?:as|described|mentioned|shown|listed|noted|see|seen|stated|discussed|explained|given|defined|outlined|used) (?:above|below|earlier|previously)\b` +
	`|\bthe (?:above|below|aforementioned|above-mentioned|preceding)\b|\b(?:example|table|figure|list|code|section|snippet|diagram|command|steps?) (?:above|below)\b` +
	`|\bin (?:this|the (?:previous|next|preceding|current)) (?:section|chapter|document|article|paragraph|example|text|table|guide|tutorial|page)\b`)

// before are phrases that point at something a question does not show.
var before = regexp.MustCompile(`\bthe following (?:text|passage|code|table|list|example|document|excerpt|snippet|command)\b|\bthe (?:example|code|snippet|table|figure|diagram) (?:given|provided|shown|here)\b|\baccording to the documentation\b`)

// expletive is an "it" that stands for nothing.
var expletive = regexp.MustCompile(`\b(?:is|was|be|would|will|does|did|can|makes?|make|take|takes) it (?:possible|necessary|safe|safer|required|recommended|ok|okay|true|important|better|best|good|useful|mean|means|take|matter|cost|advisable|easy|easier|hard|worth|called|sufficient|enough|allowed|to)\b|\bit (?:is|was) (?:possible|necessary|safe|required|recommended|important|better|true)\b`)

// Every match of a pattern above holds one of these words. They are looked for first: most texts hold none,
// and the words are there already.
var (
	speechWords  = set(`text texts passage passages excerpt excerpts snippet snippets chunk chunks paragraph paragraphs article articles author authors section sections document documents documentation context information`)
	pointerWords = set(`above below earlier previously aforementioned preceding previous next current this`)
	beforeWords  = set(`following given provided shown here documentation`)
	refusalWords = set(`ai artificial language sorry unable able cannot can t not no apologize apologise insufficient`)
	commandWords = set(`curl wget pip pip3 npm npx yarn brew apt yum dnf docker kubectl sudo rm chmod chown bash sh powershell iwr iex eval ssh scp nc go git make cargo`)
)

func mentions(list []word, set map[string]bool) bool {
	for i := range list {
		if set[list[i].low] {
			return true
		}
	}
	return false
}

// refersOut reports an entry that is not understood without its source.
func (c *Context) refersOut(v *view, mode dataset.Mode) bool {
	if c.pointsOut(prose(v.answer), v.aWords) {
		return true
	}
	if mode == dataset.Summarization || mode == dataset.Instruction && v.entry.Input != "" {
		return false // the question is ours, or points at its input
	}
	low := strings.ToLower(v.entry.Question)
	if c.pointsOut(low, v.qWords) || mentions(v.qWords, beforeWords) && before.MatchString(low) {
		return true
	}
	return mentions(v.qWords, pronouns) && orphan(v.entry.Question, low)
}

// pointsOut reports a text that speaks of itself as a text, or points at something outside of it: what is
// above its first line or below its last one.
func (c *Context) pointsOut(text string, list []word) bool {
	text = strings.ToLower(text)
	if mentions(list, speechWords) {
		at := places.FindString(text)
		if at != "" && !c.contains(at) || speech.MatchString(text) {
			return true
		}
	}
	if !mentions(list, pointerWords) {
		return false
	}
	for _, at := range pointers.FindAllStringIndex(text, -1) {
		rest := text[:at[0]]
		if strings.Contains(text[at[0]:at[1]], "below") {
			rest = text[at[1]:]
		}
		if !strings.Contains(rest, "\n") {
			return true
		}
	}
	return false
}

// orphan reports a question with a pronoun, or a "this thing", that nothing before it can stand for.
func orphan(question, low string) bool {
	named, expletives := 0, len(expletive.FindAllString(low, -1))
	list := words(question)
	for i, w := range list {
		follows := ""
		if i+1 < len(list) {
			follows = list[i+1].low
		}
		switch {
		case named > 0 || !pronouns[w.low]:
		case w.low == "it" && expletives > 0:
			expletives--
		case (w.low == "those" || w.low == "these") && (follows == "who" || follows == "that" || follows == "of"):
		default:
			return true
		}
		if !w.stop && !taskWords[w.low] && questionWords[w.low] == "" && !bareVerbs[w.low] {
			named++
		}
	}
	return false
}

// bareVerbs come before a pronoun without naming anything.
var bareVerbs = set(`happens happen called mean means following example main purpose difference using use used work works kind type way reason many much`)

var refusal = regexp.MustCompile(`\bas an? (?:ai|artificial|language model|large language)\b|\bi(?:'m| am) (?:sorry|unable|not able)\b|\bi (?:cannot|can't|can not|do not|don't|won't|apologi[sz]e)\b` +
	`|\b(?:text|document|passage|context|chunk|source|excerpt|article|section|documentation) (?:does not|doesn't|do not|did not) (?:say|mention|specify|provide|contain|state|include|describe|explain|give|discuss|indicate)\b` +
	`|\bno (?:specific |further |additional )?(?:information|details?) (?:is |are |was |were )?(?:given|provided|available|mentioned)\b` +
	`|\b(?:not|isn't|aren't) (?:explicitly |specifically |directly )?(?:mentioned|specified|provided|stated|given|described|discussed) in the (?:text|passage|document|context|chunk|excerpt|section|article|source)\b` +
	`|\b(?:cannot|can't|unable to) (?:be )?(?:answer|answered|determine|determined) (?:this|the question|from|based)\b|\b(?:not enough|insufficient) information\b`)

// refuses reports an answer, or a question, in which a model speaks of itself or has nothing to say, unless
// the chunk says the very same.
func (c *Context) refuses(v *view) bool {
	for i, text := range [...]string{v.question, v.answer} {
		if !mentions([...][]word{v.qWords, v.aWords}[i], refusalWords) {
			continue
		}
		low := strings.ReplaceAll(strings.ToLower(text), "’", "'")
		at := refusal.FindStringIndex(low[:min(len(low), 400)])
		if at != nil && !c.contains(low[at[0]:at[1]]) {
			return true
		}
	}
	return false
}

var profane = set(`fuck fucks fucked fucker fuckers fucking motherfucker motherfuckers shit shits shitty bullshit asshole assholes bitch bitches
cunt cunts bastards dickhead wanker wankers twat slut sluts whore whores nigger niggers faggot faggots retard retarded`)

func isProfane(w word) bool { return profane[w.low] }
