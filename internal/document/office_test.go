package document

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
)

// file is a file in an archive.
type file struct{ name, content string }

// zipped makes an archive.
func zipped(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	wordSpace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	mathSpace = `xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"`
)

// word makes a Word document of the inside of its body, and further parts.
func word(t testing.TB, body string, parts ...file) []byte {
	t.Helper()
	return zipped(t, append([]file{
		{"[Content_Types].xml", `<Types/>`},
		{"_rels/.rels", `<Relationships><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="/word/document.xml"/></Relationships>`},
		{"word/document.xml", `<?xml version="1.0" encoding="UTF-8"?><w:document ` + wordSpace + ` ` + mathSpace + `><w:body>` + body + `</w:body></w:document>`},
	}, parts...)...)
}

// para makes a paragraph with properties.
func para(properties, text string) string {
	return `<w:p><w:pPr>` + properties + `</w:pPr><w:r><w:t xml:space="preserve">` + text + `</w:t></w:r></w:p>`
}

func styled(style, text string) string { return para(`<w:pStyle w:val="`+style+`"/>`, text) }

func listed(list, level, text string) string {
	return para(`<w:numPr><w:ilvl w:val="`+level+`"/><w:numId w:val="`+list+`"/></w:numPr>`, text)
}

var wordParts = []file{
	{"word/styles.xml", `<w:styles ` + wordSpace + `>
		<w:style w:type="paragraph" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
		<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
		<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/></w:style>
		<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift1"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
		<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
		<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>
		<w:style w:type="paragraph" w:styleId="Bullet"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
		</w:styles>`},
	{"word/numbering.xml", `<w:numbering ` + wordSpace + `>
		<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>
		<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
		<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
		<w:num w:numId="2"><w:abstractNumId w:val="7"/></w:num>
		<w:num w:numId="3"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>
		</w:numbering>`},
	{"word/footnotes.xml", `<w:footnotes ` + wordSpace + `><w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>
		<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> The note's text.</w:t></w:r></w:p></w:footnote></w:footnotes>`},
	{"docProps/core.xml", `<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Core &amp; title</dc:title></cp:coreProperties>`},
}

func TestDOCX(t *testing.T) {
	cell := func(properties, text string) string {
		return `<w:tc><w:tcPr>` + properties + `</w:tcPr>` + para("", text) + `</w:tc>`
	}
	for _, test := range []struct{ name, body, want string }{
		{"headings", styled("berschrift1", "One") + styled("Own", "Two") + styled("Loop", "Text.") + para(`<w:outlineLvl w:val="8"/>`, "Six"), "# One\n\n## Two\n\nText.\n\n###### Six"},
		{"no heading", para(`<w:pStyle w:val="Own"/><w:outlineLvl w:val="9"/>`, "Text."), "Text."},
		{"contents left out", styled("TOC1", "One 3") + styled("Normal", "Text."), "Text."},
		{"runs", `<w:p><w:r><w:t xml:space="preserve">Hello </w:t></w:r><w:r><w:t>wor</w:t></w:r><w:r><w:t>ld</w:t><w:tab/><w:t>tab</w:t><w:br/><w:t>line</w:t><w:noBreakHyphen/><w:t>x</w:t></w:r></w:p>`, "Hello world tab\nline-x"},
		{"changes", `<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>!</w:t></w:r></w:p>`, "new!"},
		{"fields and links", `<w:p><w:r><w:instrText>PAGE</w:instrText></w:r><w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink><w:fldSimple w:instr="x"><w:r><w:t> 7</w:t></w:r></w:fldSimple></w:p>`, "link 7"},
		{"powers", `<w:p><w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>3</w:t></w:r></w:p>`, "10^3"},
		{"formula", `<w:p><m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath></w:p>`, "a=b"},
		{"lists", listed("1", "0", "a") + listed("1", "1", "b") + listed("1", "1", "c") + listed("1", "0", "d") + styled("Bullet", "e"), "- a\n  1. b\n  2. c\n- d\n- e"},
		{"numbers go on", listed("2", "0", "a") + para("", "Between.") + listed("2", "0", "b") + listed("3", "0", "c"), "1. a\n\nBetween.\n\n2. b\n\n5. c"},
		{"no list", para(`<w:pStyle w:val="Bullet"/><w:numPr><w:numId w:val="0"/></w:numPr>`, "a"), "a"},
		{
			"table", `<w:tbl><w:tblGrid><w:gridCol/><w:gridCol/><w:gridCol/></w:tblGrid><w:tr>` + cell("", "A") + cell(`<w:gridSpan w:val="2"/>`, "B|C") + `</w:tr><w:tr>` +
				cell(`<w:vMerge w:val="restart"/>`, "1") + cell("", "2") + cell("", "3") + `</w:tr><w:tr>` + cell(`<w:vMerge/>`, "") + cell("", "4") + cell("", "5") + `</w:tr></w:tbl>`,
			"| A | B\\|C | |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 1 | 4 | 5 |",
		},
		{"frame", `<w:tbl><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc>` + styled("berschrift1", "In") + para("", "Text.") + `</w:tc></w:tr></w:tbl>`, "# In\n\nText."},
		{"notes", styled("berschrift1", "A") + `<w:p><w:r><w:t>Said</w:t><w:footnoteReference w:id="2"/><w:t>.</w:t></w:r></w:p>` + para("", "More.") + styled("berschrift1", "B") + para("", "End."), "# A\n\nSaid.\n\nMore.\n\nThe note's text.\n\n# B\n\nEnd."},
		{
			"text box", `<w:p><w:r><w:t>Before </w:t><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>` + para("", "boxed") + `</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>` +
				para("", "boxed") + `</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>after.</w:t></w:r></w:p>`,
			"Before after.\n\nboxed",
		},
		{"content control", `<w:sdt><w:sdtContent>` + para("", "kept") + `</w:sdtContent></w:sdt>`, "kept"},
		{"controls", para("", "a&#x9f;b"), "ab"},
	} {
		data := word(t, test.body, wordParts...)
		text := mustParse(t, "a.docx", string(data))
		checkText(t, text)
		if text.Body != test.want {
			t.Errorf("%s:\n%q, want\n%q", test.name, text.Body, test.want)
		}
		if text.Title != "Core & title" {
			t.Errorf("%s: title %q", test.name, text.Title)
		}
	}
	if text := mustParse(t, "a.docx", string(word(t, styled("Titel", "The title")+para("", "x"), wordParts...))); text.Title != "The title" || text.Body != "# The title\n\nx" {
		t.Errorf("title %q, body %q", text.Title, text.Body)
	}
	strict := strings.NewReplacer("http://schemas.openxmlformats.org/wordprocessingml/2006/main", "http://purl.oclc.org/ooxml/wordprocessingml/main")
	plain := zipped(t, file{"word/document.xml", strict.Replace(`<w:document ` + wordSpace + `><w:body>` + para("", "strict") + `</w:body></w:document>`)})
	if text := mustParse(t, "x.docx", string(plain)); text.Body != "strict" || text.Title != "x" {
		t.Errorf("no parts beside the body: %+v", text)
	}
}

// book makes an EPUB of pages.
func book(t testing.TB, pages ...file) []byte {
	t.Helper()
	var items, refs strings.Builder
	for _, p := range pages {
		items.WriteString(`<item id="` + p.name + `" href="text/` + strings.ReplaceAll(p.name, " ", "%20") + `" media-type="application/xhtml+xml"/>`)
		refs.WriteString(`<itemref idref="` + p.name + `"/><itemref idref="` + p.name + `"/>`)
	}
	files := []file{
		{"mimetype", "application/epub+zip"},
		{"META-INF/container.xml", `<container><rootfiles><rootfile full-path="OEBPS/book.opf"/><rootfile full-path="other.opf"/></rootfiles></container>`},
		{"OEBPS/book.opf", `<package xmlns:dc="d"><metadata><dc:title>A Book</dc:title><dc:title>Part</dc:title></metadata><manifest>` + items.String() +
			`<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/><item id="i" href="i.png" media-type="image/png"/></manifest>
			<spine><itemref idref="nav"/><itemref idref="gone"/>` + refs.String() + `</spine></package>`},
	}
	for _, p := range pages {
		files = append(files, file{"OEBPS/text/" + p.name, p.content})
	}
	return zipped(t, files...)
}

func TestEPUB(t *testing.T) {
	page := func(body string) string {
		return `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head><body>` + body + `</body></html>`
	}
	data := book(t,
		file{"c 1.xhtml", page(`<h1><a id="c1"/>One</h1><p>First<sup><a href="c2.xhtml#n">1</a></sup> page<a epub:type="noteref" href="#m">*</a>.</p><aside/><p>After<span epub:type="pagebreak" title="7">7</span>.</p>`)},
		file{"c2.xhtml", page(`<h1>Two</h1><ul><li>a</li></ul><aside id="n" epub:type="footnote"><p>A note.</p></aside><aside>Chrome</aside><p><![CDATA[x < y]]></p>`)})
	text := mustParse(t, "a.epub", string(data))
	checkText(t, text)
	if want := "# One\n\nFirst page.\n\nAfter.\n\n# Two\n\n- a\n\nA note.\n\nx < y"; text.Body != want || text.Title != "A Book" {
		t.Errorf("%q: %q, want %q", text.Title, text.Body, want)
	}
}

func TestMembers(t *testing.T) {
	data := zipped(t, file{"docs/a.md", "# A"}, file{"docs/", ""}, file{"../../etc/b.txt", "b"}, file{`win\c.html`, "<p>c"}, file{".git/x.md", "x"},
		file{"__MACOSX/docs/._a.md", "x"}, file{"d.exe", "x"}, file{"in.zip", "x"}, file{"README", "x"}, file{"docs/a.md", "twice"}, file{"e.txt", strings.Repeat("a", 50<<20+1)})
	var got []string
	for m, err := range Members(data) {
		line := m.Name + "=" + string(m.Data)
		if err != nil {
			line += " " + err.Error()
		}
		got = append(got, line)
	}
	want := []string{
		"docs/a.md=# A", "etc/b.txt=b", "win/c.html=<p>c", `d.exe= ".exe" is no supported format, want ` + Wanted, "in.zip= an archive inside an archive is not unpacked",
		`README= "" is no supported format, want ` + Wanted, "e.txt= it has 52428801 bytes, the limit is 52428800",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for range Members(data) {
		break // the caller may stop
	}
}

// TestHostileArchives wants a reason for each, soon and in little memory.
func TestHostileArchives(t *testing.T) {
	long := strings.Repeat("x ", 100)
	entries := func(n int) []byte {
		var files []file
		for i := range n {
			files = append(files, file{fmt.Sprintf("%d.md", i), ""})
		}
		return zipped(t, files...)
	}
	lying := word(t, para("", long))
	at := bytes.LastIndex(lying, []byte("word/document.xml")) - 46 // its record in the directory
	binary.LittleEndian.PutUint32(lying[at+24:], 5)                // bytes unpacked
	encrypted := word(t, para("", long))
	at = bytes.LastIndex(encrypted, []byte("word/document.xml")) - 46
	encrypted[at+8] |= 1
	var bomb []file // 400 MB
	for i := range 8 {
		bomb = append(bomb, file{fmt.Sprintf("%d.txt", i), strings.Repeat("a", 50<<20)})
	}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"a.docx", []byte("PK\x03\x04"), "is damaged"},
		{"a.docx", word(t, para("", long))[:300], "is damaged"},
		{"a.docx", []byte("\xd0\xcf\x11\xe0" + long), "with a password"},
		{"a.docx", zipped(t, file{"mimetype", "x"}), "no Word document"},
		{"a.docx", word(t, ""), "has no text"},
		{"a.docx", word(t, "<w:p>"), "is damaged"},
		{"a.docx", word(t, "<w:p>&bomb;</w:p>"), "is damaged"},
		{"a.docx", word(t, strings.Repeat("<w:sdt>", 100_000)), "nested deeper than 256"},
		{"a.docx", word(t, "<w:p "+strings.Repeat("a='' ", 300_000)+"/>"), "piece of more than"},
		{"a.docx", word(t, para("", "a")+"<!--"+strings.Repeat(" ", 70<<20)), "piece of more than"},
		{"a.docx", word(t, strings.Repeat("<!--"+strings.Repeat(" ", 60_000)+"-->", 1_200)), "unpacks to more than"},
		{"a.docx", entries(maxEntries + 1), "10001 files"},
		{"a.docx", lying, "is damaged"},
		{"a.docx", encrypted, "encrypted with a password"},
		{"a.epub", zipped(t, file{"mimetype", "x"}), "no EPUB"},
		{"a.epub", book(t), "has no text"},
		{"a.epub", zipped(t, file{"META-INF/container.xml", `<rootfile full-path="../../a.opf"/>`}), `no part "a.opf"`},
		{"a.epub", book(t, file{"a.xhtml", "\x00\x01"}), "binary file"},
		{"a.zip", zipped(t), "has no files"},
		{"a.zip", []byte("x"), "is damaged"},
		{"a.zip", zipped(t, bomb...), "the archive unpacks to more than"},
	} {
		started := time.Now()
		var err error
		if IsArchive(test.name) {
			for m, e := range Members(test.data) {
				if m.Name == "" {
					err = e
				}
			}
		} else {
			_, err = Parse(t.Context(), test.name, test.data, nil)
		}
		if !dataset.Is(err, dataset.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %d bytes: %v, want %q", test.name, len(test.data), err, test.want)
		}
		if took := time.Since(started); took > 20*time.Second && !raceEnabled {
			t.Errorf("%q took %v", test.want, took)
		}
	}
	drm := book(t, file{"a.xhtml", "<p>text</p>"})
	files := []file{{"META-INF/encryption.xml", `<e><CipherReference URI="OEBPS/text/a.xhtml"/></e>`}}
	z, err := openArchive(drm)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range z.names {
		content, err := z.read(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{name, string(content)})
	}
	if _, err := Parse(t.Context(), "a.epub", zipped(t, files...), nil); err == nil || !strings.Contains(err.Error(), "DRM") {
		t.Errorf("an encrypted book: %v", err)
	}
}

// TestHostileWord is text that a document may hold, out of all proportion.
func TestHostileWord(t *testing.T) {
	n := 20_000
	if raceEnabled {
		n = 2_000
	}
	for name, body := range map[string]string{
		"items":       strings.Repeat(listed("1", "8", "a")+listed("1", "0", "b"), n),
		"cells":       `<w:tbl><w:tr>` + strings.Repeat(`<w:tc><w:tcPr><w:gridSpan w:val="50"/><w:vMerge/></w:tcPr></w:tc>`, n) + `<w:tc>` + para("", "a") + `</w:tc></w:tr></w:tbl>`,
		"rows":        `<w:tbl>` + strings.Repeat(`<w:tr><w:tc>`+para("", "a")+`</w:tc><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>`+para("", "b")+`</w:tc></w:tr>`, n) + `</w:tbl>`,
		"deep tables": strings.Repeat(`<w:tbl><w:tr><w:tc>`, 80) + para("", "a") + strings.Repeat(`</w:tc></w:tr></w:tbl>`, 80),
		"notes":       `<w:p>` + strings.Repeat(`<w:r><w:footnoteReference w:id="2"/></w:r>`, n) + `</w:p>`,
		"runs":        `<w:p>` + strings.Repeat(`<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>1</w:t></w:r>`, n) + `</w:p>`,
	} {
		started := time.Now()
		text := mustParse(t, "a.docx", string(word(t, body, wordParts...)))
		checkText(t, text)
		if took := time.Since(started); took > 10*time.Second && !raceEnabled {
			t.Errorf("%s took %v", name, took)
		}
	}
}
