package quality

import (
	"regexp"
	"strings"
)

var (
	mailForm  = regexp.MustCompile(`(?i)\b[a-z0-9._%+-]+@([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})\b:?`)
	phoneForm = regexp.MustCompile(`(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]\d{2,4}){1,4}|\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}[-.]\d{3}[-.]\d{4}|\+\d{9,14})\b`)
	cardForm  = regexp.MustCompile(`\b[3-6]\d{3}(?:[ -]?\d{2,6}){2,4}\b`)
	ibanForm  = regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
	ssnForm   = regexp.MustCompile(`\b(\d{3})-(\d{2})-(\d{4})\b`)
)

// roles are mailboxes that belong to no person, and the user of addresses of repositories.
var roles = set(`abuse admin contact conduct feedback git help hello info legal license licensing noreply no-reply office opencode ops
postmaster press privacy sales secure security service support team webmaster`)

// personal reports an e-mail address, a telephone number, a payment card, a bank account or a US social
// security number. Mailboxes of a role and what is reserved for examples are none, and numbers count only when their check digits,
// where they have any, are right.
func personal(s string) bool {
	if strings.IndexByte(s, '@') >= 0 {
		for _, m := range mailForm.FindAllStringSubmatch(s, -1) {
			name, _, _ := strings.Cut(strings.ToLower(m[0]), "@")
			if !reservedHost(strings.ToLower(m[1])) && !roles[name] {
				return true
			}
		}
	}
	all, run := figures(s)
	return run >= 8 && personalNumber(s) || all >= 7 && hasAccount(s) && account(s)
}

func personalNumber(s string) bool {
	for _, m := range ssnForm.FindAllStringSubmatch(s, -1) {
		if m[1] != "000" && m[1] != "666" && m[1][0] != '9' && m[2] != "00" && m[3] != "0000" {
			return true
		}
	}
	for _, found := range phoneForm.FindAllString(s, -1) {
		if n := digits(found); n >= 8 && n <= 15 && !strings.Contains(found, "555-01") && !strings.Contains(found, "555 01") {
			return true
		}
	}
	for _, found := range cardForm.FindAllString(s, -1) {
		if n := digits(found); n >= 13 && n <= 19 && luhn(found) {
			return true
		}
	}
	return false
}

func account(s string) bool {
	for _, found := range ibanForm.FindAllString(s, -1) {
		if iban(strings.ReplaceAll(found, " ", "")) {
			return true
		}
	}
	return false
}

// figures counts the digits of s, and those of the run with most of them of signs that telephone, card and social
// security numbers are written with.
func figures(s string) (all, run int) {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case digit(s, i):
			all++
			n++
			run = max(run, n)
		case c != ' ' && c != '-' && c != '.' && c != '(' && c != ')' && c != '+':
			n = 0
		}
	}
	return all, run
}

// hasAccount reports whether s may hold a bank account: two capital letters and two digits.
func hasAccount(s string) bool {
	for i := range len(s) - 3 {
		if isCapital(s[i]) && isCapital(s[i+1]) && digit(s, i+2) && digit(s, i+3) {
			return true
		}
	}
	return false
}

// reservedHost reports names that RFC 2606 and RFC 6761 keep for examples.
func reservedHost(host string) bool {
	for _, name := range [...]string{"example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"} {
		if host == name || strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if digit(s, i) {
			n++
		}
	}
	return n
}

// luhn checks the last digit of a card number. A number of one digit only is none.
func luhn(s string) bool {
	sum, double, same, first := 0, false, true, byte(0)
	for i := len(s) - 1; i >= 0; i-- {
		if !digit(s, i) {
			continue
		}
		if first == 0 {
			first = s[i]
		}
		same = same && s[i] == first
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0 && !same
}

// iban checks the two digits of an account number (ISO 13616): moved to the end, letters as 10 to 35, it is
// 1 modulo 97.
func iban(s string) bool {
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for i := range len(s) {
		c := s[(i+4)%len(s)]
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}
