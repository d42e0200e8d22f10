package api

import "testing"

func TestProjectsOverHTTP(t *testing.T) {
	onBoth(t, nil, func(w *world) {
		const path = "/api/v1/projects"
		a := w.call("POST", path+"/", `{"name":"Diabetes","description":"leaflets"}`, "Content-Type", "application/json")
		if a.status != 201 || a.header.Get("Location") == "" {
			w.Fatal(a)
		}
		p := w.want(200, "GET", a.header.Get("Location"), "")
		w.says(p, "number", 1, "name", "Diabetes", "description", "leaflets", "document_count", 0, "dataset_count", 0, "status", "active")
		id := p["id"].(string)
		w.says(w.want(409, "POST", path, `{"name":"DIABETES"}`), "detail", `there is a project named "DIABETES"`)
		w.says(w.want(422, "POST", path, `{"name":"","colour":1}`), "errors/0/pointer", "/name", "errors/1/pointer", "/colour")
		w.want(400, "POST", path, `{`)
		w.project("Heart")

		for _, as := range []string{"1", id, "1/"} {
			w.says(w.want(200, "GET", path+"/"+as, ""), "id", id)
			w.want(404, "GET", path+"/"+as, "", "Tenant", them)
		}
		w.says(w.want(200, "PUT", path+"/1", `{"name":"Sugar","description":null}`), "name", "Sugar", "description", "leaflets")
		w.want(409, "PUT", path+"/1", `{"name":"heart"}`)
		w.want(404, "PUT", path+"/1", `{"name":"Sugar"}`, "Tenant", them)

		list := w.want(200, "GET", path+"?per_page=1", "")
		w.says(list, "projects/0/name", "Sugar", "total", 2, "page", 1, "per_page", 1)
		next := w.want(200, "GET", path+"?per_page=1&cursor="+list["cursor"].(string), "")
		w.says(next, "projects/0/name", "Heart", "cursor", nil)
		w.says(w.want(200, "GET", path, "", "Tenant", them), "total", 0, "projects", "[]")
		w.want(422, "GET", path+"?cursor=x", "")
		w.want(422, "GET", path+"?per_page=1001", "")

		w.want(404, "DELETE", path+"/1", "", "Tenant", them)
		w.want(200, "DELETE", path+"/1", "")
		w.want(404, "GET", path+"/"+id, "")
		gone := w.want(200, "DELETE", path, `{"project_ids":[2,"`+id+`"]}`)
		w.says(gone, "deleted/0", "2", "failed/0/id", id, "message", "1 project deleted")
		w.says(w.want(200, "GET", path, ""), "total", 0)
	})
}
