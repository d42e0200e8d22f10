package document

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html/charset"

	"compileo/internal/dataset"
)

// maxToken bounds one tag, comment or stretch of text of an XML file, as its attributes take much more memory than
// their source. The text of a paragraph is in many.
const maxToken = 1 << 20

// xmlReader reads the elements of an XML file of an archive. encoding/xml expands no entities that the file defines;
// what it keeps in memory, one token and the open elements, is bounded here. Errors are Invalid, or Unavailable when
// the context is done.
type xmlReader struct {
	tick  *ticker
	part  *entry
	in    *bufio.Reader
	left  int // bytes that the token at hand may still take
	dec   *xml.Decoder
	depth int
}

func (a *archive) xml(name string, tick *ticker) (*xmlReader, error) {
	part, err := a.open(name)
	if err != nil {
		return nil, err
	}
	x := &xmlReader{tick: tick, part: part, in: bufio.NewReader(part)}
	x.dec = xml.NewDecoder(x)
	x.dec.CharsetReader = charset.NewReaderLabel
	return x, nil
}

// Read is for readers of other encodings than UTF-8.
func (x *xmlReader) Read(p []byte) (int, error) {
	c, err := x.ReadByte()
	if err != nil || len(p) == 0 {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// ReadByte is what encoding/xml reads by.
func (x *xmlReader) ReadByte() (byte, error) {
	if x.left--; x.left < 0 {
		return 0, dataset.Errorf(dataset.Invalid, "%.100q has a piece of more than %d bytes", x.part.name, maxToken)
	}
	return x.in.ReadByte()
}

// next returns the next token; io.EOF at the end of the file.
func (x *xmlReader) next() (xml.Token, error) {
	if err := x.tick.done(); err != nil {
		return nil, err
	}
	x.left = maxToken
	token, err := x.dec.Token()
	if err != nil {
		if _, ours := errors.AsType[*dataset.Error](err); !ours && !errors.Is(err, io.EOF) {
			err = damaged(x.part.name, err)
		}
		return nil, err
	}
	switch token.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > dataset.MaxNesting {
			return nil, dataset.Errorf(dataset.Invalid, "%.100q is nested deeper than %d elements", x.part.name, dataset.MaxNesting)
		}
	case xml.EndElement:
		x.depth--
	}
	return token, nil
}

// each calls do for every element inside the one that is open, or of the file. What do leaves of an element is
// skipped.
func (x *xmlReader) each(do func(e xml.StartElement) error) error {
	depth := x.depth
	for {
		token, err := x.next()
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := token.(xml.StartElement); ok {
			if err := do(e); err != nil {
				return err
			}
			if err := x.skip(depth); err != nil {
				return err
			}
		}
		if x.depth < depth {
			return nil
		}
	}
}

// skip goes on until as many elements are open as depth says.
func (x *xmlReader) skip(depth int) error {
	for x.depth > depth {
		if _, err := x.next(); err != nil {
			return err
		}
	}
	return nil
}

// text returns the text of the open element, to its end.
func (x *xmlReader) text() (string, error) {
	var out strings.Builder
	for depth := x.depth; x.depth >= depth; {
		token, err := x.next()
		if err != nil {
			return "", err
		}
		if s, ok := token.(xml.CharData); ok && out.Len() < maxToken {
			out.Write(s)
		}
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, out.String()), nil
}

// attr returns an attribute, whatever its namespace; "" when there is none.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// all calls do for every element of the file, those inside others too unless do read them.
func (x *xmlReader) all(do func(e xml.StartElement) error) error {
	var read func(e xml.StartElement) error
	read = func(e xml.StartElement) error {
		depth := x.depth
		if err := do(e); err != nil || x.depth < depth {
			return err
		}
		return x.each(read)
	}
	return x.each(read)
}
