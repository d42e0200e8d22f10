package porttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"compileo/internal/dataset"

	"golang.org/x/sync/errgroup"
)

var listCases = []scenario[*store]{
	{"List answers every object once across pages and Delete removes them all", listMany},
	{"List is in byte order", listOrder},
	{"List begins after a key whether it exists or not", listAfter},
	{"prefix and after are visible ASCII and need not be keys", listArguments},
	{"Delete of what does not exist is no error", deleteMissing},
}

func listMany(t *testing.T, s *store) {
	var want []string
	var puts errgroup.Group
	puts.SetLimit(16)
	for i := range 1050 {
		key := fmt.Sprintf("%sunit/%06d", s.prefix, i)
		want = append(want, key)
		puts.Go(func() error {
			return patient(t.Context(), func() error { return s.Put(t.Context(), key, []byte("x")) })
		})
	}
	if err := puts.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := s.names(t, s.prefix, ""); !slices.Equal(got, want) {
		t.Errorf("List = %d objects, want %d in order", len(got), len(want))
	}
	if err := s.Delete(t.Context(), want...); err != nil {
		t.Errorf("Delete of %d = %v", len(want), err)
	}
	if got := s.names(t, s.prefix, ""); len(got) != 0 {
		t.Errorf("List after Delete = %d objects, want none", len(got))
	}
}

func listOrder(t *testing.T, s *store) {
	var want []string
	for i, name := range []string{"a/x", "a-b/x", "a.b/x", "a0/x", "a=b", "aB/x", "a_b/x", "ab", "A/x", "Z", "z/1", "z/10", "z/9", "0"} {
		want = append(want, s.put(t, name, make([]byte, i)))
	}
	slices.Sort(want)
	if got := s.names(t, s.prefix, ""); !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	page, err := s.List(t.Context(), s.prefix, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range page {
		if stat, err := s.Stat(t.Context(), info.Key); err != nil || stat != info {
			t.Errorf("List says %+v, Stat %+v, %v", info, stat, err)
		}
	}
}

func listAfter(t *testing.T, s *store) {
	var keys []string
	for _, name := range []string{"p/a", "p/b", "p/c", "pp", "q/a"} {
		keys = append(keys, s.put(t, name, []byte("x")))
	}
	for _, c := range []struct {
		prefix, after string
		first, last   int
	}{
		{"", "", 0, 5},
		{"p", "", 0, 4},
		{"p/", "", 0, 3},
		{"p/b", "", 1, 2},
		{"p/", "p/a", 1, 3},
		{"p/", "p/aa", 1, 3},
		{"p/", "p/c", 0, 0},
		{"p/", "p/z", 0, 0},
		{"p/", "o", 0, 3},
		{"", "p/c", 3, 5},
		{"", "p/zz", 3, 5},
		{"none/", "", 0, 0},
	} {
		after := c.after
		if after != "" {
			after = s.prefix + after
		}
		if got := s.names(t, s.prefix+c.prefix, after); !slices.Equal(got, keys[c.first:c.last]) {
			t.Errorf("List(%q, after %q) = %q, want %q", c.prefix, c.after, got, keys[c.first:c.last])
		}
	}
}

func listArguments(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("x"))
	for _, bad := range []string{strings.Repeat("k", dataset.MaxKey+1), s.prefix + "\x00", s.prefix + "a b", s.prefix + "ä"} {
		_, err := s.List(t.Context(), bad, "")
		wantKind(t, fmt.Sprintf("List(%.60q)", bad), err, dataset.Invalid)
		_, err = s.List(t.Context(), s.prefix, bad)
		wantKind(t, fmt.Sprintf("List after %.60q", bad), err, dataset.Invalid)
	}
	if got := s.names(t, s.prefix, s.prefix+"!"); !slices.Equal(got, []string{key}) {
		t.Errorf("List after %q = %q, want %q", "!", got, key)
	}
	if got := s.names(t, s.prefix+"~", s.prefix); len(got) != 0 {
		t.Errorf("List of %q = %q, want nothing", "~", got)
	}
}

func deleteMissing(t *testing.T, s *store) {
	key, other := s.put(t, "a", []byte("x")), s.put(t, "b", []byte("y"))
	if err := s.Delete(t.Context()); err != nil {
		t.Errorf("Delete of nothing = %v", err)
	}
	if err := s.Delete(t.Context(), s.prefix+"none", key, s.prefix+"folder/none"); err != nil {
		t.Errorf("Delete = %v", err)
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Errorf("second Delete = %v", err)
	}
	s.wantNone(t, key)
	s.want(t, other, []byte("y"))
	var many []string
	for i := range dataset.MaxListPage + 5 {
		many = append(many, fmt.Sprintf("%snone-%d", s.prefix, i))
	}
	if err := s.Delete(t.Context(), append(many, other)...); err != nil {
		t.Errorf("Delete of %d = %v", len(many)+1, err)
	}
	s.wantNone(t, other)
}
