package cloud

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	deleteBatch = 1000 // keys of one DeleteObjects request
	putTries    = 5    // while S3 says that another writer of the key is under way
)

// Blobs is dataset.Blobs on an S3 bucket. A key becomes unique by If-None-Match, so that a second writer gets
// Conflict.
type Blobs struct {
	Client  *s3.Client
	Presign *s3.PresignClient
	Bucket  string
}

// Put stores data under a new key; Conflict, or Throttled when another writer of the key does not come to an end.
func (b *Blobs) Put(ctx context.Context, key string, data []byte) error {
	if err := dataset.CheckPut(key, data); err != nil {
		return err
	}
	pause := 50 * time.Millisecond
	for try := 1; ; try++ {
		_, err := b.Client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.Bucket, Key: &key, IfNoneMatch: new("*"),
			Body: bytes.NewReader(data), ContentLength: new(int64(len(data))),
		})
		if try == putTries || !hasCode(err, "ConditionalRequestConflict") {
			return fail("store an object", err)
		}
		if err := sleep(ctx, pause/2+rand.N(pause/2)); err != nil {
			return fail("store an object", err)
		}
		pause *= 2
	}
}

// Get returns the whole object, in memory; NotFound.
func (b *Blobs) Get(ctx context.Context, key string) ([]byte, error) {
	return b.read(ctx, key, nil, math.MaxInt64)
}

// Range returns length bytes from offset, fewer where the object ends before; NotFound.
func (b *Blobs) Range(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if err := dataset.CheckRange(key, offset, length); err != nil {
		return nil, err
	}
	if length == 0 { // no Range header says this
		_, err := b.Stat(ctx, key)
		return nil, err
	}
	last := offset + min(length-1, math.MaxInt64-offset)
	data, err := b.read(ctx, key, new("bytes="+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(last, 10)), length)
	if hasCode(err, "InvalidRange") {
		return nil, nil
	}
	return data, err
}

// read returns what a GET answers; no length, or one over limit, is Internal: the request was not understood.
func (b *Blobs) read(ctx context.Context, key string, ranged *string, limit int64) ([]byte, error) {
	out, err := b.get(ctx, key, ranged)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	if out.ContentLength == nil || *out.ContentLength < 0 || *out.ContentLength > limit {
		return nil, dataset.Errorf(dataset.Internal, "an object came with another length than was asked for")
	}
	data := make([]byte, *out.ContentLength)
	if _, err := io.ReadFull(out.Body, data); err != nil {
		return nil, &dataset.Error{Kind: dataset.Unavailable, Detail: "read an object", Err: err}
	}
	return data, nil
}

// Open streams the object; NotFound. A connection that breaks is an Unavailable error of Read.
func (b *Blobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	out, err := b.get(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	return stream{out.Body}, nil
}

func (b *Blobs) get(ctx context.Context, key string, ranged *string) (*s3.GetObjectOutput, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return nil, err
	}
	out, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket, Key: &key, Range: ranged})
	return out, fail("read an object", err)
}

type stream struct{ io.ReadCloser }

func (s stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &dataset.Error{Kind: dataset.Unavailable, Detail: "read an object", Err: err}
	}
	return n, err
}

// Stat returns the size; NotFound.
func (b *Blobs) Stat(ctx context.Context, key string) (dataset.BlobInfo, error) {
	if err := dataset.CheckBlobKey(key); err != nil {
		return dataset.BlobInfo{}, err
	}
	out, err := b.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.Bucket, Key: &key})
	if err != nil {
		return dataset.BlobInfo{}, fail("look up an object", err)
	}
	return dataset.BlobInfo{Key: key, Size: aws.ToInt64(out.ContentLength)}, nil
}

// List returns a page of keys in byte order.
func (b *Blobs) List(ctx context.Context, prefix, after string) ([]dataset.BlobInfo, error) {
	if err := dataset.CheckList(prefix, after); err != nil {
		return nil, err
	}
	in := &s3.ListObjectsV2Input{Bucket: &b.Bucket, Prefix: &prefix, MaxKeys: new(int32(dataset.MaxListPage))}
	if after != "" {
		in.StartAfter = &after
	}
	for {
		out, err := b.Client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, fail("list objects", err)
		}
		page := make([]dataset.BlobInfo, len(out.Contents))
		for i, o := range out.Contents {
			page[i] = dataset.BlobInfo{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size)}
		}
		// An empty page means the end to the caller, but not to S3.
		if len(page) > 0 || !aws.ToBool(out.IsTruncated) || out.NextContinuationToken == nil {
			return page, nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}

// Delete removes objects, 1,000 at a time. After an error some may be gone: repeating is right.
func (b *Blobs) Delete(ctx context.Context, keys ...string) error {
	if err := dataset.CheckDelete(keys); err != nil {
		return err
	}
	for batch := range slices.Chunk(keys, deleteBatch) {
		list := make([]types.ObjectIdentifier, len(batch))
		for i := range batch {
			list[i].Key = &batch[i]
		}
		out, err := b.Client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &b.Bucket, Delete: &types.Delete{Objects: list, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return fail("delete objects", err)
		}
		if err := deleteError(out.Errors); err != nil {
			return err
		}
	}
	return fail("delete no objects", ctx.Err())
}

func deleteError(failed []types.Error) error {
	for _, f := range failed {
		code := aws.ToString(f.Code)
		if code == "NoSuchKey" {
			continue
		}
		kind, known := kindOfCode(code)
		if !known {
			kind = dataset.Internal
		}
		return dataset.Errorf(kind, "deleting objects failed with %s", code)
	}
	return nil
}
