package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/snapshot"
)

const setID = "0b5a4a51-2cbb-8d11-8d8f-0d2a5d5a7f10"

func (w *world) write(pk, sk string, v any) {
	w.Helper()
	r, err := dataset.NewRecord(pk, sk, v, dataset.Any)
	if err == nil {
		err = w.library.Table.Write(w.Context(), r)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// publish makes the next version of a dataset of project 1, as the pipeline does, with so many entries in each part.
func (w *world) publish(id string, ordinal int, parts ...int) {
	w.Helper()
	ctx, l := w.Context(), w.library
	p, err := l.Project(ctx, dataset.LocalTenant, "1")
	if err != nil {
		w.Fatal(err)
	}
	job := fmt.Sprint("job", ordinal)
	prefix := dataset.VersionPrefix(p.Tenant, id, job)
	n := 0
	var numbers []int
	for part, size := range parts {
		to, err := snapshot.NewPart(ctx, l.Blobs, prefix, part)
		if err != nil {
			w.Fatal(err)
		}
		for range size {
			n++
			e := dataset.Entry{
				ID: snapshot.EntryID(n), Question: fmt.Sprintf("What costs %d coins?", n), Answer: fmt.Sprintf("Item %d of <b> costs %d coins.", n, n),
				Category: []string{"Zoology", "Anatomy"}[n%2], QualityScore: float64(n%11) / 10, Difficulty: dataset.Difficulties[n%4], SourceChunk: "chunk_001.md",
				Evidence: []dataset.Evidence{}, Metadata: dataset.Metadata{Model: "extractive", GenerationTime: time.Unix(1_700_000_000, 0).UTC(), Mode: dataset.QuestionAnswer},
			}
			if n%5 == 0 {
				e.Quality.Faults = []string{"echo"}
			}
			if err := to.Add(&e); err != nil {
				w.Fatal(err)
			}
		}
		if _, err := to.Close(ctx); err != nil {
			w.Fatal(err)
		}
		numbers = append(numbers, part)
	}
	if _, err := snapshot.Publish(ctx, l.Blobs, prefix, numbers, snapshot.Meta{Created: time.Now()}); err != nil {
		w.Fatal(err)
	}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := dataset.Dataset{ID: id, Tenant: p.Tenant, Project: p.ID, Name: "coins", Current: ordinal, Created: created}
	listed, at := dataset.Listed{Project: p.ID, ID: id}, dataset.ListSK(dataset.DatasetList, created, id)
	ref := dataset.JobRef{Tenant: p.Tenant, ID: job}
	w.write(dataset.JobPK(ref), dataset.JobSK, dataset.Job{Ref: ref, Project: p.ID, Status: dataset.Completed, Settings: dataset.DefaultSettings()})
	w.write(dataset.DatasetPK(p.Tenant, id), dataset.VersionSK(ordinal), dataset.Version{
		Ordinal: ordinal, Name: fmt.Sprintf("1.%d.0", ordinal-1), Job: job, Manifest: prefix, Entries: n, Created: created.Add(time.Duration(ordinal) * time.Minute),
	})
	w.write(dataset.DatasetPK(p.Tenant, id), dataset.DatasetSK, d)
	w.write(dataset.ProjectPK(p.Tenant, p.ID), at, listed)
	w.write(dataset.DatasetsPK(p.Tenant), at, listed)
}

func TestDatasetsOverHTTP(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/datasets"
		project := w.project("p")
		w.publish(setID, 1, 120)
		for _, id := range []string{setID, "dataset_" + setID} {
			d := w.want(200, "GET", path+"/"+id, "")
			w.says(d, "id", id, "name", "coins", "total_entries", 120, "format_type", "jsonl", "created_at", "2026-01-02T03:04:05Z", "entries/0/id", "entry_10",
				"entries/0/quality_score", 1, "entries/0/answer", "Item 10 of <b> costs 10 coins.", "quality_summary/categories/Anatomy", 60, "version", "1.0.0")
			if n := len(d["entries"].([]any)); n != 100 {
				w.Errorf("%d entries, want the first 100", n)
			}
		}
		w.says(w.want(200, "GET", path+"/"+setID+"/details", ""), "id", setID, "status", "completed", "edited", false, "generation_params/per_chunk", 3, "job_id", "job1",
			"quality_summary/distribution/high", 33, "difficulties/expert", 30)
		for _, list := range []string{path, path + "?project_id=1", path + "/?project_id=" + project, "/api/v1/projects/1/datasets"} {
			w.says(w.want(200, "GET", list, ""), "total", 1, "datasets/0/id", setID, "datasets/0/dataset_name", "coins", "datasets/0/total_entries", 120, "datasets/0/version", "1.0.0")
		}
		w.says(w.want(200, "GET", path, "", "Tenant", them), "total", 0)

		files := w.want(200, "GET", path+"/list/1?search=COI&date_from=2026-01-02&date_to=2026-01-02&format_filter=jsonl", "")
		w.says(files, "total_count", 1, "datasets/0/entries_count", 120, "datasets/0/status", "completed", "page_size", 20)
		if size := at(files, "datasets/0/size_bytes").(float64); int(size) != len(w.call("GET", path+"/"+setID+"/download", "").body) {
			w.Errorf("size_bytes is %v", size)
		}
		for _, none := range []string{"search=x", "date_from=2026-01-03", "date_to=2026-01-02T03:04:04Z"} {
			w.says(w.want(200, "GET", path+"/list/1?"+none, ""), "total_count", 0)
		}
		w.says(w.want(422, "GET", path+"/list/1?date_to=x&format_filter=csv", ""), "errors/0/parameter", "format_filter", "errors/1/parameter", "date_to")

		w.publish(setID, 2, 3)
		w.says(w.want(200, "GET", path+"/"+setID+"/versions", ""), "total", 2, "versions/0/version", "1.1.0", "versions/0/is_active", true, "versions/1/total_entries", 120,
			"versions/1/is_active", false)
		w.says(w.want(200, "GET", path+"/"+setID+"/versions/1.0.0", ""), "total_entries", 120, "quality_summary/categories/Zoology", 60)
		w.want(404, "GET", path+"/"+setID+"/versions/7.0.0", "")
		w.says(w.want(200, "GET", path+"/versions/?project_id=1&dataset_name=coins", ""), "total", 2)
		w.says(w.want(200, "GET", path+"/versions?project_id=1&dataset_name=coins&active_only=True", ""), "total", 1, "versions/0/version", "1.1.0")
		w.says(w.want(200, "GET", path+"/versions/latest?project_id=1&dataset_name=coins", ""), "latest_version", "1.1.0")
		w.says(w.want(200, "GET", path+"/versions/latest?project_id=1&dataset_name=x", ""), "latest_version", nil)
		w.want(422, "GET", path+"/versions", "")

		for _, k := range [][3]string{
			{"GET", ""},
			{"GET", "/details"},
			{"GET", "/entries"},
			{"GET", "/entries/entry_1"},
			{"GET", "/entries/entry_1/history"},
			{"GET", "/versions"},
			{"GET", "/versions/1.0.0"},
			{"GET", "/download"},
			{"DELETE", ""},
			{"DELETE", "/delete"},
			{"PUT", "/entries/entry_1", `{"answer":"x"}`},
		} {
			w.want(404, k[0], path+"/"+setID+k[1], k[2], "Tenant", them)
		}
		w.want(404, "GET", path+"/list/1", "", "Tenant", them)
		w.want(404, "GET", path+"/versions?project_id=1&dataset_name=coins", "", "Tenant", them)
		w.says(w.want(200, "POST", path+"/bulk-delete", `{"dataset_ids":["`+setID+`"]}`, "Tenant", them), "deleted_count", 0, "failed_deletions/0/id", setID)

		w.publish(dataset.DeriveID("other"), 1, 1)
		w.want(200, "DELETE", path+"/dataset_"+setID+"/delete", "")
		w.want(404, "GET", path+"/"+setID, "")
		w.says(w.want(200, "POST", path+"/bulk-delete", `{"dataset_ids":["`+setID+`","`+dataset.DeriveID("other")+`"]}`), "deleted_count", 1, "failed_deletions/0/id", setID)
		w.says(w.want(200, "GET", path, ""), "total", 0)
	})
}

func TestEntriesOverHTTP(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/datasets/dataset_" + setID + "/entries"
		w.project("p")
		w.publish(setID, 1, 7, 5)
		list := w.want(200, "GET", path+"?page=2&per_page=5&sort_by=number", "")
		w.says(list, "entries/0/id", "entry_6", "total", 12, "page", 2, "per_page", 5, "version", "1.0.0", "quality_summary/categories/Anatomy", 6, "etags/0", `"1-0"`)
		w.says(w.want(200, "GET", path+"?per_page=5&sort_by=number&cursor="+list["cursor"].(string), ""), "entries/0/id", "entry_11", "page", 0)
		for query, first := range map[string]string{
			"":                               "entry_10",
			"sort_by=category":               "entry_1",
			"sort_by=difficulty":             "entry_4",
			"q=ITEM+7&fields=id":             "entry_7",
			"category=Zoology&per_page=1":    "entry_10",
			"difficulty=basic":               "entry_8",
			"flagged=true&sort_by=number":    "entry_5",
			"version=1.0.0&sort_by=category": "entry_1",
			"filter_quality=0.95":            "entry_10",
		} {
			w.says(w.want(200, "GET", path+"?"+query, ""), "entries/0/id", first)
		}
		w.says(w.want(200, "GET", path+"?filter_quality=0.95", ""), "total", 1)
		w.says(w.want(200, "GET", path+"?fields=evidence", ""), "entries/0/evidence", "[]", "entries/0/quality", nil, "entries/0/metadata/model", "extractive")
		w.says(w.want(422, "GET", path+"?fields=colour&sort_by=x&page=0&filter_quality=2&colour=red", ""), "errors/4/parameter", "colour", "errors/5", nil)
		w.want(422, "GET", path+"?version=1.0.0&cursor="+list["cursor"].(string), "")
		w.says(w.want(422, "GET", path+"?cursor=x", ""), "errors/0/parameter", "cursor")

		one := path + "/entry_3"
		a := w.call("GET", one, "")
		tag := a.header.Get("ETag")
		if a.status != 200 || tag != `"1-0"` {
			w.Fatal(a)
		}
		if a := w.call("GET", one, "", "If-None-Match", tag); a.status != 304 {
			w.Errorf("If-None-Match: %v", a)
		}
		w.want(404, "GET", path+"/entry_13", "")
		w.want(404, "GET", path+"/x", "")
		a = w.call("PUT", one, `{"question":"What is it?","category":"Coins","feedback":"clearer","answer":null}`, "If-Match", tag)
		if a.status != 200 || a.header.Get("ETag") != `"1-1"` || !strings.Contains(a.body, `"message":"Entry entry_3 updated successfully"`) {
			w.Fatal(a)
		}
		w.want(412, "PUT", one, `{"question":"Again?"}`, "If-Match", tag)
		w.says(w.want(200, "PUT", one+"?answer=By+query&feedback=old+client", ""), "entry/answer", "By query", "entry/question", "What is it?")
		w.says(w.want(422, "PUT", one+"?answer=x", `{"answer":"y"}`), "errors/0/parameter", "answer")
		w.want(422, "PUT", one, "")
		w.want(422, "PUT", one, `{}`)
		w.says(w.want(422, "PUT", one, `{"answer":"","score":1}`), "errors/0/pointer", "/answer", "errors/1/pointer", "/score")
		w.want(404, "PUT", path+"/entry_13", `{"answer":"x"}`)
		w.says(w.want(200, "GET", path+"?category=Coins", ""), "total", 1, "entries/0/answer", "By query", "etags/0", `"1-2"`, "quality_summary/categories/Coins", 1)
		h := w.want(200, "GET", one+"/history", "")
		if by := fmt.Sprint(at(h, "changes/0/changed_by")); !strings.HasPrefix(by, "key ") {
			w.Errorf("changed by %s", by)
		}
		w.says(h, "entry_id", "entry_3", "changes/0/before/question", "What costs 3 coins?", "changes/0/after/question", "What is it?",
			"changes/0/feedback", "clearer", "changes/1/before/category", "Coins", "changes/1/after/answer", "By query", "changes/2", nil)
		w.says(w.want(200, "GET", path+"/entry_4/history", ""), "changes", "[]")
		w.says(w.want(200, "GET", path+"?version=1.0.0&category=Coins", ""), "total", 0)
	})
}

func TestDownload(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/datasets/" + setID + "/download"
		w.project("p")
		w.publish(setID, 1, 2, 3)
		a := w.call("GET", path, "", "Accept", "*/*", "Accept-Encoding", "gzip")
		if a.status != 200 || strings.Count(a.body, "\n") != 5 || a.header.Get("Content-Disposition") != "attachment; filename=coins-1.0.0.jsonl" ||
			a.header.Get("Content-Type") != "application/jsonl" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) || a.header.Get("ETag") != `"1-0"` {
			w.Fatal(a)
		}
		if r := w.call("GET", path, "", "Range", "bytes=10-"); r.status != 206 || r.body != a.body[10:] {
			w.Errorf("range: %d %.80q", r.status, r.body)
		}
		if r := w.call("GET", path, "", "Range", fmt.Sprintf("bytes=-%d", 5)); r.status != 206 || r.body != a.body[len(a.body)-5:] {
			w.Errorf("range: %d %.80q", r.status, r.body)
		}
		if r := w.call("GET", path, "", "If-None-Match", `"1-0"`); r.status != 304 || r.body != "" {
			w.Errorf("unchanged: %d %.80q", r.status, r.body)
		}
		if r := w.call("HEAD", path, ""); r.status != 200 || r.body != "" || r.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			w.Errorf("HEAD: %v", r)
		}
		link := func(body string) {
			for range 2 { // made, then found
				v := w.want(200, "GET", path, "", "Accept", "application/json")
				key, name, _ := strings.Cut(strings.TrimPrefix(v["url"].(string), "memory:"), "?")
				got, err := w.library.Blobs.Get(w.Context(), key)
				sum := sha256.Sum256(got)
				if err != nil || string(got) != body || v["sha256"] != hex.EncodeToString(sum[:]) || v["size"] != float64(len(got)) || name != "coins-1.0.0.jsonl" {
					w.Errorf("link: %v %v", v, err)
				}
			}
		}
		link(a.body)

		w.want(200, "PUT", "/api/v1/datasets/"+setID+"/entries/entry_2", `{"answer":"Nothing."}`)
		e := w.call("GET", path, "")
		if e.status != 200 || e.header.Get("ETag") != `"1-1"` || strings.Count(e.body, "\n") != 5 || !strings.Contains(e.body, "Nothing.") {
			w.Errorf("edited: %v", e)
		}
		if r := w.call("GET", path, "", "If-None-Match", `"1-1"`); r.status != 304 {
			w.Errorf("unchanged: %v", r)
		}
		if r := w.call("HEAD", path, ""); r.status != 200 || r.body != "" {
			w.Errorf("HEAD: %v", r)
		}
		link(e.body)
		if r := w.call("GET", path+"?version=1.0.0", ""); r.body != a.body {
			w.Errorf("version 1.0.0: %v", r)
		}
		for _, bad := range []string{"format=parquet", "split=train", "min_quality=0.5", "colour=red"} {
			name, _, _ := strings.Cut(bad, "=")
			w.says(w.want(422, "GET", path+"?"+bad, ""), "errors/0/parameter", name)
		}
		w.want(404, "GET", path+"?version=3.0.0", "")

		w.config.Redirect = 10
		r := w.call("GET", path, "")
		if r.status != 302 || !strings.HasPrefix(r.header.Get("Location"), "memory:versions/local/"+setID) {
			w.Errorf("redirect: %v", r)
		}
		w.publish("one", 1, 1)
		if r = w.call("GET", "/api/v1/datasets/one/download", ""); r.status != 302 || !strings.Contains(r.header.Get("Location"), "/job1/part-00000.jsonl") {
			w.Errorf("the only part is the file itself: %v", r)
		}
	})
}

// What is kept of an entry is what is documented.
func TestEntryIsThatOfTheDataset(t *testing.T) {
	var same func(at string, kept, shown reflect.Type)
	same = func(at string, kept, shown reflect.Type) {
		for kept.Kind() == reflect.Slice || kept.Kind() == reflect.Pointer {
			kept = kept.Elem()
		}
		for shown.Kind() == reflect.Slice || shown.Kind() == reflect.Pointer {
			shown = shown.Elem()
		}
		if kept.Kind() != shown.Kind() || kept.Kind() == reflect.Struct && kept.NumField() != shown.NumField() {
			t.Errorf("%s: %v is shown as %v", at, kept, shown)
			return
		}
		if kept.Kind() != reflect.Struct || kept == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range kept.NumField() {
			a, _, _ := strings.Cut(kept.Field(i).Tag.Get("json"), ",")
			b, _, _ := strings.Cut(shown.Field(i).Tag.Get("json"), ",")
			if a != b {
				t.Errorf("%s: %q is shown as %q", at, a, b)
			}
			same(at+"/"+a, kept.Field(i).Type, shown.Field(i).Type)
		}
	}
	same("", reflect.TypeFor[dataset.Entry](), reflect.TypeFor[Entry]())
}
