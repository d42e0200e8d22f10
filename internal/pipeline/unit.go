package pipeline

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"slices"

	"compileo/internal/dataset"
	"compileo/internal/prompt"
)

// candidates is the object a generator writes for a unit: what became of each of its chunks.
type candidates struct {
	Unit   int           `json:"unit"`
	Chunks []chunkAnswer `json:"chunks"`
}

// chunkAnswer is what became of one chunk: for one with entries, what the reply says. The scorer, which reads the
// chunk anyway, makes entries of it.
type chunkAnswer struct {
	Task     int              `json:"task"`
	Outcome  dataset.Outcome  `json:"outcome"`
	Reason   string           `json:"reason,omitempty"`
	Skipped  bool             `json:"skipped,omitempty"` // failed because the job was stopped
	Faults   []string         `json:"faults,omitempty"`  // of entries in the reply that cannot be used, one each
	Usage    dataset.Usage    `json:"usage,omitzero"`
	Drafts   []prompt.Draft   `json:"drafts,omitempty"`
	Category string           `json:"category,omitempty"` // of all drafts
	Metadata dataset.Metadata `json:"metadata,omitzero"`  // of all drafts, but for the rule
}

// scored is what a scorer writes for a unit: a summary for Curate, which reads nothing else, and behind it the
// entries as snapshot.AppendLine writes them, for Assemble to copy.
//
//	"CSU2", length and CRC-32C of the summary (4 bytes each, big endian), summary, lines
//
// The summary is JSON for the counts, then for each entry its shingles: all of it is small beside the texts.
type scored struct {
	summary unitSummary
	lines   []byte
}

// unitSummary is what Curate needs to know of a scored unit.
type unitSummary struct {
	Unit    int            `json:"unit"`
	Chunks  map[string]int `json:"chunks"`  // outcome, or "failed: reason" … → chunks
	Skipped int            `json:"skipped"` // failed chunks that were never asked
	Faults  map[string]int `json:"faults"`  // entries of replies that could not be used, by reason
	Usage   dataset.Usage  `json:"usage"`
	Entries []entrySummary `json:"entries"`
}

// entrySummary is what Curate needs to know of an entry.
type entrySummary struct {
	Score    float64  `json:"score"`
	Fault    string   `json:"fault,omitempty"` // first gate it did not pass
	Shingles []uint32 `json:"-"`               // sorted
}

const (
	scoredMagic  = "CSU2"
	scoredHeader = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *scored) encode() ([]byte, error) {
	counts, err := json.Marshal(s.summary)
	if err != nil {
		return nil, dataset.Errorf(dataset.Internal, "encode unit %d: %w", s.summary.Unit, err)
	}
	summary := binary.AppendUvarint(nil, uint64(len(counts)))
	summary = append(summary, counts...)
	for _, e := range s.summary.Entries {
		summary = binary.AppendUvarint(summary, uint64(len(e.Shingles)))
		last := uint32(0)
		for _, h := range e.Shingles {
			summary = binary.AppendUvarint(summary, uint64(h-last))
			last = h
		}
	}
	b := binary.BigEndian.AppendUint32([]byte(scoredMagic), uint32(len(summary)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(summary, castagnoli))
	return slices.Concat(b, summary, s.lines), nil
}

// summaryLength reads the header of a scored unit; Internal when it is none.
func summaryLength(b []byte) (int, error) {
	if len(b) < scoredHeader || string(b[:4]) != scoredMagic {
		return 0, dataset.Errorf(dataset.Internal, "it is no scored unit")
	}
	return int(binary.BigEndian.Uint32(b[4:])), nil
}

// decodeSummary reads the summary of the scored unit that b begins with; Internal when it is damaged or cut short.
func decodeSummary(b []byte) (*unitSummary, error) {
	n, err := summaryLength(b)
	if err != nil {
		return nil, err
	}
	b, sum := b[scoredHeader:], binary.BigEndian.Uint32(b[8:])
	if n > len(b) || crc32.Checksum(b[:n], castagnoli) != sum {
		return nil, dataset.Errorf(dataset.Internal, "the summary of a scored unit is damaged")
	}
	return parseSummary(b[:n])
}

// parseSummary reads a summary without what stands before it.
func parseSummary(b []byte) (*unitSummary, error) {
	damaged := dataset.Errorf(dataset.Internal, "the summary of a scored unit makes no sense")
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, damaged
	}
	s := new(unitSummary)
	if err := json.Unmarshal(b[used:used+int(n)], s); err != nil {
		return nil, damaged
	}
	b = b[used+int(n):]
	for i := range s.Entries {
		count, used := binary.Uvarint(b)
		if used <= 0 || count > uint64(len(b)) {
			return nil, damaged
		}
		b = b[used:]
		shingles, last := make([]uint32, count), uint32(0)
		for k := range shingles {
			delta, used := binary.Uvarint(b)
			if used <= 0 {
				return nil, damaged
			}
			b = b[used:]
			last += uint32(delta)
			shingles[k] = last
		}
		s.Entries[i].Shingles = shingles
	}
	return s, nil
}
