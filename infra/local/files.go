package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"compileo/internal/dataset"
	"compileo/internal/document"
)

// file is a document to read.
type file struct {
	path string // to open
	name string // as entries show it
}

// findFiles lists the documents that the paths name: a file as it is, a folder with all files below it that can be
// read, but for hidden ones and those excluded. Links inside folders are not followed. Invalid: a path that does not exist or
// cannot be read, or nothing to read at all.
func findFiles(paths, exclude []string) (files []file, skipped []string, err error) {
	seen := map[string]bool{}
	add := func(f file, size int64, named bool) error {
		if size > dataset.MaxDocument {
			large := fmt.Sprintf("has %.1f MB, want at most %d", float64(size)/(1<<20), dataset.MaxDocument>>20)
			if named {
				return dataset.Errorf(dataset.Invalid, "%s %s", f.path, large)
			}
			skipped = append(skipped, f.name+" "+large)
			return nil
		}
		if full, err := filepath.Abs(f.path); err == nil && !seen[full] {
			seen[full] = true
			files = append(files, f)
		}
		return nil
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return nil, nil, dataset.Errorf(dataset.Invalid, "cannot read %s: %v", p, cause(err))
		case info.IsDir():
			err = walk(p, exclude, add)
		case !info.Mode().IsRegular():
			err = dataset.Errorf(dataset.Invalid, "%s is neither a file nor a folder", p)
		case !document.Supported(p):
			err = dataset.Errorf(dataset.Invalid, "%s: files of type %q cannot be read, want %s", p, filepath.Ext(p), document.Wanted)
		default:
			err = add(file{p, filepath.Base(p)}, info.Size(), true)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(files) == 0 {
		return nil, nil, dataset.Errorf(dataset.Invalid, "no file to read in %s: want %s", strings.Join(paths, ", "), document.Wanted)
	}
	return files, skipped, nil
}

func walk(root string, exclude []string, add func(file, int64, bool) error) error {
	base := filepath.Base(root)
	if abs, err := filepath.Abs(root); err == nil {
		base = filepath.Base(abs)
	}
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return dataset.Errorf(dataset.Invalid, "cannot read %s: %v", p, cause(err))
		}
		if p != root && excluded(d.Name(), exclude) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		// In a folder a name without a type may be anything.
		if !d.Type().IsRegular() || filepath.Ext(p) == "" || !document.Supported(p) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil // deleted meanwhile
		}
		below, err := filepath.Rel(root, p)
		if err != nil {
			return dataset.Errorf(dataset.Internal, "%w", err)
		}
		return add(file{p, path.Join(base, filepath.ToSlash(below))}, info.Size(), false)
	})
}

func excluded(name string, globs []string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	for _, g := range globs {
		if ok, _ := filepath.Match(g, name); ok {
			return true
		}
	}
	return false
}

// cause is an error without the path that the message names anyway.
func cause(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}
