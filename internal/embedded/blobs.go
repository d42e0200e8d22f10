package embedded

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"compileo/internal/dataset"
)

// maxInline is the size up to which an object's bytes are in the database: reading and writing them there
// is faster than a file of their own, and a group of them costs one sync.
const maxInline = 64 << 10

// deleteBatch is how many objects are deleted in one transaction.
const deleteBatch = 500

type blobs struct{ s *Store }

func (b *blobs) Put(ctx context.Context, key string, data []byte) error {
	if err := dataset.CheckPut(key, data); err != nil {
		return err
	}
	if len(data) <= maxInline {
		return b.insert(ctx, blob{key: key, size: int64(len(data)), data: data})
	}
	// Steps are repeated, so the object is often there: that is worth knowing before writing a file.
	if _, err := b.find(ctx, key); !dataset.Is(err, dataset.NotFound) {
		if err == nil {
			err = exists(key)
		}
		return err
	}
	w := &blobWriter{b: b, ctx: ctx, key: key}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit()
}

// blob is a row of the table blobs.
type blob struct {
	key  string
	size int64
	file string // empty: the bytes are data
	data []byte
}

// find returns the object's row.
func (b *blobs) find(ctx context.Context, key string) (blob, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return blob{}, err
	}
	row := blob{key: key}
	found, err := b.s.reader.get(ctx, "SELECT size, coalesce(file, ''), data FROM blobs WHERE key = ?", []any{key}, &row.size, &row.file, &row.data)
	if err != nil {
		return blob{}, b.s.failure("read", err)
	}
	if !found {
		return blob{}, dataset.Errorf(dataset.NotFound, "no object %s", key)
	}
	return row, nil
}

// content is an object opened for reading.
type content struct {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
	size int64
}

// open opens the object. It stays readable when it is deleted meanwhile.
func (b *blobs) open(ctx context.Context, key string) (content, error) {
	for {
		row, err := b.find(ctx, key)
		if err != nil {
			return content{}, err
		}
		if row.file == "" {
			r := bytes.NewReader(row.data)
			return content{r, r, io.NopCloser(r), row.size}, nil
		}
		f, err := os.Open(b.s.blobFile(row.file))
		if errors.Is(err, fs.ErrNotExist) {
			// It was deleted since, perhaps even written again; or the file is lost.
			if again, err := b.find(ctx, key); err != nil {
				return content{}, err
			} else if again.file != row.file {
				continue
			}
			return content{}, damagedBlob(key, b.s.blobFile(row.file), err)
		}
		if err != nil {
			return content{}, b.s.failure("read", err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != row.size {
			_ = f.Close()
			return content{}, damagedBlob(key, b.s.blobFile(row.file), err)
		}
		return content{f, f, f, row.size}, nil
	}
}

func (b *blobs) Get(ctx context.Context, key string) ([]byte, error) {
	c, err := b.open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return b.slice(c, c.size, 0, c.size)
}

func (b *blobs) Range(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if err := dataset.CheckRange(key, offset, length); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, ended(err)
	}
	open, drops := b.s.files.get(key)
	if open != nil {
		data, err := b.slice(open.file, open.size, offset, length)
		if !errors.Is(err, os.ErrClosed) {
			return data, err
		}
	}
	c, err := b.open(ctx, key)
	if err != nil {
		return nil, err
	}
	data, err := b.slice(c, c.size, offset, length)
	if file, ok := c.Closer.(*os.File); ok && err == nil {
		b.s.files.put(&openFile{key, file, c.size}, drops)
	} else {
		_ = c.Close() // only read
	}
	return data, err
}

// slice reads what there is of length bytes from offset of an object of that size.
func (b *blobs) slice(r io.ReaderAt, size, offset, length int64) ([]byte, error) {
	offset = min(offset, size)
	data := make([]byte, min(length, size-offset))
	if n, err := r.ReadAt(data, offset); n < len(data) {
		return nil, b.s.failure("read", err)
	}
	return data, nil
}

func (b *blobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	c, err := b.open(ctx, key)
	if err != nil {
		return nil, err
	}
	return &stream{ctx: ctx, b: b, content: c}, nil
}

// stream ends with its context, as a response body does.
type stream struct {
	ctx     context.Context
	b       *blobs
	content content
}

func (r *stream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, ended(err)
	}
	n, err := r.content.Read(p)
	if err != nil && err != io.EOF {
		err = r.b.s.failure("read", err)
	}
	return n, err
}

func (r *stream) Close() error { return r.content.Close() }

func (b *blobs) Stat(ctx context.Context, key string) (dataset.BlobInfo, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return dataset.BlobInfo{}, err
	}
	info := dataset.BlobInfo{Key: key}
	found, err := b.s.reader.get(ctx, "SELECT size FROM blobs WHERE key = ?", []any{key}, &info.Size)
	if err != nil {
		return dataset.BlobInfo{}, b.s.failure("read", err)
	}
	if !found {
		return dataset.BlobInfo{}, dataset.Errorf(dataset.NotFound, "no object %s", key)
	}
	return info, nil
}

func (b *blobs) List(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
	if err := dataset.CheckList(prefix, after); err != nil {
		return nil, err
	}
	// Keys are visible ASCII, so what begins with prefix lies before prefix and a byte that is not.
	rows, err := b.s.reader.query(ctx, "SELECT key, size FROM blobs WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?",
		prefix, prefix+"\x7f", after, dataset.MaxListPage)
	if err != nil {
		return nil, b.s.failure("list", err)
	}
	defer rows.Close()
	var infos []dataset.BlobInfo
	for rows.Next() {
		var info dataset.BlobInfo
		if err := rows.Scan(&info.Key, &info.Size); err != nil {
			return nil, b.s.failure("list", err)
		}
		infos = append(infos, info)
	}
	if err := rows.Err(); err != nil {
		return nil, b.s.failure("list", err)
	}
	return infos, nil
}

func (b *blobs) Delete(ctx context.Context, keys ...string) error {
	if err := dataset.CheckDelete(keys); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	for len(keys) > 0 {
		batch := keys[:min(len(keys), deleteBatch)]
		keys = keys[len(batch):]
		var files []string
		err := b.s.write(ctx, 0, func(t *tx) error {
			for _, key := range batch {
				var file string
				found, err := t.get("DELETE FROM blobs WHERE key = ? RETURNING coalesce(file, '')", []any{key}, &file)
				if err != nil {
					return err
				}
				if found && file != "" {
					files = append(files, file)
				}
			}
			return nil
		})
		b.s.files.drop(batch) // also after an error, which may come after the deed
		if err != nil {
			return err
		}
		for _, file := range files {
			b.s.removeFile(file)
		}
	}
	return nil
}

// insert makes the object visible. On an error nothing of it is.
func (b *blobs) insert(ctx context.Context, row blob) error {
	return b.s.write(ctx, len(row.key)+len(row.data), func(t *tx) error { return t.insertBlob(row) })
}

func (t *tx) insertBlob(row blob) error {
	key, folder := row.key, row.key[:strings.LastIndexByte(row.key, '/')+1]
	var taken, isFolder, siblings bool
	// '0' is the byte after '/': what lies between is in the folder.
	if _, err := t.get(`SELECT EXISTS (SELECT 1 FROM blobs WHERE key = ?),
		EXISTS (SELECT 1 FROM blobs WHERE key > ? AND key < ?), EXISTS (SELECT 1 FROM blobs WHERE key > ? AND key < ?)`,
		[]any{key, key + "/", key + "0", folder, strings.TrimSuffix(folder, "/") + "0"}, &taken, &isFolder, &siblings); err != nil {
		return err
	}
	switch {
	case taken:
		return exists(key)
	case isFolder:
		return dataset.Errorf(dataset.Invalid, "object key %s is the folder of another", key)
	}
	// Where a folder holds an object, none of the folders it is in is an object: that was seen when the first came.
	for i := len(folder) - 1; i > 0 && !siblings; i = strings.LastIndexByte(key[:i], '/') {
		if found, err := t.get("SELECT 1 FROM blobs WHERE key = ?", []any{key[:i]}, new(int)); err != nil {
			return err
		} else if found {
			return dataset.Errorf(dataset.Invalid, "object key %s is in a folder that is another object", key)
		}
	}
	var file, data any
	if row.file != "" {
		file = row.file
	} else {
		data = notNil(row.data)
	}
	_, err := t.exec("INSERT INTO blobs (key, size, file, data) VALUES (?, ?, ?, ?)", key, row.size, file, data)
	return err
}

func (s *Store) blobFile(name string) string { return filepath.Join(s.blobDir(), name) }

func exists(key string) error {
	return dataset.Errorf(dataset.Conflict, "object %s exists", key)
}

func damagedBlob(key, file string, err error) error {
	return &dataset.Error{Kind: dataset.Internal, Detail: "object " + key + ": its file " + file + " is missing or damaged: put back a copy", Err: err}
}
