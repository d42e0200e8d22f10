package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"compileo/internal/access"
	"compileo/internal/app/local"
	"compileo/internal/dataset"
)

// onLive runs a test over the service of one machine, with its workflow at work, reached in both ways.
func onLive(t *testing.T, test func(w *world)) {
	for _, lambda := range []bool{false, true} {
		t.Run(map[bool]string{false: "net/http", true: "lambda"}[lambda], func(t *testing.T) {
			log := slog.New(slog.DiscardHandler)
			a, err := local.Open(t.Context(), local.Config{Dir: t.TempDir(), Getenv: func(string) string { return "" }, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			defer func() {
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
				_ = a.Close() // the directory goes away
			}()
			w := &world{t, a.Library, Config{
				Table: a.Engine.Table, Guard: &access.Guard{Secret: testKey}, Library: a.Library, Engine: a.Engine, Version: "1", Log: log,
			}, map[string]string{string(dataset.LocalTenant): testKey}, lambda}
			if lambda {
				w.config.MaxAnswer = 6 << 20
			}
			test(w)
		})
	}
}

// event is one of a stream.
type event struct {
	id  string
	job map[string]any
}

// events reads a stream that has ended.
func (w *world) events(text string) (all []event, beats int) {
	w.Helper()
	for block := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch name {
			case "":
				beats++
			case "id":
				e.id = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.job); err != nil {
					w.Fatalf("%q: %v", value, err)
				}
			case "retry":
			default:
				w.Errorf("the stream has %q", line)
			}
		}
		if e.job != nil {
			all = append(all, e)
		}
	}
	return all, beats
}

// follow follows a job to its end as a client does, and returns its last event.
func (w *world) follow(id string) event {
	w.Helper()
	path := jobsPath + "/status/" + id + "/stream"
	last := event{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		a := w.call("GET", path, "", "Last-Event-ID", last.id)
		if a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(a.body, "retry: ") {
			w.Fatal(a)
		}
		all, _ := w.events(a.body)
		for _, e := range all {
			if e.id == last.id {
				w.Errorf("event %s came twice", e.id)
			}
			if old, ok := last.job["progress"].(float64); ok && e.job["progress"].(float64) < old {
				w.Errorf("progress fell from %v to %v", old, e.job["progress"])
			}
			last = e
		}
		switch over := last.job["completed_at"] != nil; {
		case over && w.call("GET", path, "", "Last-Event-ID", last.id).status != 204:
			w.Error("a stream that was followed to its end begins again")
			fallthrough
		case over:
			return last
		case !w.lambda:
			w.Fatalf("the stream ended with %v", last.job)
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.Fatal("the job does not end")
	return last
}

// A small job from documents to its result, as a client sees it.
func TestJobFromStartToEnd(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	onLive(t, func(w *world) {
		project := w.project("p")
		up := w.upload(200, "project_id", "1", "guide.md", string(text), "empty.txt", " ")
		a := w.call("POST", "/api/v1/documents/process", `{"project_id":1,"chunk_strategy":"token","chunk_size":256}`)
		if a.status != 202 {
			w.Fatal(a)
		}
		status := w.want(200, "GET", a.header.Get("Location"), "")
		w.follow(status["job_id"].(string))
		status = w.want(200, "GET", a.header.Get("Location"), "")
		w.says(status, "status", "completed", "progress", 100, "error", nil, "total_files", 2, "processed_files/0/file_name", "empty.txt",
			"processed_files/0/status", "unreadable", "processed_files/1/document_id", at(up, "uploaded_files/0/id"), "processed_files/1/status", "processed")
		if n, _ := at(status, "processed_files/1/chunks").(float64); n < 2 {
			w.Errorf("the document has %v chunks", n)
		}
		w.says(w.want(200, "GET", a.header.Get("Location")+"?per_page=1&page=2", ""), "processed_files/0/file_name", "guide.md", "processed_files/1", nil, "page", 2)

		id := w.want(202, "POST", generatePath, strings.Replace(guideBody, `"concurrency": 1`, `"concurrency": 4`, 1))["job_id"].(string)
		last := w.follow(id)
		w.says(last.job, "status", "completed", "progress", 100, "kind", "generate", "project_id", project, "error", nil, "result/version", "1.0.0")
		over := w.want(200, "GET", generatePath+"/"+id+"/status", "")
		w.says(over, "status", "completed", "progress", 100, "error", nil, "result/error", nil, "result/version", "1.0.0", "result/model", "extractive",
			"result/parsing_model", "extractive", "result/documents/unreadable", 1, "result/chunks/total", at(status, "processed_files/1/chunks"))
		if set, _ := at(over, "result/dataset_id").(string); len(set) != 36 || at(over, "result/entries").(float64) < 1 || len(at(over, "result/files").([]any)) < 1 {
			w.Errorf("result %v", over["result"])
		}
		if one := w.want(200, "GET", jobsPath+"/"+id, ""); fmt.Sprint(one["result"]) != fmt.Sprint(over["result"]) || fmt.Sprint(one) != fmt.Sprint(last.job) {
			w.Errorf("the job is %v, its last event %v, its status %v", one, last.job, over)
		}
		if poll := w.want(200, "GET", jobsPath+"/status/"+id+"/poll?timeout=300&current_status=completed", ""); poll["status"] != "completed" {
			w.Errorf("poll: %v", poll)
		}
		w.want(409, "POST", jobsPath+"/"+id+"/retry", "")
		w.want(409, "POST", jobsPath+"/"+id+"/cancel", "")
		w.says(w.want(200, "GET", jobsPath+"/queue/stats", ""), "completed_jobs", 2, "total_jobs", 2)

		// A job that cannot give an entry fails with its result, and is done again by a retry.
		body := `{"project_id":1,"document_ids":["` + at(up, "uploaded_files/1/id").(string) + `"]}`
		id = w.want(202, "POST", generatePath, body)["job_id"].(string)
		w.says(w.follow(id).job, "status", "failed")
		over = w.want(200, "GET", generatePath+"/"+id+"/status", "")
		w.says(over, "status", "failed", "result/entries", 0, "result/documents/unreadable", 1)
		if why, _ := over["error"].(string); !strings.Contains(why, "readable text") {
			w.Errorf("the job failed with %v", over["error"])
		}
		retry := w.want(202, "POST", jobsPath+"/"+id+"/retry", "{}", "Idempotency-Key", "r")["job_id"].(string)
		w.says(w.want(202, "POST", jobsPath+"/"+id+"/retry", "{}", "Idempotency-Key", "r"), "job_id", retry)
		w.says(w.follow(retry).job, "status", "failed", "retry_of", id)
	})
}

// A stream shows signs of life while nothing happens, says what happens, and ends with its job.
func TestStream(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		e := w.config.Engine
		ref := dataset.JobRef{Tenant: dataset.LocalTenant, ID: w.want(202, "POST", generatePath, guideBody)["job_id"].(string)}
		p, err := e.Progress(w.Context(), ref)
		if err != nil {
			w.Fatal(err)
		}
		r, out := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			s := stream{ResponseWriter: &writer{httptest.NewRecorder(), out}, engine: e, beat: 50 * time.Millisecond}
			ended <- s.follow(w.Context(), p)
			_ = out.Close() // a pipe
		}()
		var text bytes.Buffer
		piece := make([]byte, 1<<16)
		for cancelled := false; ; {
			n, err := r.Read(piece)
			text.Write(piece[:n])
			if err != nil {
				break
			}
			if !cancelled && strings.Count(text.String(), "\n: ") >= 2 {
				cancelled = true
				if _, err := e.Cancel(w.Context(), ref); err != nil {
					w.Fatal(err)
				}
			}
		}
		if err := <-ended; err != nil {
			w.Fatal(err)
		}
		all, beats := w.events(text.String())
		if len(all) != 2 || beats < 2 || all[0].job["status"] != "pending" || all[1].job["status"] != "cancelled" || all[0].id == all[1].id {
			w.Errorf("%d signs of life in %s", beats, text.String())
		}
	})
}

// Events reach a client when they happen, through all that stands around the handler.
func TestStreamIsNotHeldBack(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		if w.lambda {
			return // an answer is one message there
		}
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		ref := dataset.JobRef{Tenant: dataset.LocalTenant, ID: w.want(202, "POST", generatePath, guideBody)["job_id"].(string)}
		s := httptest.NewServer(New(w.config))
		defer s.Close()
		r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, s.URL+jobsPath+"/status/"+ref.ID+"/stream", nil)
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("X-API-Key", w.keys[string(dataset.LocalTenant)])
		r.Header.Set("Accept-Encoding", "gzip")
		resp, err := s.Client().Do(r)
		if err != nil {
			w.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewReader(resp.Body)
		var data []string
		for {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				w.Fatal(err)
			}
			if !strings.HasPrefix(line, "data: ") {
				continue
			}
			if data = append(data, line); len(data) == 1 { // it is here, and the job waits
				if _, err := w.config.Engine.Cancel(w.Context(), ref); err != nil {
					w.Fatal(err)
				}
			}
		}
		if len(data) != 2 || !strings.Contains(data[0], `"status":"pending"`) || !strings.Contains(data[1], `"status":"cancelled"`) {
			w.Errorf("events %q", data)
		}
	})
}

// A client that is gone ends its stream.
func TestStreamWithoutClient(t *testing.T) {
	onBoth(t, submitting, func(w *world) {
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", "# A\n\ntext")
		ref := dataset.JobRef{Tenant: dataset.LocalTenant, ID: w.want(202, "POST", generatePath, guideBody)["job_id"].(string)}
		p, err := w.config.Engine.Progress(w.Context(), ref)
		if err != nil {
			w.Fatal(err)
		}
		ctx, leave := context.WithTimeout(w.Context(), 100*time.Millisecond)
		defer leave()
		s := stream{ResponseWriter: httptest.NewRecorder(), engine: w.config.Engine, beat: time.Hour}
		if err := s.follow(ctx, p); !dataset.Is(err, dataset.Unavailable) {
			w.Errorf("the stream ended with %v", err)
		}
	})
}

// writer sends what is written on at once.
type writer struct {
	*httptest.ResponseRecorder
	out io.Writer
}

func (w *writer) Write(b []byte) (int, error) { return w.out.Write(b) }
