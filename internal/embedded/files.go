package embedded

import (
	"container/list"
	"os"
	"sync"
)

// maxFiles is how many files are kept open. A page of a dataset reads from one file of each of its parts, of
// which the largest has 40.
const maxFiles = 128

// openFiles keeps the files of large objects open that were read last, by key, so that a range costs one read. An
// object never changes, so all that can make an open file wrong is a Delete: whoever deletes calls drop before
// it answers. A file may be closed while someone reads it; that read fails with os.ErrClosed and is made again.
type openFiles struct {
	most int // files open together

	mu     sync.Mutex
	of     map[string]*list.Element
	recent list.List // of *openFile, the one read last at the front
	drops  int64     // how often drop or close was called
	closed bool
}

type openFile struct {
	key  string
	file *os.File
	size int64
}

// get returns the open file of the object, or nil, and what put wants to be told.
func (f *openFiles) get(key string) (open *openFile, drops int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.of[key]
	if e == nil {
		return nil, f.drops
	}
	f.recent.MoveToFront(e)
	return e.Value.(*openFile), f.drops
}

// put takes over the file. It closes it when there is one of that key already, or when there were drops since get
// was called: one of them may have been of this object, after the file was found.
func (f *openFiles) put(open *openFile, drops int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.drops != drops || f.of[open.key] != nil {
		_ = open.file.Close() // only read
		return
	}
	if f.of == nil {
		f.of = map[string]*list.Element{}
	}
	f.of[open.key] = f.recent.PushFront(open)
	if f.recent.Len() > f.most {
		f.remove(f.recent.Back())
	}
}

// drop closes the files of objects that may be deleted.
func (f *openFiles) drop(keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drops++
	for _, key := range keys {
		if e := f.of[key]; e != nil {
			f.remove(e)
		}
	}
}

// close closes all files and keeps none from now on.
func (f *openFiles) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for f.recent.Len() > 0 {
		f.remove(f.recent.Front())
	}
}

func (f *openFiles) remove(e *list.Element) {
	open := f.recent.Remove(e).(*openFile)
	delete(f.of, open.key)
	_ = open.file.Close() // only read
}
