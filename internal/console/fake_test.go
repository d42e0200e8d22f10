package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"compileo/internal/console"
)

// fake is an API of the contract's shapes with one project at most, for what a real server cannot be made to do at
// will: a stream that is refused, a change by somebody else, a key that is asked for.
type fake struct {
	sync.Mutex
	URL      string
	key      string // asked for, if set
	noStream bool
	project  map[string]any
	files    map[string]string
	settings map[string]any // of the last job
	looks    int            // at the job
	answer   string         // of entry_1
	revision int
	large    string // sent in three steps
	sent     int64  // of it, less its size
}

const (
	fakeText  = "A 🙂 begins. The station stores water in a tank of steel. <b>It</b> holds 40 litres."
	fakeQuote = "The station stores water in a tank of steel."
)

type object = map[string]any

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{files: map[string]string{}, answer: "In a tank of <i>steel</i>."}
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.HandleFunc("GET /openapi.json", f.openapi)
	api := http.NewServeMux()
	for pattern, answer := range map[string]func(r *http.Request) (int, any){
		"GET /api/v1/projects":                         f.projects,
		"POST /api/v1/projects":                        f.create,
		"GET /api/v1/projects/{id}":                    func(*http.Request) (int, any) { return 200, f.project },
		"GET /api/v1/documents":                        f.documents,
		"POST /api/v1/documents/upload":                f.upload,
		"POST /api/v1/documents/uploads":               f.begin,
		"PUT /api/v1/away":                             f.take,
		"POST /api/v1/documents/uploads/{id}/complete": f.complete,
		"GET /api/v1/documents/{id}":                   func(*http.Request) (int, any) { return 200, document("water.txt") },
		"GET /api/v1/documents/{id}/content":           content,
		"GET /api/v1/jobs":                             func(*http.Request) (int, any) { return 200, object{"jobs": []any{}, "total": 0} },
		"GET /api/v1/jobs/status/{id}":                 func(*http.Request) (int, any) { return 200, f.job() },
		"GET /api/v1/datasets":                         f.datasets,
		"GET /api/v1/datasets/{id}":                    func(*http.Request) (int, any) { return 200, f.dataset() },
		"GET /api/v1/datasets/{id}/entries":            f.entries,
		"POST /api/v1/datasets/generate":               f.generate,
		"PUT /api/v1/datasets/{id}/entries/{eid}":      f.edit,
	} {
		api.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.Lock()
			defer f.Unlock()
			status, body := answer(r)
			reply(w, status, body)
		})
	}
	api.HandleFunc("GET /api/v1/jobs/status/{id}/stream", f.stream)
	api.HandleFunc("GET /api/v1/datasets/{id}/entries/{eid}", f.entry)
	api.HandleFunc("GET /api/v1/datasets/{id}/download", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="stations.jsonl"`)
		_, _ = io.WriteString(w, "{}\n")
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if f.key != "" && r.Header.Get("X-API-Key") != f.key {
			reply(w, 401, object{"title": "Unauthorized", "detail": "the key is not known"})
			return
		}
		api.ServeHTTP(w, r)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	f.URL = s.URL
	return f
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fake) openapi(w http.ResponseWriter, _ *http.Request) {
	text := func(doc, def string) object {
		return object{"type": []string{"string", "null"}, "description": doc, "default": def}
	}
	reply(w, 200, object{
		"paths": object{"/api/v1/datasets/generate": object{"post": object{"requestBody": object{"content": object{"application/json": object{
			"schema": object{"$ref": "#/components/schemas/Generate"},
		}}}}}},
		"components": object{"schemas": object{
			"Ratios": object{"type": "object", "description": "Shares."},
			"Generate": object{"properties": object{
				"project_id":           object{"type": "integer"},
				"dataset_name":         text("Name of the dataset.", "dataset"),
				"generation_mode":      object{"type": "string", "enum": []any{"default", "question", nil}, "default": "default", "description": "What is made."},
				"classification_model": text("The model that writes.", "gemini"),
				"datasets_per_chunk":   object{"type": "integer", "minimum": 1, "maximum": 50, "default": 3, "description": "Entries of a chunk."},
				"quality_threshold":    object{"type": "number", "minimum": 0, "maximum": 1, "default": 0.7, "description": "The least quality."},
				"analyze_quality":      object{"type": "boolean", "default": true, "description": "Whether entries are left out."},
				"custom_prompt":        text("Your own prompt.", ""),
				"document_ids":         object{"type": "array", "items": object{"type": "string"}, "description": "Which documents."},
				"split_ratios":         object{"anyOf": []any{object{"$ref": "#/components/schemas/Ratios"}, object{"type": "null"}}},
				"later_field":          text("It came later.", ""),
				"idle_field":           text("It is not there yet.", ""),
			}},
		}},
	})
}

func (f *fake) projects(*http.Request) (int, any) {
	list := []any{}
	if f.project != nil {
		list = append(list, f.project)
	}
	return 200, object{"projects": list, "total": len(list), "page": 1, "per_page": 50}
}

func (f *fake) create(r *http.Request) (int, any) {
	var in struct{ Name string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	if f.project != nil {
		return 409, object{"detail": "there is a project of that name"}
	}
	f.project = object{"id": "p1", "name": in.Name, "created_at": time.Now(), "document_count": 0, "dataset_count": 0}
	return 201, f.project
}

func document(name string) object {
	return object{"id": "d-" + name, "project_id": "p1", "file_name": name, "status": "processed", "size": len(fakeText), "created_at": time.Now()}
}

func (f *fake) documents(*http.Request) (int, any) {
	list := []any{}
	for name := range f.files {
		list = append(list, document(name))
	}
	return 200, object{"documents": list, "total": len(list)}
}

func (f *fake) upload(r *http.Request) (int, any) {
	_ = r.ParseMultipartForm(1 << 20)
	for _, h := range r.MultipartForm.File["files"] {
		if h.Filename == "water.exe" {
			return 422, object{"detail": "/files/0 water.exe cannot be read", "errors": []any{object{"pointer": "/files/0", "reason": "files of type .exe cannot be read"}}}
		}
		f.files[h.Filename] = ""
	}
	return 202, object{"job_id": "u", "files_count": 1}
}

func (f *fake) begin(r *http.Request) (int, any) {
	var in struct {
		Name string `json:"file_name"`
		Size int64
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.large, f.sent = in.Name, -in.Size
	_, port, _ := strings.Cut(strings.TrimPrefix(f.URL, "http://"), ":")
	return 201, object{"upload_id": "u1", "method": "PUT", "url": "http://localhost:" + port + "/api/v1/away", "headers": object{"Content-Type": "x/y"}}
}

func (f *fake) take(r *http.Request) (int, any) {
	if r.Header.Get("Content-Type") != "x/y" {
		return 403, nil
	}
	n, _ := io.Copy(io.Discard, r.Body)
	f.sent += n
	return 200, nil
}

func (f *fake) complete(*http.Request) (int, any) {
	if f.sent != 0 {
		return 422, object{"detail": "the file has another size"}
	}
	f.files[f.large] = ""
	return 200, document(f.large)
}

func content(r *http.Request) (int, any) {
	page, _ := strconv.Atoi(r.FormValue("page"))
	if page > 1 {
		return 404, object{"detail": "there is no such page"}
	}
	return 200, object{"content": fakeText, "page": 1, "total_pages": 1, "word_count": 15}
}

func (f *fake) generate(r *http.Request) (int, any) {
	f.settings = nil
	_ = json.NewDecoder(r.Body).Decode(&f.settings)
	if f.settings["dataset_name"] == "bad" {
		return 422, object{"detail": "the request is invalid", "errors": []any{object{"pointer": "/custom_prompt", "reason": "has no {chunk}"}}}
	}
	f.looks = 0
	return 202, object{"job_id": "0123456789", "message": "Dataset generation started"}
}

// job is further each time somebody looks.
func (f *fake) job() object {
	f.looks++
	done := min(f.looks, 4)
	j := object{
		"job_id": "0123456789", "kind": "generate", "project_id": "p1", "status": "running", "progress": 25 * done, "current_step": fmt.Sprintf("Processing chunk %d of 4", done),
		"created_at": time.Now(), "chunks": object{"total": 4, "with_entries": done - 1, "empty": 0, "failed": min(done/2, 1)},
	}
	if done == 4 {
		j["status"] = "completed"
		j["result"] = object{
			"dataset_id": "s1", "entries": 2, "version": "1.0.0", "model": "extractive", "warnings": []string{"gemini is answered by extractive"},
			"chunks":   object{"total": 4, "with_entries": 2, "empty": 1, "failed": 1, "reasons": object{"too_short": 1}},
			"rejected": object{"low_quality": 3}, "usage": object{"calls": 4, "input_tokens": 1000, "output_tokens": 200},
		}
	}
	return j
}

func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	if f.noStream {
		reply(w, 503, object{"detail": "no streams here"})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for range 2 { // then the connection ends, as behind a gateway
		f.Lock()
		j, _ := json.Marshal(f.job())
		f.Unlock()
		_, _ = fmt.Fprintf(w, "retry: 50\r\nevent: job\r\ndata: %s\r\n\r\n", j)
		w.(http.Flusher).Flush()
	}
}

func (f *fake) datasets(*http.Request) (int, any) {
	list := []any{}
	if f.looks >= 4 {
		list = append(list, f.dataset())
	}
	return 200, object{"datasets": list, "total": len(list)}
}

func (f *fake) dataset() object {
	steps := [20]int{}
	steps[12], steps[18] = 1, 1
	return object{
		"id": "s1", "name": "stations", "project_id": "p1", "total_entries": 2, "version": "1.0.0", "created_at": time.Now(), "format_type": "jsonl",
		"quality_summary": object{"average_score": 0.77, "distribution": object{"high": 1, "medium": 1, "low": 0}, "categories": object{"Water": 1, "Steel <x>": 1}, "histogram": steps},
	}
}

func (f *fake) list() []object {
	return []object{
		{
			"id": "entry_1", "question": "Where is the water stored?", "answer": f.answer, "category": "Water", "difficulty": "beginner", "quality_score": 0.91,
			"evidence": []any{object{"document_id": "d1", "document": "water.txt", "start": 12, "end": 12 + len(fakeQuote), "quote": fakeQuote}},
		},
		{
			"id": "entry_2", "question": "How much does it hold?", "answer": "40 litres.", "category": "Steel <x>", "difficulty": "advanced", "quality_score": 0.63,
			"evidence": []any{}, "quality": object{"faults": []string{"too_short"}},
		},
	}
}

func (f *fake) entries(r *http.Request) (int, any) {
	if r.FormValue("q") == "?" {
		return 422, object{"detail": "the request is invalid", "errors": []any{object{"parameter": "q", "reason": "is no word"}}}
	}
	least, _ := strconv.ParseFloat(r.FormValue("filter_quality"), 64)
	found := slices.DeleteFunc(f.list(), func(e object) bool { return e["quality_score"].(float64) < least })
	return 200, object{"entries": found, "total": len(found), "page": 1}
}

func (f *fake) entry(w http.ResponseWriter, _ *http.Request) {
	f.Lock()
	defer f.Unlock()
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, f.revision))
	reply(w, 200, f.list()[0])
}

func (f *fake) edit(r *http.Request) (int, any) {
	var in struct{ Answer string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	if r.Header.Get("If-Match") != fmt.Sprintf(`"%d"`, f.revision) {
		return 412, object{"detail": "the entry has changed"}
	}
	f.answer = in.Answer
	f.revision++
	return 200, object{"message": "Entry entry_1 updated successfully"}
}
