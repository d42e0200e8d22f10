package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"compileo/internal/dataset"
	"compileo/internal/pipeline"
	"compileo/internal/rest"
)

const (
	longestPoll = 25 * time.Second // where an answer is one message: the gateway waits no longer
	heartbeat   = 15 * time.Second // between two signs of life of a stream
	slowest     = 30 * time.Second // a client that takes no event for so long is gone
	reconnect   = 3 * time.Second  // after which a client asks again when a stream broke
)

// watching adds the two ways to wait for a job.
func watching(t *rest.Table, c Config) {
	e := c.Engine

	rest.Add(t, rest.Op{
		ID: "pollJob", Method: http.MethodGet, Path: base + "/jobs/status/{job_id}/poll", Tag: "jobs", Summary: "Wait until a job's status changes",
		Description: "Answers with the job as soon as its status is another one than current_status, or it is over, or the time is up. Behind API Gateway it waits at most 25 seconds.",
	}, func(ctx context.Context, in *struct {
		byJob
		Timeout int    `query:"timeout" doc:"Seconds to wait at most." default:"30" minimum:"1" maximum:"300"`
		Current string `query:"current_status" doc:"The status that the client knows; absent: the one when it asks." enum:"pending,running,completed,failed,cancelled"`
	},
	) (*oneJob, error) {
		atMost := time.Duration(in.Timeout) * time.Second
		if c.MaxAnswer > 0 {
			atMost = min(atMost, longestPoll)
		}
		end := time.Now().Add(atMost)
		p, err := progressOf(ctx, e, in.Job, "")
		if err == nil && in.Current == "" {
			in.Current = statusWord(p.Job.Status)
		}
		for err == nil && statusWord(p.Job.Status) == in.Current && !p.Job.Status.Over() && time.Now().Before(end) {
			p, err = e.Watch(ctx, p.Job.Ref, p.Revision, time.Until(end))
		}
		if err != nil {
			return nil, err
		}
		return &oneJob{tagOf(p), showJob(p)}, nil
	})

	rest.Add(t, rest.Op{
		ID: "streamJob", Method: http.MethodGet, Path: base + "/jobs/status/{job_id}/stream", Tag: "jobs", Summary: "Follow a job by server-sent events",
		Description: "Each event is the job as JSON, sent whenever it changed; its id goes back as Last-Event-ID after a break. Comments in between are signs of life. The stream ends when the job is over; who asks once more with the last id gets 204, so that an EventSource ends too. Behind API Gateway there is one event a request, and the client asks again.",
		Answers: []rest.Answer{
			{Status: http.StatusOK, Type: "text/event-stream", Doc: "Events; the data of each is a Job"},
			{Status: http.StatusNoContent, Doc: "The job is over, and Last-Event-ID names its end"},
		},
	}, func(ctx context.Context, in *struct {
		byJob
		Last string `header:"Last-Event-ID" doc:"The id of the last event that the client has." maxLength:"100"`
	},
	) (*rest.Stream, error) {
		p, err := progressOf(ctx, e, in.Job, "")
		if err != nil {
			return nil, err
		}
		return &rest.Stream{Send: func(w http.ResponseWriter, r *http.Request) error {
			s := stream{ResponseWriter: w, engine: e, beat: heartbeat, last: in.Last, once: c.MaxAnswer > 0 || r.Method == http.MethodHead}
			return s.follow(r.Context(), p)
		}}, nil
	})
}

// stream sends the progress of a job as events.
type stream struct {
	http.ResponseWriter
	engine *pipeline.Engine
	beat   time.Duration
	last   string // id of the event that the client has
	once   bool   // one event is all
}

// follow sends events, the first about p, until the job is over.
func (s *stream) follow(ctx context.Context, p *pipeline.Progress) error {
	if p.Job.Status.Over() && p.Revision == s.last {
		s.WriteHeader(http.StatusNoContent)
		return nil
	}
	s.Header().Set("Content-Type", "text/event-stream")
	s.Header().Set("Cache-Control", "no-store")
	s.Header().Set("X-Accel-Buffering", "no")                                                         // a proxy must not hold events back
	defer func() { _ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Time{}) }() // the connection is used again
	if err := s.send(fmt.Sprintf("retry: %d\n\n", reconnect.Milliseconds())); err != nil {
		return err
	}
	for {
		text := ": the job goes on\n\n"
		if p.Revision != s.last {
			data, err := json.Marshal(showJob(p))
			if err != nil {
				return err
			}
			text = fmt.Sprintf("id: %s\ndata: %s\n\n", p.Revision, data)
			s.last = p.Revision
		}
		if err := s.send(text); err != nil || s.once || p.Job.Status.Over() {
			return err
		}
		var err error
		if p, err = s.engine.Watch(ctx, p.Job.Ref, p.Revision, s.beat); err != nil {
			return err
		}
	}
}

// send sends text at once.
func (s *stream) send(text string) error {
	to := http.NewResponseController(s.ResponseWriter)
	_ = to.SetWriteDeadline(time.Now().Add(slowest)) // where there is none, the server's own holds
	if _, err := s.Write([]byte(text)); err != nil {
		return dataset.Errorf(dataset.Unavailable, "the client is gone: %w", err)
	}
	_ = to.Flush() // where answers are whole there is nothing to flush
	return nil
}
