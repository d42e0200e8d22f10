package cloud

import (
	"context"
	"net/http"
	"strings"
	"time"

	"compileo/internal/dataset"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PresignGet returns a GET whose answer carries as. It ends earlier than asked for when the signing credentials
// do. It makes no request, so it does not know whether the object exists.
func (b *Blobs) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignGet(key, as, valid); err != nil {
		return dataset.Presigned{}, err
	}
	if err := ctx.Err(); err != nil { // the signer need not look
		return dataset.Presigned{}, fail("sign a request", err)
	}
	in := &s3.GetObjectInput{Bucket: &b.Bucket, Key: &key, ResponseContentDisposition: new(as.Disposition())}
	if as.ContentType != "" {
		in.ResponseContentType = &as.ContentType
	}
	expires, option := validity(valid)
	request, err := b.Presign.PresignGetObject(ctx, in, option)
	return presigned(request, expires, err)
}

// PresignPut returns a PUT of exactly size bytes as a new object.
func (b *Blobs) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if err := dataset.CheckPresignPut(key, size, contentType, valid); err != nil {
		return dataset.Presigned{}, err
	}
	if err := ctx.Err(); err != nil {
		return dataset.Presigned{}, fail("sign a request", err)
	}
	expires, option := validity(valid)
	request, err := b.Presign.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Bucket, Key: &key, ContentLength: &size, ContentType: &contentType, IfNoneMatch: new("*"),
	}, option)
	return presigned(request, expires, err)
}

// validity is in whole seconds, as a signature counts them, from the present second.
func validity(valid time.Duration) (time.Time, func(*s3.PresignOptions)) {
	valid = valid.Truncate(time.Second)
	return time.Now().UTC().Truncate(time.Second).Add(valid), s3.WithPresignExpires(valid)
}

func presigned(r *v4.PresignedHTTPRequest, expires time.Time, err error) (dataset.Presigned, error) {
	if err != nil {
		return dataset.Presigned{}, fail("sign a request", err)
	}
	header := http.Header{}
	for name, values := range r.SignedHeader {
		if !strings.EqualFold(name, "Host") { // in the URL
			header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return dataset.Presigned{Method: r.Method, URL: r.URL, Header: header, Expires: expires}, nil
}
