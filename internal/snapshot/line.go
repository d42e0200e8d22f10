package snapshot

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"slices"

	"compileo/internal/dataset"
)

// Line is an entry that was written out before its id was known. AppendLine stores it as
//
//	length (4 bytes, big endian) and CRC-32C of what follows,
//	quality (8), flags (1), category, difficulty, split (each with its length before it), JSON with its line end
//
// so that a part takes it over unread: PartWriter puts in the id and needs for the index only what is in front.
// The checksum vouches for the rest: what CutLine accepts is what AppendLine made of one entry.
type Line struct {
	quality                     float64
	category, difficulty, split string
	flagged                     bool
	json                        []byte
}

const (
	lineHeader = 8
	lineFacts  = 9 // of fixed width
)

var errLine = dataset.Errorf(dataset.Internal, "the line of an entry is damaged")

// withoutID is how the JSON of an entry without id begins.
const withoutID = `{"id":"",`

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// factsOf returns what the index says of e.
func factsOf(e *dataset.Entry) Line {
	return Line{
		quality: e.QualityScore, category: e.Category, difficulty: e.Difficulty, split: e.Split, flagged: len(e.Quality.Faults) > 0,
	}
}

// AppendLine appends the stored line of an entry to b. It keeps no limits: PartWriter does.
func AppendLine(b []byte, e *dataset.Entry) ([]byte, error) {
	l, start := factsOf(e), len(b)+lineHeader
	b = append(b, make([]byte, lineHeader)...)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(l.quality))
	b = append(b, flagsOf(l.flagged))
	for _, s := range []string{l.category, l.difficulty, l.split} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	to := bytes.NewBuffer(b)
	if err := writeEntry(to, e); err != nil {
		return nil, err
	}
	b = to.Bytes()
	binary.BigEndian.PutUint32(b[start-8:], uint32(len(b)-start))
	binary.BigEndian.PutUint32(b[start-4:], crc32.Checksum(b[start:], castagnoli))
	return b, nil
}

// CutLine returns the first stored line of b, which shares its memory, and what is behind it; Internal when it is
// damaged.
func CutLine(b []byte) (l Line, rest []byte, err error) {
	if len(b) < lineHeader {
		return Line{}, nil, errLine
	}
	n, sum := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	b = b[lineHeader:]
	if uint64(n) > uint64(len(b)) || crc32.Checksum(b[:n], castagnoli) != sum || n < lineFacts {
		return Line{}, nil, errLine
	}
	b, rest = b[:n], b[n:]
	l.quality, l.flagged = math.Float64frombits(binary.BigEndian.Uint64(b)), b[8]&flagged != 0
	b = b[lineFacts:]
	for _, s := range []*string{&l.category, &l.difficulty, &l.split} {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return Line{}, nil, errLine
		}
		*s, b = string(b[used:used+int(n)]), b[used+int(n):]
	}
	l.json = b
	return l, rest, nil
}

// key returns what the line is sorted and filtered by as the entry with that ordinal, or an Invalid error when it
// cannot be kept.
func (l *Line) key(ordinal int) (key, error) {
	k := key{
		quality: l.quality, category: l.category, level: slices.Index(dataset.Difficulties, l.difficulty),
		ordinal: ordinal, flagged: l.flagged,
	}
	switch {
	case !isShare(k.quality):
		return key{}, dataset.InvalidField("/quality_score", "is %v, want 0 to 1", k.quality)
	case k.level < 0:
		return key{}, dataset.InvalidField("/difficulty", "is %.60q, want one of %q", l.difficulty, dataset.Difficulties)
	}
	return k, checkCategory(k.category)
}

// writeEntry writes an entry as one line of JSON. Clients expect a list of evidence also where there is none.
func writeEntry(to *bytes.Buffer, e *dataset.Entry) error {
	if e.Evidence == nil {
		c := *e
		c.Evidence = []dataset.Evidence{}
		e = &c
	}
	if err := writeJSON(to, e); err != nil {
		return dataset.Errorf(dataset.Invalid, "entry %.60q cannot be written as JSON: %w", e.ID, err)
	}
	return nil
}

// writeJSON writes v as one line, with <, > and & as they are.
func writeJSON(to *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// checkLine checks the length of an entry's line, its end included.
func checkLine(entry string, length int) error {
	if length > MaxLine {
		return dataset.Errorf(dataset.Invalid, "%s has %d bytes, want at most %d", entry, length, MaxLine)
	}
	return nil
}
