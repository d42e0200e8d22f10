package porttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"compileo/internal/dataset"
)

// BlobsHarness is how the suite gets at an adapter of dataset.Blobs.
type BlobsHarness struct {
	// Open is called for each case; it may return the same store each time, as every case keeps to a prefix.
	Open func(t *testing.T) dataset.Blobs
	// Presign says that presigned requests work; they are sent with Client (nil: http.DefaultClient).
	Presign bool
	Client  *http.Client
	// Part is how many bytes of an object the adapter writes at a time; 0: 64 KiB. Objects of several parts
	// have more than twice that.
	Part int
	Skip Skips
}

// Blobs runs the conformance suite of dataset.Blobs. With Presign it waits a second or two of real time for
// requests to expire.
func Blobs(t *testing.T, h BlobsHarness) {
	t.Helper()
	cases := slices.Concat(objectCases, listCases, writerCases)
	if h.Presign {
		cases = append(cases, presignCases...)
	}
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	part := h.Part
	if part == 0 {
		part = 64 << 10
	}
	runAll(t, options{skip: h.Skip}, cases, func(t *testing.T) *store {
		return &store{Blobs: h.Open(t), prefix: "porttest/" + dataset.NewID() + "/", client: client, part: part}
	})
}

// store is an object store with a prefix that a case has for itself.
type store struct {
	dataset.Blobs
	prefix string // ends in a slash
	client *http.Client
	part   int // bytes
}

// large is the size of an object of several parts.
func (s *store) large() int { return 2*s.part + 12345 }

// put stores data under a new key of the case, and removes it at its end.
func (s *store) put(t *testing.T, name string, data []byte) string {
	t.Helper()
	key := s.prefix + name
	if err := s.Put(t.Context(), key, data); err != nil {
		t.Fatalf("Put(%s) = %v", name, err)
	}
	return key
}

// want fails the case unless key holds data, read in every way there is.
func (s *store) want(t *testing.T, key string, data []byte) {
	t.Helper()
	if got, err := s.Get(t.Context(), key); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Get(%s) = %d bytes, %v, want the %d bytes written", key, len(got), err, len(data))
	}
	if info, err := s.Stat(t.Context(), key); err != nil || info != (dataset.BlobInfo{Key: key, Size: int64(len(data))}) {
		t.Errorf("Stat(%s) = %+v, %v, want size %d", key, info, err, len(data))
	}
	if got, err := s.stream(t, key); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Open(%s) = %d bytes, %v, want the %d bytes written", key, len(got), err, len(data))
	}
	if got := s.names(t, key, ""); !slices.Equal(got, []string{key}) {
		t.Errorf("List(%s) = %q, want the object", key, got)
	}
}

func (s *store) stream(t *testing.T, key string) ([]byte, error) {
	r, err := s.Open(t.Context(), key)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return got, err
}

// wantNone fails the case unless nothing is seen of key.
func (s *store) wantNone(t *testing.T, key string) {
	t.Helper()
	_, err := s.Get(t.Context(), key)
	wantKind(t, "Get", err, dataset.NotFound)
	_, err = s.Range(t.Context(), key, 0, 1)
	wantKind(t, "Range", err, dataset.NotFound)
	_, err = s.Open(t.Context(), key)
	wantKind(t, "Open", err, dataset.NotFound)
	_, err = s.Stat(t.Context(), key)
	wantKind(t, "Stat", err, dataset.NotFound)
	if got := s.names(t, key, ""); len(got) != 0 {
		t.Errorf("List(%s) = %q, want nothing", key, got)
	}
}

// names lists all keys below prefix that are greater than after, page by page.
func (s *store) names(t *testing.T, prefix, after string) (keys []string) {
	t.Helper()
	for {
		page, err := s.List(t.Context(), prefix, after)
		if err != nil {
			t.Fatalf("List(%s, after %q) = %v", prefix, after, err)
		}
		if len(page) == 0 {
			return keys
		}
		if len(page) > dataset.MaxListPage {
			t.Errorf("List answered %d objects, want at most %d", len(page), dataset.MaxListPage)
		}
		for _, info := range page {
			if info.Key <= after || !strings.HasPrefix(info.Key, prefix) {
				t.Fatalf("List(%s, after %q) answered %q", prefix, after, info.Key)
			}
			keys, after = append(keys, info.Key), info.Key
		}
	}
}

// noise is size bytes that do not compress or repeat, always the same for a seed.
func noise(seed uint64, size int) []byte {
	data := make([]byte, size+8)
	random := rand.NewPCG(seed, 0)
	for i := 0; i < size; i += 8 {
		binary.LittleEndian.PutUint64(data[i:], random.Uint64())
	}
	return data[:size]
}

var objectCases = []scenario[*store]{
	{"an object is read as it was stored", objectAsStored},
	{"an object may be empty", emptyObject},
	{"bytes belong to who reads or writes them", blobsNotShared},
	{"whoever comes second gets Conflict and what is there stays", writeOnce},
	{"of 20 writers one stores and its bytes stay", writeRace},
	{"what does not exist is NotFound", blobNotFound},
	{"a range may be inside, reach past the end, or be empty", ranges},
	{"a range of less than nothing is Invalid", negativeRanges},
	{"an open stream may be closed early", closeEarly},
	{"keys are of the stated form and length", keyForm},
	{"a Put ends at MaxBlobPut", putLimit},
	{"a done context is Unavailable", blobsContext},
}

func objectAsStored(t *testing.T, s *store) {
	for i, size := range []int{1, 100, 64 << 10, 64<<10 + 1, 300 << 10} {
		data := noise(uint64(i), size)
		s.want(t, s.put(t, fmt.Sprintf("size-%d", size), data), data)
	}
	const name = "A.b_c=d-0/9.JSON"
	s.want(t, s.put(t, name, []byte("x")), []byte("x"))
}

func emptyObject(t *testing.T, s *store) {
	for i, data := range [][]byte{nil, {}} {
		key := s.put(t, fmt.Sprint(i), data)
		s.want(t, key, nil)
		if got, err := s.Range(t.Context(), key, 0, 10); err != nil || len(got) != 0 {
			t.Errorf("Range = %q, %v, want nothing", got, err)
		}
	}
}

func blobsNotShared(t *testing.T, s *store) {
	data := []byte("first")
	key := s.put(t, "a", data)
	copy(data, "spoil")
	for range 2 {
		got, err := s.Get(t.Context(), key)
		if err != nil || string(got) != "first" {
			t.Fatalf("Get = %q, %v, want %q", got, err, "first")
		}
		copy(got, "spoil")
		if got, err = s.Range(t.Context(), key, 0, 5); err == nil {
			copy(got, "spoil")
		}
	}
}

func writeOnce(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("first"))
	for _, data := range []string{"second", "first", ""} {
		wantKind(t, "second Put", s.Put(t.Context(), key, []byte(data)), dataset.Conflict)
	}
	s.want(t, key, []byte("first"))
}

func writeRace(t *testing.T, s *store) {
	const writers = 20
	for _, size := range []int{100, 100 << 10} {
		key := fmt.Sprintf("%srace-%d", s.prefix, size)
		winners := make(chan uint64, writers)
		var wg sync.WaitGroup
		for i := range uint64(writers) {
			wg.Go(func() {
				err := patient(t.Context(), func() error { return s.Put(t.Context(), key, noise(i, size)) })
				if err == nil {
					winners <- i
				} else {
					wantKind(t, "Put", err, dataset.Conflict)
				}
			})
		}
		wg.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d writers of %d bytes succeeded, want 1", len(winners), size)
		}
		s.want(t, key, noise(<-winners, size))
	}
}

func blobNotFound(t *testing.T, s *store) {
	s.put(t, "folder/a", []byte("x"))
	s.wantNone(t, s.prefix+"b")
	s.wantNone(t, s.prefix+"folder/ab")
	_, err := s.Get(t.Context(), s.prefix+"folder")
	wantKind(t, "Get of a folder", err, dataset.NotFound)
	_, err = s.Stat(t.Context(), s.prefix+"folder")
	wantKind(t, "Stat of a folder", err, dataset.NotFound)
}

func ranges(t *testing.T, s *store) {
	for _, size := range []int{10, 200 << 10} {
		data := noise(1, size)
		key := s.put(t, fmt.Sprint(size), data)
		for _, c := range []struct{ offset, length int }{
			{0, size},
			{0, 1},
			{3, 4},
			{size - 1, 1},
			{size - 3, 100},
			{0, 10 * size},
			{size - 3, 3},
			{size, 1},
			{size, 0},
			{size + 5, 10},
			{3, 0},
			{0, 0},
		} {
			got, err := s.Range(t.Context(), key, int64(c.offset), int64(c.length))
			want := data[min(c.offset, size):min(c.offset+c.length, size)]
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("Range(%d, %d) of %d bytes = %d bytes, %v, want %d", c.offset, c.length, size, len(got), err, len(want))
			}
		}
	}
}

func negativeRanges(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("0123456789"))
	for _, c := range [][2]int64{{-1, 1}, {-5, 10}, {0, -1}, {5, -5}, {math.MinInt64, math.MinInt64}} {
		_, err := s.Range(t.Context(), key, c[0], c[1])
		wantKind(t, fmt.Sprintf("Range(%d, %d)", c[0], c[1]), err, dataset.Invalid)
	}
	for _, c := range [][2]int64{{5, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}} {
		got, err := s.Range(t.Context(), key, c[0], c[1])
		if want := "0123456789"[min(c[0], 10):]; err != nil || string(got) != want {
			t.Errorf("Range(%d, %d) = %q, %v, want %q", c[0], c[1], got, err, want)
		}
	}
}

func closeEarly(t *testing.T, s *store) {
	data := noise(2, 1<<20)
	key := s.put(t, "a", data)
	r, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.Equal(head, data[:1000]) {
		t.Errorf("the first 1000 bytes differ (%v)", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	s.want(t, key, data)
}

func keyForm(t *testing.T, s *store) {
	long := s.prefix
	for len(long) < dataset.MaxKey-101 {
		long += strings.Repeat("k", 100) + "/"
	}
	long += strings.Repeat("k", dataset.MaxKey-len(long))
	s.want(t, s.put(t, strings.TrimPrefix(long, s.prefix), []byte("x")), []byte("x"))
	for _, bad := range []string{
		"", "/", "/" + s.prefix + "a", s.prefix, s.prefix + "a//b", s.prefix + "a b", s.prefix + "ä", s.prefix + "a\\b", s.prefix + "a\nb",
		s.prefix + "a/../b", s.prefix + "a/./b", s.prefix + "..", s.prefix + "a+b", s.prefix + "a%2fb", long + "k",
	} {
		wantKind(t, fmt.Sprintf("Put(%q)", bad), s.Put(t.Context(), bad, []byte("x")), dataset.Invalid)
		w, err := s.Create(t.Context(), bad)
		if wantKind(t, fmt.Sprintf("Create(%q)", bad), err, dataset.Invalid); err == nil {
			w.Abort()
		}
	}
	for _, bad := range []string{"", s.prefix, s.prefix + "a/../b", s.prefix + "a b", long + "k"} {
		_, err := s.Get(t.Context(), bad)
		wantKind(t, fmt.Sprintf("Get(%q)", bad), err, dataset.Invalid)
		_, err = s.Range(t.Context(), bad, 0, 1)
		wantKind(t, fmt.Sprintf("Range(%q)", bad), err, dataset.Invalid)
		_, err = s.Open(t.Context(), bad)
		wantKind(t, fmt.Sprintf("Open(%q)", bad), err, dataset.Invalid)
		_, err = s.Stat(t.Context(), bad)
		wantKind(t, fmt.Sprintf("Stat(%q)", bad), err, dataset.Invalid)
		wantKind(t, fmt.Sprintf("Delete(%q)", bad), s.Delete(t.Context(), s.prefix+"a", bad), dataset.Invalid)
	}
}

func putLimit(t *testing.T, s *store) {
	key := s.prefix + "a"
	wantKind(t, "Put above MaxBlobPut", s.Put(t.Context(), key, make([]byte, dataset.MaxBlobPut+1)), dataset.Invalid)
	s.wantNone(t, key)
}

func blobsContext(t *testing.T, s *store) {
	key := s.put(t, "a", []byte("x"))
	ctx := ended(t)
	wantKind(t, "Put", s.Put(ctx, s.prefix+"b", nil), dataset.Unavailable)
	_, err := s.Get(ctx, key)
	wantKind(t, "Get", err, dataset.Unavailable)
	_, err = s.Range(ctx, key, 0, 1)
	wantKind(t, "Range", err, dataset.Unavailable)
	_, err = s.Open(ctx, key)
	wantKind(t, "Open", err, dataset.Unavailable)
	_, err = s.Stat(ctx, key)
	wantKind(t, "Stat", err, dataset.Unavailable)
	_, err = s.List(ctx, s.prefix, "")
	wantKind(t, "List", err, dataset.Unavailable)
	wantKind(t, "Delete", s.Delete(ctx, key), dataset.Unavailable)
	wantKind(t, "Delete of nothing", s.Delete(ctx), dataset.Unavailable)
	s.want(t, key, []byte("x"))
	s.wantNone(t, s.prefix+"b")
}
