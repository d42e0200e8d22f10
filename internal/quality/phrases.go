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

// refersOut reports an entry that is not understood without its source.
func (c *Context) refersOut(v *view, mode dataset.Mode) bool {
	if c.pointsOut(prose(v.answer), v.aClass) {
		return true
	}
	if mode == dataset.Summarization || mode == dataset.Instruction && v.entry.Input != "" {
		return false // the question is ours, or points at its input
	}
	if c.pointsOut(v.entry.Question, v.qClass) || v.qClass&beforeWord != 0 && before.MatchString(strings.ToLower(v.entry.Question)) {
		return true
	}
	return v.qClass&pronounWord != 0 && orphan(v.entry.Question, v.qWords[:v.asked])
}

// pointsOut reports a text that speaks of itself as a text, or points at something outside of it: what is
// above its first line or below its last one.
func (c *Context) pointsOut(text string, words class) bool {
	if words&(speechWord|pointerWord) == 0 {
		return false
	}
	text = strings.ToLower(text)
	if words&speechWord != 0 {
		at := places.FindString(text)
		if at != "" && !c.contains(at) || speech.MatchString(text) {
			return true
		}
	}
	if words&pointerWord == 0 {
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
func orphan(question string, list []word) bool {
	named, expletives := 0, len(expletive.FindAllString(strings.ToLower(question), -1))
	for i, w := range list {
		follows := ""
		if i+1 < len(list) {
			follows = list[i+1].low
		}
		switch {
		case named > 0 || w.class&pronounWord == 0:
		case w.low == "it" && expletives > 0:
			expletives--
		case (w.low == "those" || w.low == "these") && (follows == "who" || follows == "that" || follows == "of"):
		default:
			return true
		}
		if !w.stop && w.class&(taskWord|interrogates|bareVerb) == 0 {
			named++
		}
	}
	return false
}

var refusal = regexp.MustCompile(`\bas an? (?:ai|artificial|language model|large language)\b|\bi(?:'m| am) (?:sorry|unable|not able)\b|\bi (?:cannot|can't|can not|do not|don't|won't|apologi[sz]e)\b` +
	`|\b(?:text|document|passage|context|chunk|source|excerpt|article|section|documentation) (?:does not|doesn't|do not|did not) (?:say|mention|specify|provide|contain|state|include|describe|explain|give|discuss|indicate)\b` +
	`|\bno (?:specific |further |additional )?(?:information|details?) (?:is |are |was |were )?(?:given|provided|available|mentioned)\b` +
	`|\b(?:not|isn't|aren't) (?:explicitly |specifically |directly )?(?:mentioned|specified|provided|stated|given|described|discussed) in the (?:text|passage|document|context|chunk|excerpt|section|article|source)\b` +
	`|\b(?:cannot|can't|unable to) (?:be )?(?:answer|answered|determine|determined) (?:this|the question|from|based)\b|\b(?:not enough|insufficient) information\b`)

// refuses reports an answer, or a question, in which a model speaks of itself or has nothing to say, unless
// the chunk says the very same.
func (c *Context) refuses(v *view) bool {
	for i, text := range [...]string{v.question, v.answer} {
		if [...]class{v.qClass, v.aClass}[i]&refusalWord == 0 {
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
