package cloud

import (
	"bytes"
	"context"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	partSize = 8 << 20          // bytes of a part, and of memory that a writer holds
	maxParts = 10_000           // parts of an object: 78 GiB
	tidyTime = 10 * time.Second // for what is done after the caller's context may have ended
)

// Create begins an object. What fits one part becomes a simple put at Commit, anything longer a multipart upload.
func (b *Blobs) Create(ctx context.Context, key string) (dataset.BlobWriter, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fail("begin an object", err)
	}
	return &writer{ctx: ctx, blobs: b, key: key}, nil
}

type writer struct {
	ctx    context.Context // io.Writer leaves no other way to it
	blobs  *Blobs
	key    string
	part   []byte // not uploaded yet
	upload *string
	parts  []types.CompletedPart
	err    error // of the first failure, and of any use after the end
}

var errEnded = dataset.Errorf(dataset.Internal, "the writer has ended")

func (w *writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if w.err != nil {
			return n, w.err
		}
		if len(w.part) == partSize {
			if err := w.flush(); err != nil {
				w.end(err)
				return n, err
			}
		}
		k := min(len(p), partSize-len(w.part))
		w.part = append(w.part, p[:k]...)
		n, p = n+k, p[k:]
	}
	return n, w.err
}

// flush uploads the part and empties it.
func (w *writer) flush() error {
	if w.upload == nil {
		out, err := w.blobs.Client.CreateMultipartUpload(w.ctx, &s3.CreateMultipartUploadInput{
			Bucket: &w.blobs.Bucket, Key: &w.key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		if err != nil {
			return fail("begin an object", err)
		}
		w.upload = out.UploadId
	}
	number := int32(len(w.parts) + 1)
	if number > maxParts {
		return dataset.Errorf(dataset.Invalid, "an object of over %d parts of %d bytes", maxParts, partSize)
	}
	out, err := w.blobs.Client.UploadPart(w.ctx, &s3.UploadPartInput{
		Bucket: &w.blobs.Bucket, Key: &w.key, UploadId: w.upload, PartNumber: &number, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		Body: bytes.NewReader(w.part), ContentLength: new(int64(len(w.part))),
	})
	if err != nil {
		return fail("store a part of an object", err)
	}
	w.parts = append(w.parts, types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	w.part = w.part[:0]
	return nil
}

// Commit makes the object visible. After an error nothing remains but what may have become visible: the
// caller begins anew, and Conflict then shows that it was.
func (w *writer) Commit() error {
	if w.err != nil {
		return w.err
	}
	err := w.commit()
	if err != nil {
		w.end(err)
	}
	w.err, w.upload, w.part = errEnded, nil, nil
	return err
}

func (w *writer) commit() error {
	if w.upload == nil {
		return w.blobs.Put(w.ctx, w.key, w.part)
	}
	if len(w.part) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	_, err := w.blobs.Client.CompleteMultipartUpload(w.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &w.blobs.Bucket, Key: &w.key, UploadId: w.upload, IfNoneMatch: new("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: w.parts},
	})
	if hasCode(err, "ConditionalRequestConflict") {
		// S3 wants all parts again, which are gone. Most likely the other writer made the object.
		if _, there := w.blobs.Stat(w.ctx, w.key); there == nil {
			return &dataset.Error{Kind: dataset.Conflict, Detail: "complete an object", Err: err}
		}
	}
	return fail("complete an object", err)
}

// Abort drops what was written. What cannot be dropped the bucket's lifecycle rule does.
func (w *writer) Abort() {
	if w.err == nil {
		w.end(errEnded)
	}
}

// end makes err the answer of all further calls and drops the parts, even when the caller's context has
// ended: they cost money and nobody sees them.
func (w *writer) end(err error) {
	w.err, w.part = err, nil
	if w.upload == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), tidyTime)
	defer cancel()
	_, _ = w.blobs.Client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &w.blobs.Bucket, Key: &w.key, UploadId: w.upload,
	})
	w.upload = nil
}
