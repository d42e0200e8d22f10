package document

import (
	"context"
	"encoding/xml"
	"net/url"
	"path"
	"strings"

	"compileo/internal/dataset"
)

// maxSpine bounds the chapters of a book.
const maxSpine = 10_000

// parseEPUB reads a book: its chapters, which are XHTML pages, in reading order. Tables of contents are left out;
// notes stay where they stand.
func parseEPUB(ctx context.Context, data []byte, b *Builder) (string, error) {
	a, err := openArchive(data)
	if err != nil {
		return "", err
	}
	book := epub{a: a, tick: &ticker{ctx: ctx}, hidden: map[string]bool{}}
	if err := book.readPackage(); err != nil {
		return "", err
	}
	if err := book.readEncryption(); err != nil {
		return "", err
	}
	for _, name := range book.spine {
		if book.hidden[name] {
			return "", dataset.Errorf(dataset.Invalid, "the book is encrypted (DRM)")
		}
		page, err := a.read(name)
		if err != nil {
			return "", err
		}
		text, err := decode(page, true)
		if err != nil {
			return "", err
		}
		w := htmlWalker{b: b, tick: book.tick, xhtml: true}
		if err := w.walk(text); err != nil {
			return "", err
		}
		if b.err != nil {
			return "", b.err
		}
	}
	return book.title, nil
}

// epub is a book being read.
type epub struct {
	a      *archive
	tick   *ticker
	title  string
	spine  []string        // names of the chapters, in order
	hidden map[string]bool // names of encrypted files
}

// readPackage finds the chapters.
func (b *epub) readPackage() error {
	const container = "META-INF/container.xml"
	if !b.a.has(container) {
		return dataset.Errorf(dataset.Invalid, "it is a ZIP archive, but no EPUB: it has no part %q", container)
	}
	root := ""
	x, err := b.a.xml(container, b.tick)
	if err != nil {
		return err
	}
	err = x.all(func(e xml.StartElement) error {
		if e.Name.Local == "rootfile" && root == "" {
			root = cleanName(attr(e, "full-path"))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if x, err = b.a.xml(root, b.tick); err != nil {
		return err
	}
	pages := map[string]string{} // names of those that are text, by their id
	seen := map[string]bool{}
	return x.all(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "title":
			if b.title == "" {
				b.title, err = x.text()
			}
		case "item":
			kind := attr(e, "media-type")
			isPage := kind == "application/xhtml+xml" || kind == "text/html"
			if isPage && !strings.Contains(" "+attr(e, "properties")+" ", " nav ") && len(pages) < maxEntries {
				pages[attr(e, "id")] = linked(root, attr(e, "href"))
			}
		case "itemref":
			name := pages[attr(e, "idref")]
			if name == "" || seen[name] {
				return nil
			}
			if len(b.spine) == maxSpine {
				return dataset.Errorf(dataset.Invalid, "the book has more than %d chapters", maxSpine)
			}
			seen[name] = true
			b.spine = append(b.spine, name)
		}
		return err
	})
}

// readEncryption notes which files cannot be read. Fonts are often obfuscated; that hides no text.
func (b *epub) readEncryption() error {
	const encryption = "META-INF/encryption.xml"
	if !b.a.has(encryption) {
		return nil
	}
	x, err := b.a.xml(encryption, b.tick)
	if err != nil {
		return err
	}
	return x.all(func(e xml.StartElement) error {
		if e.Name.Local == "CipherReference" {
			b.hidden[linked("", attr(e, "URI"))] = true
		}
		return nil
	})
}

// linked returns the name of the file that a link in the file from leads to.
func linked(from, link string) string {
	link, _, _ = strings.Cut(link, "#")
	if plain, err := url.PathUnescape(link); err == nil {
		link = plain
	}
	return cleanName(path.Join(path.Dir(from), link))
}
