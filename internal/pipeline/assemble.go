package pipeline

import (
	"context"
	"fmt"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

// PartInput is the input of an iteration of Assemble.
type PartInput struct {
	Job  string `json:"job"`
	Part int    `json:"part"`
}

// Assemble writes one part of the version: it streams the entries of the part's units through the decisions, the
// kept ones with their numbers, the others with the reason. It copies the lines that the scorer encoded. What it
// writes is determined by its input.
func (e *Engine) Assemble(ctx context.Context, in PartInput) error {
	j, err := e.enter(ctx, in.Job, "Assemble")
	if err != nil {
		return err
	}
	prefix := dataset.VersionPrefix(j.Ref.Tenant, j.Target.Dataset, j.Ref.ID)
	if _, err := snapshot.ReadPart(ctx, e.Blobs, prefix, in.Part); err == nil || !dataset.Is(err, dataset.NotFound) {
		return err
	}
	d, err := dataset.ReadJSON[decisions](ctx, e.Blobs, decisionsKey(j.Ref, in.Part))
	if err != nil {
		return err
	}
	part, err := snapshot.NewPart(ctx, e.Blobs, prefix, in.Part)
	if err != nil {
		return err
	}
	defer part.Abort()
	a := assembly{part: part, decisions: d, next: d.First}
	err = inOrder(ctx, len(d.Units), func(ctx context.Context, i int) ([]byte, error) {
		return e.Blobs.Get(ctx, dataset.ScoredKey(j.Ref, d.Units[i].Unit))
	}, func(i int, b []byte) error {
		return a.add(d.Units[i], b)
	})
	if err != nil {
		return err
	}
	_, err = part.Close(ctx)
	return err
}

// assembly is one part in the making.
type assembly struct {
	part      *snapshot.PartWriter
	decisions *decisions
	next      int // number of the next entry kept
	of        int // duplicates met
}

// add puts the entries of a scored unit where the decisions want them.
func (a *assembly) add(u unitDecision, b []byte) error {
	damaged := dataset.Errorf(dataset.Internal, "scored unit %d does not fit its decisions", u.Unit)
	n, err := summaryLength(b)
	if err != nil {
		return err
	}
	if scoredHeader+n > len(b) {
		return damaged
	}
	rest := b[scoredHeader+n:]
	for _, code := range u.Codes {
		if code < 0 || code > len(a.decisions.Reasons) {
			return damaged
		}
		var line snapshot.Line
		if line, rest, err = snapshot.CutLine(rest); err != nil {
			return fmt.Errorf("scored unit %d: %w", u.Unit, err)
		}
		if err := a.line(line, code); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return damaged
	}
	return nil
}

func (a *assembly) line(l snapshot.Line, code int) error {
	if code == 0 {
		a.next++
		return a.part.AddLine(a.next-1, l)
	}
	reason, of := a.decisions.Reasons[code-1], ""
	if reason == duplicate {
		if a.of >= len(a.decisions.Of) {
			return dataset.Errorf(dataset.Internal, "a duplicate has no original")
		}
		of = snapshot.EntryID(a.decisions.Of[a.of])
		a.of++
	}
	return a.part.RejectLine(l, reason, of)
}
