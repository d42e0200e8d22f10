package document

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"compileo/internal/dataset"
)

func utf16Bytes(s string, big bool) string {
	var b strings.Builder
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		lo, hi := byte(u), byte(u>>8)
		if big {
			lo, hi = hi, lo
		}
		b.WriteByte(lo)
		b.WriteByte(hi)
	}
	return b.String()
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ name, file, data, want string }{
		{"plain", "a.txt", "Grüße", "Grüße"},
		{"mark of order", "a.txt", "\xef\xbb\xbfHello", "Hello"},
		{"little endian", "a.txt", utf16Bytes("Grüße 𝄞", false), "Grüße 𝄞"},
		{"big endian", "a.md", utf16Bytes("Grüße 𝄞", true), "Grüße 𝄞"},
		{"half a pair", "a.txt", utf16Bytes("a", false) + "\x34\xd8", "a\uFFFD"},
		{"line ends", "a.txt", "a\r\nb\rc\fd", "a\nb\nc\nd"},
		{"controls", "a.txt", strings.Repeat("word ", 20) + "a\x1bb\u0085", strings.Repeat("word ", 20) + "ab"},
		{"windows-1252", "a.txt", "Caf\xe9 \x93quoted\x94 na\xefve text", "Café “quoted” naïve text"},
		{"broken UTF-8", "a.txt", "ééééééééééééééééééé\xc3 end", "ééééééééééééééééééé\uFFFD end"},
		{"not composed", "a.txt", "e\u0301", "e\u0301"},
		{"charset of a page", "a.html", "<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"charset older form", "a.htm", "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'><p>\x93\xfa\x96\x7b", "日本"},
		{"wrong charset", "a.html", "<meta charset=iso-8859-2><p>Grüße", "Grüße"},
	} {
		text, err := Parse(t.Context(), test.file, []byte(test.data), nil)
		if err != nil || text.Body != test.want {
			t.Errorf("%s: %v, %v, want %q", test.name, text, err, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	random := make([]byte, 400)
	for i := range random {
		random[i] = byte(i*37+i/7) | 0x80
	}
	for _, test := range []struct{ name, data, want string }{
		{"a.txt", "\x00\x01", "looks like a binary file (NUL at byte 0)"},
		{"a.md", "%PDF-1.7 ...", "looks like a binary file (PDF)"},
		{"a.html", "PK\x03\x04aa", "office document"},
		{"a.txt", "\x01\x02\x03\x04abc", "control characters"},
		{"a.txt", string(random), "unknown text encoding"},
		{"a.doc", "x", `".doc" is no supported format`},
		{"a.md", "", "has no text"},
		{"a.md", "<!-- only -->\n\n[a]: /b", "has no text"},
		{"a.html", "<script>x</script>", "has no text"},
		{"a.txt", strings.Repeat("a", dataset.MaxDocument+1), "has 52428801 bytes, the limit is 52428800"},
	} {
		_, err := Parse(t.Context(), test.name, []byte(test.data), nil)
		if !dataset.Is(err, dataset.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%s, %.20q) = %v, want %q", test.name, test.data, err, test.want)
		}
	}
}

func TestBuilderLimits(t *testing.T) {
	b := Builder{text: make([]byte, dataset.MaxText-3)}
	b.Paragraph("too long")
	if !dataset.Is(b.err, dataset.Invalid) || !strings.Contains(b.err.Error(), "67108864") {
		t.Errorf("text beyond the limit: %v", b.err)
	}
	b = Builder{blocks: make([]dataset.Block, maxBlocks)}
	b.Paragraph("one more")
	if !dataset.Is(b.err, dataset.Invalid) || !strings.Contains(b.err.Error(), "2000000") {
		t.Errorf("blocks beyond the limit: %v", b.err)
	}
	n := 0
	src := strings.Repeat("- a\n", 10)
	blockParser(&n)
	b = Builder{}
	if _, err := parseMarkdown(t.Context(), src, &b); err != nil || len(b.blocks) != 10 {
		t.Errorf("ten items: %d blocks, %v", len(b.blocks), err)
	}
}

// TestNesting wants what is too deep flat, not lost.
func TestNesting(t *testing.T) {
	deep := dataset.MaxNesting + 50
	for name, src := range map[string]string{
		"a.md":   strings.Repeat("- ", deep) + "deep",
		"b.md":   strings.Repeat("> ", deep) + "deep",
		"a.html": strings.Repeat("<ul><li>", deep) + "deep" + strings.Repeat("</ul>", deep) + "after",
		"b.html": strings.Repeat("<div>", deep) + "deep",
	} {
		text := mustParse(t, name, src)
		if !strings.Contains(text.Body, "deep") {
			t.Errorf("%s: %.100q", name, text.Body)
		}
		for _, b := range text.Blocks {
			if b.Level > dataset.MaxNesting {
				t.Errorf("%s: level %d", name, b.Level)
			}
		}
		checkText(t, text)
	}
}

func TestTitle(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"a.md", "---\ntitle: 'Front'\n---\n# First\n", "Front"},
		{"a.md", "+++\ntitle = \"Front\"\n+++\n# First\n", "Front"},
		{"a.md", "---\n\nText\n\n---\n\n# First\n", "First"},
		{"a.md", "## Second\n\n# First *x*\n", "First x"},
		{"dir/my-file.v2.md", "text", "my-file.v2"},
		{`c:\docs\file.TXT`, "# text", "file"},
		{"README", "text", "README"},
		{"a.html", "<title> A &lt;\n B </title><h1>x</h1>", "A < B"},
		{"a.html", "<h1>x <b>y</b></h1>", "x y"},
		{".md", "text", "Untitled"},
		{"a.md", "# " + strings.Repeat("ö", 400), strings.Repeat("ö", 150)},
	} {
		if got := mustParse(t, test.name, test.src).Title; got != test.want {
			t.Errorf("title of %s %q = %q, want %q", test.name, test.src, got, test.want)
		}
	}
}

func TestSupported(t *testing.T) {
	for name, want := range map[string]bool{"a.md": true, "A.HTM": true, "x/README": true, "a.pdf": true, "a.md/b.docx": true, "a.zip": false, "a.doc": false} {
		if got := Supported(name); got != want {
			t.Errorf("Supported(%s) = %t", name, got)
		}
	}
}

func TestMainPart(t *testing.T) {
	long := strings.Repeat("A sentence of the article. ", 30)
	page := "<body><header>Site</header><p>Teaser</p><%s><aside>Box</aside><p>" + long + "</p></%s><p>Related</p>"
	for _, test := range []struct{ element, not string }{{"main", "Teaser"}, {"article", "Related"}} {
		text := mustParse(t, "a.html", strings.ReplaceAll(page, "%s", test.element))
		if strings.Contains(text.Body, test.not) || !strings.Contains(text.Body, "Box") {
			t.Errorf("%s: %q", test.element, text.Body)
		}
	}
	if text := mustParse(t, "a.html", "<p>Teaser</p><main>short</main>"); !strings.Contains(text.Body, "Teaser") {
		t.Errorf("a main part that is nothing hides the rest: %q", text.Body)
	}
}

// TestReadmes takes real Markdown, of the modules that this package is built from.
func TestReadmes(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/goldmark", "golang.org/x/net",
		"github.com/santhosh-tekuri/jsonschema/v6", "github.com/aws/aws-lambda-go", "modernc.org/sqlite")
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no module cache: %v", err)
	}
	read := 0
	for dir := range strings.FieldsSeq(string(out)) {
		paths, _ := filepath.Glob(filepath.Join(dir, "*.md"))
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil || len(data) > 100<<10 {
				continue
			}
			read++
			text := mustParse(t, p, string(data))
			checkText(t, text)
			again := mustParse(t, p, string(data))
			if again.Body != text.Body || len(again.Blocks) != len(text.Blocks) {
				t.Errorf("%s: parsed twice, different texts", p)
			}
			for _, c := range []dataset.Chunking{dataset.DefaultChunking, chunkings[2], chunkings[4], chunkings[8]} {
				for _, k := range checkChunks(t, text, c) {
					last := k.Blocks[len(k.Blocks)-1]
					if c == dataset.DefaultChunking && last.Kind == dataset.HeadingBlock && k.End < len([]rune(text.Body)) {
						t.Errorf("%s: chunk %d ends with a heading: %q", p, k.Ordinal, k.Text)
					}
				}
			}
		}
	}
	if read == 0 {
		t.Skip("no documents in the module cache")
	}
}
