package dataset

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// The table's partitions, beside each its sort keys.
//
//	T#<tenant>#PROJECTS       last; number#<nnnnnnnnnn>; name#<hash of the name>
//	T#<tenant>#P#<project>    project; doc#<document>; docs#<added>#<document>; sets#<created>#<dataset>; name#<dataset name>
//	T#<tenant>#DOCS           id#<document>; docs#<added>#<document>     all documents of the tenant; upload#<id>
//	T#<tenant>#SETS           sets#<created>#<dataset>                   all datasets of the tenant that have a version
//	T#<tenant>#J#<job>        job; lane#<nn>; read#<nnnn>
//	T#<tenant>#JOBS           <created>#<job>              all jobs of the tenant by time
//	T#<tenant>#JOBCOUNTS      <0-7>                        how many jobs there are of each status
//	T#<tenant>#R#<hash>       request                      the jobs under way for equal requests
//	T#<tenant>#D#<dataset>    dataset; version#<nnnnnn>; edits; edit#<version>#<nnnnnnnnnn>
//	T#<tenant>#KEYS           <key>                        keys of the API
//	T#<tenant>#I#<key>        request                      an Idempotency-Key and the answer given under it
//	SYS#running#<0-7>         <job ref>                    what the sweeper looks after
//	SYS#purge                 <due>#<id>                   what is deleted and still has objects
const jobShards = 8

// ProjectPK is the partition of a project and its documents.
func ProjectPK(t Tenant, project string) string { return "T#" + string(t) + "#P#" + project }

// ProjectSK is the sort key of the project itself.
const ProjectSK = "project"

// ProjectsPK lists a tenant's projects.
func ProjectsPK(t Tenant) string { return "T#" + string(t) + "#PROJECTS" }

// LastProjectSK is the sort key of the number that was given last.
const LastProjectSK = "last"

// ProjectNumberSK is the sort key by which a project is found by its number.
func ProjectNumberSK(number int) string { return fmt.Sprintf("number#%010d", number) }

// ProjectNameSK is the sort key that keeps a name for one project, whatever its case.
func ProjectNameSK(name string) string { return "name#" + Hash(strings.ToLower(name)) }

// UploadSK is the sort key of an upload among the tenant's documents.
func UploadSK(id string) string { return "upload#" + id }

// The sort keys of lists by time begin with these.
const (
	DocumentList = "docs#"
	DatasetList  = "sets#"
)

// ListSK is the sort key of something in a list by time.
func ListSK(list string, at time.Time, id string) string { return list + timeKey(at) + "#" + id }

// DocumentsPK lists all documents of a tenant.
func DocumentsPK(t Tenant) string { return "T#" + string(t) + "#DOCS" }

// DocumentIDSK is the sort key by which a document is found without its project.
func DocumentIDSK(document string) string { return "id#" + document }

// DatasetsPK lists all datasets of a tenant.
func DatasetsPK(t Tenant) string { return "T#" + string(t) + "#SETS" }

// PurgePK lists what is to be purged.
const PurgePK = "SYS#purge"

// PurgeSK is the sort key of what is due at that time.
func PurgeSK(due time.Time, id string) string { return timeKey(due) + "#" + id }

func timeKey(at time.Time) string { return at.UTC().Format("20060102T150405.000000000Z") }

// DocumentSK is a document's sort key in its project.
func DocumentSK(document string) string { return "doc#" + document }

// DatasetNameSK is the sort key by which a project finds its versioned dataset of a name.
func DatasetNameSK(name string) string { return "name#" + name }

// JobPK is the partition of a job and its lanes.
func JobPK(r JobRef) string { return "T#" + string(r.Tenant) + "#J#" + r.ID }

// JobSK is the sort key of the job itself.
const JobSK = "job"

// LaneSK is the sort key of a lane in its job.
func LaneSK(lane int) string { return fmt.Sprintf("lane#%02d", lane) }

// ReadSK is the sort key, in its job, of how far a batch of documents is read.
func ReadSK(batch int) string { return fmt.Sprintf("read#%04d", batch) }

// JobsPK lists a tenant's jobs by time.
func JobsPK(t Tenant) string { return "T#" + string(t) + "#JOBS" }

// JobsSK is a job's sort key in that list.
func JobsSK(created time.Time, r JobRef) string {
	return timeKey(created) + "#" + r.ID
}

// JobCountsPK is the partition of a tenant's counts of jobs.
func JobCountsPK(t Tenant) string { return "T#" + string(t) + "#JOBCOUNTS" }

// JobCountsSK is the row among them that counts a job: few jobs share one, so that they seldom wait for each other.
func JobCountsSK(r JobRef) string { return strconv.Itoa(shard(r)) }

// RequestPK is the partition of a request, by its hash.
func RequestPK(t Tenant, hash string) string { return "T#" + string(t) + "#R#" + hash }

// RequestSK is the sort key of the request in it.
const RequestSK = "request"

// DatasetPK is the partition of a dataset, its versions and its edits.
func DatasetPK(t Tenant, dataset string) string { return "T#" + string(t) + "#D#" + dataset }

// DatasetSK is the sort key of the dataset itself.
const DatasetSK = "dataset"

// VersionSK is the sort key of a version of a dataset.
func VersionSK(ordinal int) string { return fmt.Sprintf("version#%06d", ordinal) }

// KeysPK lists a tenant's API keys by their ids.
func KeysPK(t Tenant) string { return "T#" + string(t) + "#KEYS" }

// IdempotencyPK is the partition of an Idempotency-Key of the tenant.
func IdempotencyPK(t Tenant, key string) string { return "T#" + string(t) + "#I#" + key }

// IdempotencySK is the sort key of the request made under an Idempotency-Key.
const IdempotencySK = "request"

// EditsSK is the sort key of the number of the dataset's last edit.
const EditsSK = "edits"

// EditSK is the sort key of an edit of a version.
func EditSK(version int, sequence int64) string {
	return fmt.Sprintf("edit#%06d#%010d", version, sequence)
}

// RunningPK is the shard of the list of running jobs that a job is in.
func RunningPK(r JobRef) string { return runningPK(shard(r)) }

func shard(r JobRef) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.String()))
	return int(h.Sum32() % jobShards)
}

// RunningPKs are all shards of the list of running jobs.
func RunningPKs() []string {
	pks := make([]string, jobShards)
	for i := range pks {
		pks[i] = runningPK(i)
	}
	return pks
}

func runningPK(shard int) string { return fmt.Sprintf("SYS#running#%d", shard) }

// The objects. Those under a job expire with the retention of working files.
//
//	uploads/<tenant>/<project>/<upload>                   bytes uploaded by a presigned request
//	source/<tenant>/<project>/<document>                  uploaded bytes (here and below: Document.Objects)
//	text/<tenant>/<project>/<document>/<chunker version>  text after parsing
//	chunks/<tenant>/<project>/<document>/<chunking>       a ChunkSet; with some taken out, <chunking>-<hash>
//	selections/<tenant>/<project>/<hash>                  documents chosen for jobs
//	replies/<tenant>/<project>/<h>/<hash>                 a kept reply
//	jobs/<tenant>/<job>/plan | ingest | curation/… | candidates/<unit> | scored/<unit>
//	versions/<tenant>/<dataset>/<job>/…                   a version (internal/snapshot)
//	versions/<tenant>/<dataset>/exports/<version>-<edits> a version under edits, or of several parts, as one file; .sum: its File

// UploadKey is where the bytes of an upload are.
func UploadKey(t Tenant, project, upload string) string {
	return blobKey("uploads", t, project, upload)
}

// SourceKey is where a document's uploaded bytes are.
func SourceKey(t Tenant, project, document string) string {
	return blobKey("source", t, project, document)
}

// TextKey is where a document's text is.
func TextKey(t Tenant, project, document string) string {
	return blobKey("text", t, project, document, ChunkerVersion)
}

// ChunksKey is where a document's chunks under a chunking are.
func ChunksKey(t Tenant, project, document, chunking string) string {
	return blobKey("chunks", t, project, document, chunking)
}

// SelectionKey is where a list of chosen documents is, by the hash of the list.
func SelectionKey(t Tenant, project, hash string) string {
	return blobKey("selections", t, project, hash)
}

// ReplyKey is where the reply to what hash identifies is kept.
func ReplyKey(t Tenant, project, hash string) string {
	return blobKey("replies", t, project, hash[:2], hash)
}

// JobKey is where a working file of a job is.
func JobKey(r JobRef, parts ...string) string {
	return blobKey("jobs", r.Tenant, append([]string{r.ID}, parts...)...)
}

// CandidatesKey is where the generator puts a unit.
func CandidatesKey(r JobRef, unit int) string {
	return JobKey(r, "candidates", fmt.Sprintf("%06d", unit))
}

// ScoredKey is where the scorer puts a unit.
func ScoredKey(r JobRef, unit int) string { return JobKey(r, "scored", fmt.Sprintf("%06d", unit)) }

// VersionPrefix is the folder of the version that a job makes of a dataset, with its final slash.
func VersionPrefix(t Tenant, dataset, job string) string {
	return blobKey("versions", t, dataset, job) + "/"
}

// ExportKey is where a version with the edits up to that one is, as one file.
func ExportKey(t Tenant, dataset string, version int, edits int64) string {
	return blobKey("versions", t, dataset, "exports", fmt.Sprintf("%06d-%010d", version, edits))
}

// DocumentPrefixes are the folders of what was made of a document.
func DocumentPrefixes(t Tenant, project, document string) []string {
	return []string{blobKey("text", t, project, document) + "/", blobKey("chunks", t, project, document) + "/"}
}

// ProjectPrefixes are the folders of all objects of a project but its datasets.
func ProjectPrefixes(t Tenant, project string) []string {
	list := []string{"uploads", "source", "text", "chunks", "selections", "replies"}
	for i, kind := range list {
		list[i] = blobKey(kind, t, project) + "/"
	}
	return list
}

// DatasetPrefix is the folder of all versions of a dataset.
func DatasetPrefix(t Tenant, dataset string) string { return blobKey("versions", t, dataset) + "/" }

func blobKey(kind string, t Tenant, parts ...string) string {
	return kind + "/" + string(t) + "/" + strings.Join(parts, "/")
}
