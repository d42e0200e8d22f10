package pipeline_test
import ("context";"compileo/internal/dataset")
func (w *world) dump(ctx context.Context) {
	for _, pk := range []string{dataset.ProjectPK("sim","p"), dataset.JobPK(w.ref)} {
	for r, err := range dataset.Rows(ctx, w.raw.Table, dataset.Query{PK: pk}) { w.t.Logf("%s %s %v", r.SK, r.Data, err) }
	}
}
