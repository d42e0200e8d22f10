package asl

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"compileo/internal/dataset"
)

// maxDefinition is the size of a definition, in bytes, that AWS takes at most.
const maxDefinition = 1 << 20

// maxIterations is how many iterations of an inline Map AWS runs at a time.
const maxIterations = 40

// The resources of tasks.
const (
	invokeResource = "arn:aws:states:::lambda:invoke"
	sendResource   = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
)

var stateForm = regexp.MustCompile(`^[A-Za-z0-9_ -]{1,80}$`)

// Parse loads a definition. What the interpreter does not know, and what could never work, is an Invalid
// error whose Fields name every place by JSON pointer.
func Parse(definition []byte) (*Machine, error) {
	switch {
	case len(definition) > maxDefinition:
		return nil, dataset.Errorf(dataset.Invalid, "the workflow has %d bytes, want at most %d", len(definition), maxDefinition)
	case !utf8.Valid(definition) || !json.Valid(definition):
		return nil, dataset.Errorf(dataset.Invalid, "the workflow is not JSON in UTF-8")
	}
	var l loader
	o := l.object("", definition)
	if o.has("Comment") {
		o.text("Comment")
	}
	o.need("TimeoutSeconds") // without it an execution may hang for a year
	m := &Machine{first: o.text("StartAt"), timeout: o.seconds("TimeoutSeconds"), states: map[string]*state{}}
	states := l.object("/States", o.need("States"))
	for _, name := range states.keys {
		at := states.field(name)
		if !stateForm.MatchString(name) {
			l.fault(at, "is not a name of a state: want 1 to 80 of [A-Za-z0-9_ -]")
		}
		m.states[name] = l.state(name, l.object(at, states.take(name)))
	}
	o.done()
	l.graph(m)
	if err := l.err(); err != nil {
		return nil, err
	}
	return m, nil
}

func (l *loader) state(name string, o *object) *state {
	defer o.done()
	s := &state{name: name, kind: o.text("Type")}
	switch s.kind {
	case taskState:
		s.task = l.task(o)
		s.drop = l.result(o, s.task)
		s.catch = l.catchers(o)
		s.next = l.next(o)
	case mapState:
		s.items = o.fieldPath("ItemsPath")
		o.need("MaxConcurrency") // without it AWS has no limit of its own
		s.limit = o.integer("MaxConcurrency", 1, maxIterations, 1)
		s.task = l.processor(l.object(o.field("ItemProcessor"), o.need("ItemProcessor")))
		s.drop = o.null("ResultPath")
		s.catch = l.catchers(o)
		s.next = l.next(o)
	case choiceState:
		o.need("Choices")
		for _, raw := range o.list("Choices") {
			c := l.object(o.field("Choices"), raw)
			s.choices = append(s.choices, choice{c.fieldPath("Variable"), c.text("StringEquals"), c.text("Next")})
			c.done()
		}
		s.otherwise = o.text("Default")
	case failState:
		s.errorField = o.fieldPath("ErrorPath")
	default:
		o.fault(o.field("Type"), "is %q, want Task, Map, Choice or Fail", clip(s.kind, 40))
	}
	return s
}

// next takes Next or End, of which there must be one.
func (l *loader) next(o *object) string {
	if !o.has("End") {
		return o.text("Next")
	}
	l.end(o)
	if o.has("Next") {
		o.take("Next")
		o.fault(o.field("Next"), "is there besides End")
	}
	return ""
}

func (l *loader) end(o *object) {
	if raw := o.need("End"); raw != nil && string(raw) != "true" {
		o.fault(o.field("End"), "is %s, want true", clip(string(raw), 40))
	}
}

// processor reads what a Map does with each item: one task whose output is dropped, so that an iteration has
// no more to remember than whether it is done.
func (l *loader) processor(o *object) task {
	defer o.done()
	start := o.text("StartAt")
	states := l.object(o.field("States"), o.need("States"))
	if len(states.keys) != 1 {
		l.fault(states.at, "has %d states, want one", len(states.keys))
		return task{}
	}
	if states.keys[0] != start {
		l.fault(o.field("StartAt"), "is %q, which is no state of it", clip(start, 80))
	}
	s := l.object(states.field(states.keys[0]), states.take(states.keys[0]))
	defer s.done()
	if kind := s.text("Type"); kind != taskState {
		l.fault(s.field("Type"), "is %q, want Task", clip(kind, 40))
		return task{}
	}
	t := l.task(s)
	s.need("ResultPath")
	s.null("ResultPath")
	l.end(s)
	return t
}

// task reads the fields that tasks of states and of iterations share.
func (l *loader) task(o *object) task {
	t := task{timeout: o.seconds("TimeoutSeconds"), retry: l.retriers(o)}
	params := l.object(o.field("Parameters"), o.need("Parameters"))
	defer params.done()
	switch resource := o.text("Resource"); resource {
	case invokeResource:
		t.function = params.substitution("FunctionName")
		if params.has("Payload.$") {
			t.payload = l.pathTemplate(params.field("Payload.$"), params.take("Payload.$"), false)
		} else if raw := params.need("Payload"); raw != nil {
			t.payload = l.template(params.field("Payload"), raw, false, 1)
		}
	case sendResource:
		t.queue = params.substitution("QueueUrl")
		if params.has("MessageGroupId.$") {
			t.group = l.pathTemplate(params.field("MessageGroupId.$"), params.take("MessageGroupId.$"), false)
		}
		o.need("TimeoutSeconds") // without it a lost message would never be noticed
		if raw := params.need("MessageBody"); raw != nil {
			t.payload = l.template(params.field("MessageBody"), raw, true, 1)
			if !t.payload.uses(tokenRoot) {
				l.fault(params.field("MessageBody"), "does not hold %s, so nobody could answer", tokenRoot)
			}
		}
	default:
		o.fault(o.field("Resource"), "is %q, want %s or %s", clip(resource, 80), invokeResource, sendResource)
	}
	return t
}

// result reads what becomes of a task's output: null drops it, $.Payload is a function's own answer. Without
// either, the output would be the whole response with its headers, which no state here wants.
func (l *loader) result(o *object, t task) (drop bool) {
	if o.has("ResultPath") || t.queue != "" {
		o.need("ResultPath")
		return o.null("ResultPath")
	}
	if s := o.text("OutputPath"); o.has("OutputPath") && s != "$.Payload" {
		o.fault(o.field("OutputPath"), "is %q, only $.Payload is interpreted here", clip(s, 40))
	}
	return false
}

func (l *loader) retriers(o *object) []retrier {
	var all []retrier
	list := o.list("Retry")
	for i, raw := range list {
		r := l.object(o.field("Retry"), raw)
		all = append(all, retrier{
			errors:   l.errorNames(r, i == len(list)-1),
			interval: max(r.seconds("IntervalSeconds"), 1e9),
			attempts: r.integer("MaxAttempts", 0, maxSeconds, 3),
			rate:     r.rate("BackoffRate"),
		})
		r.done()
	}
	return all
}

func (l *loader) catchers(o *object) []catcher {
	var all []catcher
	list := o.list("Catch")
	for i, raw := range list {
		c := l.object(o.field("Catch"), raw)
		all = append(all, catcher{l.errorNames(c, i == len(list)-1), c.text("Next")})
		c.done()
	}
	return all
}

// errorNames takes ErrorEquals. States.ALL must stand alone, in the last retrier or catcher.
func (l *loader) errorNames(o *object, last bool) []string {
	o.need("ErrorEquals")
	var names []string
	for _, raw := range o.list("ErrorEquals") {
		name, _ := asText(raw)
		switch {
		case !slices.Contains([]string{errAll, errTimeout, errPermanent, errInternal}, name):
			o.fault(o.field("ErrorEquals"), "holds %s, want %s, %s, %s or %s", clip(string(raw), 80), errAll, errTimeout, errPermanent, errInternal)
		case name == errAll && (!last || len(names) > 0), len(names) > 0 && names[0] == errAll:
			o.fault(o.field("ErrorEquals"), "holds %s, which must stand alone and last", errAll)
		}
		names = append(names, name)
	}
	return names
}

// graph faults targets that do not exist, and states that no way leads to.
func (l *loader) graph(m *Machine) {
	if m.states[m.first] == nil {
		l.fault("/StartAt", "is %q, which is no state", clip(m.first, 80))
		return
	}
	reached, todo := map[string]bool{m.first: true}, []string{m.first}
	for len(todo) > 0 {
		s := m.states[todo[0]]
		todo = todo[1:]
		for _, name := range s.targets() {
			switch {
			case m.states[name] == nil:
				l.fault("/States/"+s.name, "goes on to %q, which is no state", clip(name, 80))
			case !reached[name]:
				reached[name], todo = true, append(todo, name)
			}
		}
	}
	for name := range m.states {
		if !reached[name] {
			l.fault("/States/"+name, "is not reached from %s", m.first)
		}
	}
	slices.SortStableFunc(l.faults, func(a, b dataset.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
}
