package api

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"
)

// form is a body of files, and its type. Parts are pairs: a name ending in a dot and an extension is that of a file.
func form(parts ...string) (body, kind string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(parts); i += 2 {
		if strings.Contains(parts[i], ".") {
			w, _ := m.CreateFormFile("files", parts[i]) // to memory
			_, _ = w.Write([]byte(parts[i+1]))
			continue
		}
		_ = m.WriteField(parts[i], parts[i+1])
	}
	_ = m.Close()
	return b.String(), m.FormDataContentType()
}

func (w *world) upload(status int, parts ...string) map[string]any {
	w.Helper()
	body, kind := form(parts...)
	return w.want(status, "POST", "/api/v1/documents/upload", body, "Content-Type", kind)
}

func TestDocumentsOverHTTP(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/documents"
		project := w.project("p")
		up := w.upload(200, "project_id", "1", "a.md", "# A\n\ntext", "b.html", "<p>b")
		w.says(up, "files_count", 2, "message", "2 files uploaded", "uploaded_files/0/file_name", "a.md", "uploaded_files/0/status", "uploaded",
			"uploaded_files/0/project_id", project, "uploaded_files/1/size", 4, "job_id", at(up, "uploaded_files/1/id"))
		w.says(w.want(200, "GET", path+"/upload/"+up["job_id"].(string)+"/status", ""), "status", "completed")
		id := at(up, "uploaded_files/0/id").(string)
		w.says(w.upload(200, "c.md", "# A\n\ntext", "project_id", project), "uploaded_files/0/id", id, "uploaded_files/0/file_name", "a.md")
		w.says(w.upload(422, "x.exe", "MZ", "project_id", "1", "d.txt", "d", "colour", "red"), "errors/0/pointer", "/files/0", "errors/1/pointer", "/colour")
		w.says(w.upload(422, "a.md", "x"), "errors/0/pointer", "/project_id")
		w.says(w.upload(422, "project_id", "1"), "errors/0/pointer", "/files")
		w.upload(404, "project_id", "7", "a.md", "x")
		w.upload(422, "project_id", "1", "project_id", "1", "a.md", "x")

		w.says(w.want(200, "GET", path, ""), "total", 3, "documents/0/file_name", "d.txt")
		w.says(w.want(200, "GET", path+"?project_id=1&per_page=1&page=3", ""), "documents/0/id", id, "page", 3)
		w.says(w.want(200, "GET", "/api/v1/projects/1/documents", ""), "total", 3)
		w.says(w.want(200, "GET", "/api/v1/projects/1", ""), "document_count", 3)
		w.says(w.want(200, "GET", path, "", "Tenant", them), "total", 0)
		w.want(404, "GET", path+"?project_id=1", "", "Tenant", them)
		w.says(w.want(200, "GET", path+"/"+id, ""), "id", id, "parsed_files", "[]")
		w.says(w.want(409, "GET", path+"/"+id+"/content", ""), "detail", "the document has no text yet: process it first")

		a := w.call("GET", path+"/"+id+"/source", "")
		if a.status != 200 || a.body != "# A\n\ntext" || a.header.Get("Content-Disposition") != "attachment; filename=a.md" ||
			a.header.Get("Content-Type") != "application/octet-stream" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			w.Errorf("source: %v", a)
		}
		if a := w.call("HEAD", path+"/"+id+"/source", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "9" {
			w.Errorf("HEAD: %v", a)
		}
		for _, sub := range []string{"", "/content", "/source"} {
			w.want(404, "GET", path+"/"+id+sub, "", "Tenant", them)
		}
		w.want(404, "DELETE", path+"/"+id, "", "Tenant", them)
		w.want(200, "DELETE", path+"/"+id, "")
		w.want(404, "GET", path+"/"+id, "")
		w.says(w.want(200, "GET", path, ""), "total", 2)
	})
}

// Behind a gateway a form is small: who has a larger file is told of the other way.
func TestLargeForm(t *testing.T) {
	onBoth(t, func(c *Config) { c.MaxForm = 1_000 }, func(w *world) {
		w.project("p")
		w.upload(200, "project_id", "1", "a.md", strings.Repeat("x", 500))
		if d := w.upload(413, "project_id", "1", "a.md", strings.Repeat("x", 1_000))["detail"].(string); !strings.Contains(d, "/api/v1/documents/uploads") {
			w.Error(d)
		}
	})
}

func TestUploadsOverHTTP(t *testing.T) {
	onBoth(t, func(c *Config) { c.Redirect = 4 }, func(w *world) {
		const path = "/api/v1/documents/uploads"
		w.project("p")
		begun := w.want(201, "POST", path, `{"project_id":"1","file_name":"a.md","size":4,"content_type":"text/markdown"}`)
		w.says(begun, "method", "PUT", "headers/Content-Type", "text/markdown")
		complete := begun["complete"].(string)
		w.want(409, "POST", complete, "")
		w.want(404, "POST", complete, "", "Tenant", them)
		key := strings.TrimPrefix(begun["url"].(string), "memory:")
		if err := w.library.Blobs.Put(w.Context(), key, []byte("text")); err != nil {
			w.Fatal(err)
		}
		d := w.want(200, "POST", complete, "")
		w.says(d, "file_name", "a.md", "size", 4)
		w.says(w.want(200, "POST", complete, ""), "id", d["id"])
		a := w.call("GET", d["source_file_path"].(string), "")
		if a.status != 302 || a.header.Get("Location") != "memory:"+key+"?a.md" {
			w.Errorf("source: %v", a)
		}
		w.want(422, "POST", path, `{"project_id":1,"file_name":"a.exe","size":4}`)
		w.says(w.want(422, "POST", path, `{"project_id":1.5,"file_name":"a.md","size":0}`), "errors/0/pointer", "/project_id", "errors/1/pointer", "/size")
		w.want(404, "POST", path, `{"project_id":1,"file_name":"a.md","size":4}`, "Tenant", them)
	})
}

func TestChunksOverHTTP(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/chunks"
		project := w.project("p")
		d := w.want(201, "POST", path, `{"project_id":1,"file_name":"facts.md","chunks":[{"text":"Größe one","heading_path":["H"]},{"text":"two"},{"text":"three"}]}`)
		w.says(d, "status", "processed", "chunk_count", 3, "parsed_files/0", "facts.md.txt")
		id := d["id"].(string)
		list := w.want(200, "GET", path+"/document/"+id+"?limit=2", "")
		w.says(list, "document_id", id, "total", 3, "chunks/0/text", "Größe one", "chunks/0/metadata/heading_path/0", "H", "chunks/0/metadata/chunk_strategy", "given",
			"chunks/1/chunk_index", 1, "chunks/1/metadata/start", 11, "per_page", 2)
		w.says(w.want(200, "GET", path+"/document/"+id+"?per_page=2&cursor="+list["cursor"].(string), ""), "chunks/0/text", "three")
		w.says(w.want(200, "GET", path+"/project/1", ""), "project_id", project, "total", 3, "chunks/0/content_preview", "Größe one", "chunks/0/status", "ready")
		first, second := at(list, "chunks/0/id").(string), at(list, "chunks/1/id").(string)
		w.says(w.want(200, "GET", path+"/"+first, ""), "text", "Größe one")

		content := "/api/v1/documents/" + id + "/content"
		w.says(w.want(200, "GET", content+"?page=2&page_size=5", ""), "content", " one\n", "page", 2, "total_pages", 5, "total_length", 21,
			"has_previous", true, "has_next", true, "word_count", 4, "line_count", 5, "file_name", "facts.md")
		w.want(404, "GET", content+"?page=6&page_size=5", "")
		w.want(200, "GET", content+"?parsed_file=facts.md.txt", "")
		w.want(404, "GET", content+"?parsed_file=other", "")

		w.says(w.want(422, "POST", path, `{"project_id":1,"chunks":[{"text":"x"},{"text":" "}]}`), "errors/0/pointer", "/chunks/1/text")
		for _, k := range [][3]string{
			{"GET", "/document/" + id},
			{"GET", "/project/1"},
			{"GET", "/" + first},
			{"DELETE", "/" + first},
			{"DELETE", "/document/" + id},
			{"POST", "", `{"project_id":1,"chunks":[{"text":"x"}]}`},
		} {
			w.want(404, k[0], path+k[1], k[2], "Tenant", them)
		}
		w.says(w.want(200, "DELETE", path+"/batch", `{"chunk_ids":["`+first+`"]}`, "Tenant", them), "deleted_count", 0, "not_found/0", first)
		w.says(w.want(200, "DELETE", path+"/"+first, ""), "deleted_count", 1)
		w.want(404, "DELETE", path+"/"+first, "")
		w.says(w.want(200, "DELETE", path+"/batch", `{"chunk_ids":["`+first+`","`+second+`"]}`), "deleted_count", 1, "not_found/0", first)
		w.says(w.want(200, "DELETE", path+"/document/"+id, ""), "deleted_count", 1)
		w.says(w.want(200, "GET", path+"/document/"+id, ""), "total", 0, "chunks", "[]")
	})
}
