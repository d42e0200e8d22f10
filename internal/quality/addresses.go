package quality

import (
	"cmp"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	address = regexp.MustCompile(`(?i)\b(?:https?|ftp|ssh|git)://[^\s<>"'` + "`" + `)\]]+|\bwww\.[^\s<>"'` + "`" + `)\]]+|[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*|` +
		`\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|app|info|biz|xyz|ru|cn|co|ai|me|gov|edu|uk|de|top|sh)\b(?:/[^\s<>"'` + "`" + `)\]]*)?`)
	command = regexp.MustCompile(`(?m)\b(?:curl|wget|pip3?|npm|npx|yarn|brew|apt(?:-get)?|yum|dnf|docker|kubectl|sudo|rm|chmod|chown|bash|sh|powershell|iwr|iex|eval|ssh|scp|nc|go|git|make|cargo)` +
		`[ \t]+(?:-{1,2}[a-zA-Z][\w-]*|[a-z]+://\S+|install|run|exec|add|get|clone|apply|rm|push)\b(?:[ \t]+[\w@./:=-]+)?|^[ \t]*\$[ \t]+(.+)$`)
)

// strangeAddress reports an address or a command that the chunk does not hold: what leads a reader, or a
// program, somewhere must come from the source to the letter.
func (c *Context) strangeAddress(text string, words class) bool {
	if hasAddress(text) {
		for _, found := range address.FindAllString(text, -1) {
			if !c.contains(strings.TrimRight(found, ".,;:!?*_")) {
				return true
			}
		}
	}
	if words&commandWord != 0 && hasCommand(text) || strings.Contains(text, "$") {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			if !c.contains(strings.TrimRight(cmp.Or(m[1], m[0]), ".,;:!?`")) {
				return true
			}
		}
	}
	if !strings.Contains(text, "`") {
		return false
	}
	for line := range strings.SplitSeq(prose(text), "\n") {
		for i, piece := range strings.Split(line, "`") {
			if i%2 == 1 && strings.Contains(strings.TrimSpace(piece), " ") && !c.contains(piece) {
				return true
			}
		}
	}
	for _, code := range fenced(text) {
		lang, body, _ := strings.Cut(code, "\n")
		switch strings.TrimSpace(lang) {
		case "sh", "bash", "shell", "console", "zsh", "powershell", "cmd":
			for line := range strings.SplitSeq(body, "\n") {
				if strings.TrimSpace(line) != "" && !c.contains(line) {
					return true
				}
			}
		}
	}
	return false
}

// hasAddress reports whether text may hold an address: an @, a scheme, "www." or the end of a host name; and a slash,
// or a dot between a sign and a letter.
func hasAddress(text string) bool {
	lead, joint := false, false
	for i := 1; i+1 < len(text); i++ {
		switch text[i] {
		case '@':
			return true
		case '/':
			joint = true
			lead = lead || strings.HasSuffix(text[:i], ":/")
		case '.':
			joint = joint || text[i-1] > ' ' && lower(text[i+1]) >= 'a' && lower(text[i+1]) <= 'z'
			lead = lead || i >= 3 && strings.EqualFold(text[i-3:i], "www") || startsWithDomain(text[i+1:])
		}
	}
	return lead && joint
}

// startsWithDomain reports whether s may begin with the last part of a host name.
func startsWithDomain(s string) bool {
	n := 0
	for n < len(s) && n < 5 && lower(s[n]) >= 'a' && lower(s[n]) <= 'z' {
		n++
	}
	if n < len(s) && s[n] >= utf8.RuneSelf {
		return true // (?i) takes a few signs that are not ASCII for letters
	}
	return domains[strings.ToLower(s[:n])]
}

var domains = set(`com org net io dev app info biz xyz ru cn co ai me gov edu uk de top sh`)

// hasCommand reports whether a text with a word of commandWord may hold a command: after space an option or a verb.
func hasCommand(text string) bool {
	if strings.Contains(text, "://") {
		return true
	}
	for i := range len(text) - 1 {
		if text[i] != ' ' && text[i] != '\t' {
			continue
		}
		for _, verb := range [...]string{"-", "install", "run", "exec", "add", "get", "clone", "apply", "rm", "push"} {
			if strings.HasPrefix(text[i+1:], verb) {
				return true
			}
		}
	}
	return false
}

// contains reports whether a piece of text stands in the chunk, its title or headings, on borders of words.
func (c *Context) contains(s string) bool {
	s = strings.TrimSpace(strings.ToLower(fold(s).text))
	if s == "" {
		return true
	}
	_, ok := indexWord(c.lower(), s)
	return ok
}
