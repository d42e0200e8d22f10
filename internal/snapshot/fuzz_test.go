package snapshot

import (
	"bytes"
	"testing"

	"compileo/internal/dataset"
)

func FuzzRow(f *testing.F) {
	f.Add(appendRow(nil, row{quality: 0.5, offset: 1 << 40, ordinal: 7, length: 900, category: 3, part: 2, level: 1, flags: flagged}))
	f.Add(make([]byte, rowSize))
	f.Add(bytes.Repeat([]byte{0xff}, rowSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRow(data)
		if err != nil {
			return
		}
		if again := appendRow(nil, r); !bytes.Equal(again, data[:rowSize]) {
			t.Errorf("row %x was written as %x", data[:rowSize], again)
		}
	})
}

// FuzzManifest reads a version whose manifest is anything. What is accepted must lead to errors or pages, not
// to a crash.
func FuzzManifest(f *testing.F) {
	m := newMemory()
	if _, err := writeGolden(f, m); err != nil {
		f.Fatal(err)
	}
	good := m.objects[prefix+manifestFile]
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"rows":2`), []byte(`"rows":3`)))
	f.Add(bytes.ReplaceAll(good, []byte(`[1,5,9]`), []byte(`[1,1,4000000000]`)))
	f.Add(bytes.ReplaceAll(good, []byte(`[1,5,9]`), []byte(`[1,5]`)))
	f.Add(bytes.ReplaceAll(good, []byte(`"Anatomy":2`), []byte(`"Anatomy":3,"":-1`)))
	f.Add([]byte(`{"format":1,"difficulties":{"advanced":0,"beginner":0,"expert":0,"intermediate":0}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := parseManifest(prefix+manifestFile, data)
		if err != nil {
			if !dataset.Is(err, dataset.Internal) {
				t.Errorf("parseManifest = %v, want internal", err)
			}
			return
		}
		v := newVersion(m, prefix, parsed)
		for _, o := range orders {
			for _, q := range []PageQuery{
				{Order: o, Limit: 10},
				{Order: o, Limit: 2, Offset: 3, MinQuality: new(0.8)},
				{Order: o, Limit: 2, Category: new("Anatomy")},
				{Order: o, Limit: 2, Difficulty: new(dataset.Expert), Flagged: new(true)},
			} {
				if p, err := v.Page(t.Context(), q, nil); err == nil && (p.Total > parsed.Entries || len(p.Entries) > q.Limit) {
					t.Errorf("Page(%s) = %d of %d", describe(q), len(p.Entries), p.Total)
				}
			}
		}
		for ordinal := range 10 {
			_, _ = v.NewEdit(t.Context(), ordinal, nil)
		}
		v.Summary(nil)
		_ = v.WriteJSONL(t.Context(), &bytes.Buffer{}, nil)
	})
}

func FuzzLineOrdinal(f *testing.F) {
	f.Add([]byte(`{"id":"entry_17","question":""}`))
	f.Add([]byte(`{"id":"entry_99999999999999999999",`))
	f.Add([]byte(`{"id":"entry_`))
	f.Fuzz(func(t *testing.T, line []byte) {
		n, ok := lineOrdinal(line)
		if ok && !bytes.HasPrefix(line, []byte(`{"id":"entry_`)) || n < 0 || ok && n > MaxOrdinal {
			t.Errorf("lineOrdinal(%q) = %d, %v", line, n, ok)
		}
	})
}
