package pdf

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"sync"
	"time"
	"unicode/utf16"

	pdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"compileo/internal/dataset"
)

// engine holds the compiled PDFium. Each document gets an instance of it: a memory of its own.
type engine struct {
	cache string

	once sync.Once
	pool pdfium.Pool
	err  error

	opening sync.Mutex // the pool allocates the memory of one instance at a time: last is its own
	last    *memory
}

// start compiles PDFium.
func (e *engine) start() {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(maxMemory >> 16).
		WithCloseOnContextDone(true)
	if e.cache != "" {
		// A folder that cannot be written only costs time.
		if c, err := wazero.NewCompilationCacheWithDir(e.cache); err == nil {
			config = config.WithCompilationCache(c)
		}
	}
	ctx := experimental.WithCompilationWorkers(context.Background(), runtime.GOMAXPROCS(0))
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		e.last = newMemory(maxMemory)
		return e.last
	}))
	e.pool, e.err = webassembly.Init(webassembly.Config{
		Context: ctx, MaxTotal: maxInstances, RuntimeConfig: config, FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard,
	})
	if e.err != nil {
		e.err = dataset.Errorf(dataset.Internal, "starting the reader of PDF: %w", e.err)
	}
}

// maxInstances bounds the documents that one process reads at a time; callers bound them by their memory.
const maxInstances = 64

// sandbox is an instance of PDFium for one document.
type sandbox struct {
	ctx      context.Context
	instance pdfium.Pdfium
	code     interface {
		Fn(name string) api.Function
	}
	memory  *memory
	stack   [8]uint64
	scratch uint64 // address of scratchSize bytes for results
	err     error  // the first failure: the instance cannot be used further
	doing   string // what is being read, for the error
}

const scratchSize = 4096

func (e *engine) open(ctx context.Context) (*sandbox, error) {
	if e.once.Do(e.start); e.err != nil {
		return nil, e.err
	}
	if ctx.Err() != nil {
		return nil, dataset.Errorf(dataset.Unavailable, "reading the PDF: %w", ctx.Err())
	}
	e.opening.Lock()
	defer e.opening.Unlock()
	instance, err := e.pool.GetInstance(time.Minute)
	if err != nil {
		return nil, dataset.Errorf(dataset.Unavailable, "starting the reader of PDF: %w", err)
	}
	s := &sandbox{ctx: ctx, instance: instance, memory: e.last, doing: "the PDF"}
	// The calls of go-pdfium allocate for every character; its functions by name do not.
	s.code = instance.GetImplementation().(interface {
		Fn(name string) api.Function
	})
	s.scratch = s.call("malloc", scratchSize)
	return s, s.err
}

// close gives the memory back.
func (s *sandbox) close() { _ = s.instance.Kill() }

// call calls a function of PDFium. After a failure it does nothing.
func (s *sandbox) call(name string, args ...uint64) uint64 {
	if s.err != nil {
		return 0
	}
	copy(s.stack[:], args)
	if err := s.code.Fn(name).CallWithStack(s.ctx, s.stack[:]); err != nil {
		switch {
		case s.ctx.Err() != nil:
			s.err = dataset.Errorf(dataset.Unavailable, "reading %s: %w", s.doing, s.ctx.Err())
		default: // out of memory or of stack, or a fault of PDFium
			s.err = dataset.Errorf(dataset.Invalid, "%s is damaged or too complex to be read: %w", s.doing, err)
		}
		return 0
	}
	return s.stack[0]
}

// count is call for functions whose result is an int.
func (s *sandbox) count(name string, args ...uint64) int { return int(int32(s.call(name, args...))) }

// bytes returns n bytes of the sandbox's memory, which change with the next call; nil when they are not in it.
func (s *sandbox) bytes(at uint64, n int) []byte {
	m := s.memory.bytes()
	if at > uint64(len(m)) || uint64(len(m))-at < uint64(n) {
		return make([]byte, n)
	}
	return m[at:][:n]
}

func (s *sandbox) float32(offset uint64) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(s.bytes(s.scratch+offset, 4))))
}

func (s *sandbox) float64(offset uint64) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(s.bytes(s.scratch+offset, 8)))
}

// text calls a function that writes UTF-16 into a buffer, its last two arguments, and returns the length in bytes.
func (s *sandbox) text(name string, args ...uint64) string {
	n := s.count(name, append(args, s.scratch, scratchSize)...)
	if n < 2 || n > scratchSize {
		return ""
	}
	raw := s.bytes(s.scratch, n-2)
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return clean(string(utf16.Decode(units)))
}

// cString puts a short text into the second half of the scratch memory.
func (s *sandbox) cString(text string) uint64 {
	at := s.scratch + scratchSize/2
	b := s.bytes(at, len(text)+1)
	b[copy(b, text)] = 0
	return at
}
