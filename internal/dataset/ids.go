package dataset

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"
)

// Tenant is whose data something is: 1 to 32 of [a-z0-9-].
type Tenant string

// LocalTenant owns what is made on one machine without keys.
const LocalTenant Tenant = "local"

// Valid reports whether t has the form of a tenant.
func (t Tenant) Valid() bool { return tenantForm.MatchString(string(t)) }

var (
	tenantForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	jobForm    = regexp.MustCompile(`^[a-z0-9_-]{1,47}$`)
)

// JobRef names a job of a tenant. Its text, "<tenant>_<id>", is the name of the job's execution and what
// messages and steps carry, so that any of them leads to the job's record without a second lookup.
type JobRef struct {
	Tenant Tenant `json:"tenant"`
	ID     string `json:"id"`
}

func (r JobRef) String() string { return string(r.Tenant) + "_" + r.ID }

// ParseJobRef reads the text of a JobRef; Invalid when it is none.
func ParseJobRef(s string) (JobRef, error) {
	tenant, id, ok := strings.Cut(s, "_")
	if !ok || !tenantForm.MatchString(tenant) || !jobForm.MatchString(id) {
		return JobRef{}, Errorf(Invalid, "%q is not a job: want <tenant>_<id>", s)
	}
	return JobRef{Tenant(tenant), id}, nil
}

// NewID returns a random UUID (version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return formatUUID(b)
}

// DeriveID returns the UUID (version 8) that belongs to parts: the same parts, the same id. Deriving ids
// from what they name is what makes a repeated step write the same thing again.
func DeriveID(parts ...string) string {
	b := [16]byte(digest(parts).Sum(nil))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return formatUUID(b)
}

// Hash returns 32 hexadecimal digits that depend on every part and on where one ends and the next begins.
func Hash(parts ...string) string { return hex.EncodeToString(digest(parts).Sum(nil)[:16]) }

func digest(parts []string) hash.Hash {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h
}

func formatUUID(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
