package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"compileo/internal/app/local"
	"compileo/internal/dataset"
	"compileo/internal/library"
	"compileo/internal/pipeline"
)

// project finds or makes the project where the documents of `compileo generate` are kept: one for all, so that a file
// that is used by several commands is read once and its replies are paid once. When somebody deleted it, or its name
// is taken, the next one serves.
func project(ctx context.Context, l *library.Library) (*dataset.Project, error) {
	var p *dataset.Project
	var err error
	for try := range maxTries {
		name := "files"
		if try > 0 {
			name = fmt.Sprintf("files %d", try+1)
		}
		p, err = l.CreateProject(ctx, dataset.LocalTenant, library.NewProject{
			ID: dataset.DeriveID("project", name), Name: name, Description: "What compileo generate has read.",
		})
		if !dataset.Is(err, dataset.Conflict) {
			break
		}
	}
	return p, err
}

// generate makes a dataset of files and folders.
func generate(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, getenv, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	files, skipped, err := findFiles(o.paths, o.exclude)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.data, 0o755); err != nil {
		return dataset.Errorf(dataset.Invalid, "cannot make the data directory %s: %v", o.data, cause(err))
	}
	alarm := newAlarm(stderr)
	log := slog.New(alarm)
	a, err := local.Open(ctx, o.data, getenv, log)
	if err != nil {
		return flagNames(err)
	}
	r := &generation{options: o, engine: a.Engine, library: a.Library, alarm: alarm, screen: newScreen(stdout, stderr, o.json), skipped: skipped}
	err = r.run(ctx, a, files)
	if closing := a.Close(); err == nil {
		err = closing
	}
	if ctx.Err() != nil && err != nil && !errors.Is(err, errReported) {
		r.screen.note("interrupted; nothing is lost: the same command goes on from here")
		return errInterrupted
	}
	return flagNames(err)
}

// generation is one run of generate.
type generation struct {
	*options
	engine  *pipeline.Engine
	library *library.Library
	project *dataset.Project
	alarm   *alarm
	screen  *screen
	skipped []string
	known   int // documents that an earlier run added
	reused  bool
}

// run adds the files, submits the job, or finds it again, works until it is over, and writes the dataset.
func (g *generation) run(ctx context.Context, a *local.App, files []file) error {
	for _, s := range g.skipped {
		g.screen.note("left out: " + s)
	}
	ids, err := g.add(ctx, files)
	if err != nil {
		return err
	}
	j, err := g.submit(ctx, ids)
	if err != nil {
		return err
	}
	for _, w := range j.Warnings {
		g.screen.note(w)
	}
	if j, err = g.work(ctx, a, j); err != nil {
		return err
	}
	if j.Status != dataset.Completed {
		g.screen.failed(j)
		return errReported
	}
	v, err := g.write(ctx, j)
	if err != nil {
		return err
	}
	return g.screen.done(ctx, g, j, v)
}

// add stores the files as documents and returns their ids.
func (g *generation) add(ctx context.Context, files []file) ([]string, error) {
	var err error
	if g.project, err = project(ctx, g.library); err != nil {
		return nil, err
	}
	ids, added := make([]string, 0, len(files)), map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return nil, dataset.Errorf(dataset.Invalid, "cannot read %s: %v", f.path, cause(err))
		}
		d, known, err := g.library.AddDocument(ctx, g.project, f.name, data)
		if err != nil {
			return nil, err
		}
		if known && !added[d.ID] { // not a second copy among these files
			g.known++
		}
		added[d.ID] = true
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	g.screen.note(fmt.Sprintf("documents: %d, known from before: %d", len(ids), min(g.known, len(ids))))
	return ids, nil
}

// maxTries bounds how many failed jobs of the same command are passed over.
const maxTries = 1_000

// submit starts the job of this command. Its id derives from documents and settings: the same command finds the same
// job, running or done, and only one that failed is tried anew.
func (g *generation) submit(ctx context.Context, ids []string) (*dataset.Job, error) {
	documents, _ := json.Marshal(ids)       // strings
	settings, _ := json.Marshal(g.settings) // plain data
	for try := range maxTries {
		ref := dataset.JobRef{Tenant: dataset.LocalTenant, ID: dataset.DeriveID("generate", string(documents), string(settings), dataset.ChunkerVersion, version, strconv.Itoa(try))}
		j, err := g.engine.Submit(ctx, pipeline.Submission{Ref: ref, Project: g.project.ID, Kind: dataset.GenerateJob, Settings: g.settings, Documents: ids})
		if err != nil {
			return nil, err
		}
		switch j.Status {
		case dataset.Failed, dataset.Cancelled:
			continue
		case dataset.Completed:
			g.reused = true
			g.screen.note("this dataset was made before: nothing is generated again")
		case dataset.Running, dataset.Stopping:
			g.screen.note("going on where the last run was")
		}
		return j, nil
	}
	return nil, dataset.Errorf(dataset.Conflict, "the same command failed %d times", maxTries)
}

// progressEvery is how often progress is read.
const progressEvery = 150 * time.Millisecond

// work runs the system until the job is over.
func (g *generation) work(ctx context.Context, a *local.App, j *dataset.Job) (*dataset.Job, error) {
	if j.Status.Over() {
		return j, nil
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	over, err := g.watch(ctx, j.Ref, ended)
	stop()
	if runErr := <-ended; err == nil {
		err = runErr
	}
	g.screen.end()
	return over, err
}

func (g *generation) watch(ctx context.Context, ref dataset.JobRef, ended chan error) (*dataset.Job, error) {
	chooses := false
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, errInterrupted
		case err := <-ended:
			ended <- nil
			if err == nil {
				err = dataset.Errorf(dataset.Internal, "the system ended before the job")
			}
			return nil, err
		case err := <-g.alarm.heard:
			return nil, err
		case <-tick.C:
		}
		p, err := g.engine.Progress(ctx, ref)
		if err != nil {
			return nil, err
		}
		if p.Job.Step == "Curate" && !chooses {
			chooses = true
			collectAt(whileChoosing)
		}
		g.screen.progress(p)
		if p.Job.Status.Over() {
			return p.Job, nil
		}
	}
}
