package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

// write puts the job's version into the file that was asked for. The file is there whole or as it was.
func (g *generation) write(ctx context.Context, j *dataset.Job) (*snapshot.Version, error) {
	v, err := snapshot.Open(ctx, g.engine.Blobs, j.Result.Manifest)
	if err != nil {
		return nil, err
	}
	err = replaceFile(g.out, g.data, func(w io.Writer) error { return v.WriteJSONL(ctx, w, nil) })
	if errors.Is(err, syscall.ENOSPC) {
		err = dataset.Errorf(dataset.Unavailable, "the disk with %s is full; the dataset is kept in %s", g.out, g.data)
	}
	return v, err
}

// replaceFile writes a file beside path and gives it the name when it is complete and on the disk. The name that it
// has until then derives from the data directory, which this program has to itself: what a killed one left is
// overwritten by the next.
func replaceFile(path, data string, write func(io.Writer) error) error {
	if abs, err := filepath.Abs(data); err == nil {
		data = abs
	}
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+dataset.Hash(data)[:8])
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return outputError(path, err)
	}
	defer os.Remove(draft) // gone already when all went well
	w := bufio.NewWriterSize(f, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(draft, path)
	}
	return outputError(path, err)
}

// outputError names the file in errors of the file system.
func outputError(path string, err error) error {
	if err == nil || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	if _, ok := errors.AsType[*dataset.Error](err); ok {
		return err
	}
	return dataset.Errorf(dataset.Unavailable, "cannot write %s: %v", path, cause(err))
}
