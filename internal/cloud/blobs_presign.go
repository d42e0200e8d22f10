package cloud

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"compileo/internal/dataset"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const maxUpload = 5 << 30 // bytes of one PUT to S3

// PresignGet returns a GET whose answer carries as, valid for 1 s to MaxPresign. It ends earlier than that when the
// signing credentials do. It makes no request, so it does not know whether the object exists.
func (b *Blobs) PresignGet(ctx context.Context, key string, as dataset.Attachment, valid time.Duration) (dataset.Presigned, error) {
	if err := checkPresign(key, valid); err != nil {
		return dataset.Presigned{}, err
	}
	in := &s3.GetObjectInput{Bucket: &b.Bucket, Key: &key}
	if as.Filename != "" {
		in.ResponseContentDisposition = new(disposition(as.Filename))
	}
	if as.ContentType != "" {
		if !plain(as.ContentType) {
			return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "%.100q is not a content type", as.ContentType)
		}
		in.ResponseContentType = &as.ContentType
	}
	expires, option := validity(valid)
	request, err := b.Presign.PresignGetObject(ctx, in, option)
	return presigned(request, expires, err)
}

// PresignPut returns a PUT of exactly size bytes, 1 to 5 GiB, as a new object. All headers of the answer must
// be sent as they are. A length of zero cannot be bound by a signature and is Invalid.
func (b *Blobs) PresignPut(ctx context.Context, key string, size int64, contentType string, valid time.Duration) (dataset.Presigned, error) {
	if err := checkPresign(key, valid); err != nil {
		return dataset.Presigned{}, err
	}
	if size < 1 || size > maxUpload {
		return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "an upload of %d bytes, want 1 to %d", size, int64(maxUpload))
	}
	if contentType == "" || !plain(contentType) {
		return dataset.Presigned{}, dataset.Errorf(dataset.Invalid, "%.100q is not a content type", contentType)
	}
	expires, option := validity(valid)
	request, err := b.Presign.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Bucket, Key: &key, ContentLength: &size, ContentType: &contentType, IfNoneMatch: new("*"),
	}, option)
	return presigned(request, expires, err)
}

func checkPresign(key string, valid time.Duration) error {
	if valid < time.Second || valid > dataset.MaxPresign {
		return dataset.Errorf(dataset.Invalid, "a presigned request valid for %v, want 1s to %v", valid, dataset.MaxPresign)
	}
	return checkBlobKey(key)
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

// disposition makes a browser save the object under the name, whatever is in it.
func disposition(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	return mime.FormatMediaType("attachment", map[string]string{"filename": cut(name, 200)})
}

// plain reports whether s can stand in a header.
func plain(s string) bool {
	return len(s) <= 200 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
