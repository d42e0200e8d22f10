package pdf

import (
	"bytes"
	"compress/flate"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

var update = flag.Bool("update", false, "write the golden files")

// reader compiles PDFium once for all tests and, as that takes a minute with the race detector, keeps the code where go
// keeps its own.
var reader = New(func() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "compileo", "pdfium")
}())

func parse(ctx context.Context, data []byte) (*document.Text, error) {
	return document.Parse(ctx, "doc.pdf", data, document.Readers{".pdf": reader.Read})
}

// check fails when a text breaks what document.Text promises.
func check(t *testing.T, text *document.Text) {
	t.Helper()
	at := 0
	for i, b := range text.Blocks {
		if b.Start < at || b.End <= b.Start || b.End > len(text.Body) || strings.TrimSpace(text.Body[at:b.Start]) != "" {
			t.Fatalf("block %d %+v does not follow %d", i, b, at)
		}
		if span := text.Body[b.Start:b.End]; strings.TrimSpace(span) != span {
			t.Fatalf("block %d is %q", i, span)
		}
		at = b.End
	}
	if at != len(text.Body) || !utf8.ValidString(text.Body) || strings.ContainsRune(text.Body, hyphen) {
		t.Fatalf("the blocks end at %d of %d, or the text is not clean", at, len(text.Body))
	}
	if _, err := text.Chunks(dataset.DefaultChunking); err != nil {
		t.Fatal(err)
	}
}

// TestGolden holds text, headings and offsets of the files of testdata (make.py says what is in them).
func TestGolden(t *testing.T) {
	for _, name := range []string{"manual", "paper", "turned", "browser"} {
		path := filepath.Join("testdata", name+".pdf")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := parse(t.Context(), data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check(t, text)
		var out strings.Builder
		fmt.Fprintf(&out, "%s\n\n%s\n\n", text.Title, text.Body)
		for _, b := range text.Blocks {
			fmt.Fprintf(&out, "%s %d-%d level=%d ordered=%t %.40q\n", b.Kind, b.Start, b.End, b.Level, b.Ordered, text.Body[b.Start:b.End])
		}
		if *update {
			if err := os.WriteFile(path+".golden", []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != string(want) {
			t.Errorf("%s differs from its golden file:\n%s", path, out.String())
		}
	}
}

// TestStructure says in words what the golden files must not lose.
func TestStructure(t *testing.T) {
	for name, want := range map[string][]string{
		"manual": {
			"## 1.1 Tools", "- a wrench of 12 mm, which fits all the bolts of the housing and of the two flanges that hold the pipe to it\n- a level",
			"\n  - of metal\n- tape", "1. Close the valve.\n2. Fix the pump", "| Seal | weekly | 0.5 |\n", "```\npump --check\nif failed {\n    pump --reset\n}\n```", "10^3 litres",
		},
		"paper":  {"# On the Sediment of Rivers\n\n## 1 Introduction\n\nParagraph 1.1 begins.", "It ends.\n\nParagraph 1.2 begins.", "It ends.\n\n## 2 Methods\n\nParagraph 2.1 begins."},
		"turned": {"This page is turned by a quarter, and its lines are read"},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".pdf"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := parse(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(text.Body, w) {
				t.Errorf("%s lacks %q:\n%s", name, w, text.Body)
			}
		}
		for _, not := range []string{"edition 3", "DRAFT", "|  |"} {
			if strings.Contains(text.Body, not) {
				t.Errorf("%s has %q", name, not)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]string{"scan": "parsing_model", "encrypted": "encrypted"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".pdf"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(t.Context(), data); !dataset.Is(err, dataset.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// TestEnds wants an ended context to end a document that is being read, and the next one to be read all the same.
func TestEnds(t *testing.T) {
	good := file1("BT /F 9 Tf 50 500 Td (Good day.) Tj ET", "")
	if _, err := parse(t.Context(), good); err != nil { // compiled now
		t.Fatal(err)
	}
	slow := file1(packed("BT /F 9 Tf 1 0 0 1 50 500 Tm ("+strings.Repeat("A", 100)+") Tj ET\n", 30_000), deflated)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	if _, err := parse(ctx, slow); !dataset.Is(err, dataset.Unavailable) {
		t.Errorf("ended while it was read: %v", err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it ended %v later", took)
	}
	if text, err := parse(t.Context(), good); err != nil || text.Body != "Good day." {
		t.Errorf("the next document: %v, %v", text, err)
	}
}

// objects makes a PDF of its objects, the catalogue first.
func objects(bodies ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	var at []int
	for i, b := range bodies {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, b)
	}
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(bodies)+1)
	for _, a := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(bodies)+1, xref)
	return out.Bytes()
}

// file1 makes a PDF with a page of that content, and further objects from 6 on.
func file1(content, entries string, more ...string) []byte {
	return withPages("<</Type/Pages/Count 1/Kids[3 0 R]>>", content, entries, more...)
}

func withPages(pages, content, entries string, more ...string) []byte {
	return objects(append([]string{
		"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>", pages,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>>>",
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
		fmt.Sprintf("<</Length %d%s>>stream\n%s\nendstream", len(content), entries, content),
	}, more...)...)
}

// packed compresses n times a text. What one time becomes is repeated, as that is quicker; the checksum is left out.
func packed(unit string, n int) string {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // a level that there is
	_, _ = w.Write([]byte(unit))
	_ = w.Flush()
	return "\x78\xda" + strings.Repeat(out.String(), n) + "\x01\x00\x00\xff\xff"
}

const deflated = "/Filter/FlateDecode"

// TestHostile wants a reason, or a text, for each within a bounded time. The sandbox bounds the memory.
func TestHostile(t *testing.T) {
	const hi = "BT /F 9 Tf 50 500 Td (Good day.) Tj ET"
	form := "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>/Font<</F 4 0 R>>>>/Length 20>>stream\n/X Do /X Do /X Do   \nendstream"
	var forms []string
	for i := range 30 {
		forms = append(forms, fmt.Sprintf(form, 7+i))
	}
	n := 20
	if raceEnabled {
		n = 2
	}
	for _, test := range []struct {
		name string
		data []byte
		want string // of the error, or of the text
	}{
		{"empty", nil, "no PDF"},
		{"header", []byte("%PDF-1.7\n"), "no PDF"},
		{"zeros", make([]byte, 1<<20), "no PDF"},
		{"no page", withPages("<</Type/Pages/Count 0/Kids[]>>", "", ""), "no text"},
		{"blank page", file1("", ""), "no text"},
		{"spaces unpacked to 500 MB", file1(packed(strings.Repeat(" ", 1<<20), 500), deflated), "too complex"},
		{"paths", file1(packed(strings.Repeat("0 0 m 1 1 l S\n", 10_000), 5*n), deflated), ""},
		{"states", file1(packed(strings.Repeat("q ", 100_000), n), deflated), ""},
		{"characters", file1(packed("BT /F 9 Tf 1 0 0 1 50 700 Tm"+strings.Repeat(" ("+strings.Repeat("ab", 50)+") Tj 0 -12 Td", 1100)+" ET", 1), deflated), "characters, the limit is 100000"},
		{"count that lies", withPages("<</Type/Pages/Count 2147483647/Kids[3 0 R]>>", hi, ""), ""},
		{"the same page for ever", withPages("<</Type/Pages/Count 100000/Kids["+strings.Repeat("3 0 R ", 100_000)+"]>>", hi, ""), "100000 pages, the limit is 5000"},
		{"pages in a ring", withPages("<</Type/Pages/Count 5/Kids[2 0 R 3 0 R]>>", hi, ""), ""},
		{"deep arrays", file1(strings.Repeat("[", 1_000_000)+hi, ""), ""},
		{"deep dictionaries", file1(hi, "", strings.Repeat("<</A", 200_000)+"1"+strings.Repeat(">>", 200_000)), ""},
		{"forms in forms", file1("/X Do", "", forms...), ""},
		{"a form in itself", file1("/X Do "+hi, "", fmt.Sprintf(form, 6)), ""},
		{"outline in a ring", file1(hi, "", "<</First 7 0 R/Last 7 0 R>>", "<</Title(A)/Parent 6 0 R/Next 7 0 R/First 7 0 R>>"), "Good day."},
		{"strange numbers", file1("BT /F 1e38 Tf 99999999999 -1e30 Td (a) Tj ET BT /F 0 Tf (b) Tj ET BT /F 9 Tf 1e9 0 0 1e9 0 0 Tm (c) Tj ET "+hi, ""), "Good day."},
		{"letters over each other", file1(strings.Repeat(hi+"\n", 2000), ""), "Good day."},
		{"a letter a line", file1(packed("BT /F 9 Tf 50 500 Td 0 -1 Td (a) Tj ET BT /F 9 Tf 1 0 0 1 9 9 Tm (b) Tj ET ", 4000), deflated), ""},
	} {
		limit := time.Minute
		if strings.Contains(test.name, "form") { // exponential until the memory is used up
			limit = 2 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		started := time.Now()
		text, err := parse(ctx, test.data)
		took := time.Since(started)
		cancel()
		if dataset.Is(err, dataset.Unavailable) && took < limit+5*time.Second && limit < time.Minute {
			continue
		}
		got := fmt.Sprint(err)
		if err == nil {
			check(t, text)
			got = text.Body
		}
		if err != nil && !dataset.Is(err, dataset.Invalid) {
			t.Errorf("%s: after %v: %v", test.name, took, err)
		} else if !strings.Contains(got, test.want) {
			t.Errorf("%s: %.200q, want %q", test.name, got, test.want)
		}
		t.Logf("%s took %v", test.name, took)
	}
}

// TestParallel reads several documents at a time: each has a memory of its own.
func TestParallel(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for k := range 5 {
				want := fmt.Sprintf("Document %d of %d.", k, i)
				text, err := parse(t.Context(), file1("BT /F 9 Tf 50 500 Td ("+want+") Tj ET", ""))
				if err != nil || text.Body != want {
					t.Errorf("%v, %v, want %q", text, err, want)
				}
			}
		})
	}
}

// FuzzPage changes what stands on a page.
func FuzzPage(f *testing.F) {
	f.Add([]byte("BT /F 9 Tf 50 500 Td (Good day.) Tj 0 -12 Td (1. One) Tj 0 -12 Td (2. Two) Tj /F 18 Tf (Head) Tj ET"))
	f.Add([]byte("BT /F 9 Tf 0 1 -1 0 50 500 Tm (a) Tj 99 0 Td (b) Tj 0 -12 Td (c) Tj 20 0 Td (d) Tj ET"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 2<<10 {
			t.Skip()
		}
		fuzz(t, file1(string(content), ""))
	})
}

// FuzzFile changes the bytes of the file.
func FuzzFile(f *testing.F) {
	for _, name := range []string{"turned", "scan"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".pdf"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip()
		}
		fuzz(t, data)
	})
}

func fuzz(t *testing.T, data []byte) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	text, err := parse(ctx, data)
	if err == nil {
		check(t, text)
	} else if !dataset.Is(err, dataset.Invalid) {
		t.Fatalf("error %v is %s, want invalid", err, dataset.KindOf(err))
	}
}
