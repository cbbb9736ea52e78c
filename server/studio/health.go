package studio

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// workerUpFor is how long after its last sign a worker counts as running (O-31).
const workerUpFor = 30 * time.Second

// showHealth is U-36: what the installation stands on, and what is late.
func (s *Studio) showHealth(r *request) error {
	h := s.cfg.Health(r.ctx())
	v := view.Health{
		State: ok("all is well"), Parts: []view.Part{
			part("Database", h.Database, "Everything is stored here. Without it nothing is accepted."),
			part("Temporal", h.Temporal, "It runs the journeys. Without it events are accepted, and mails wait."),
		},
		Command: "hogsend doctor",
	}
	switch h.Status {
	case "degraded":
		v.State = bad("something is down")
		if h.Database.Up && h.Temporal.Up && h.Workers > 0 {
			v.State = wait("messages are late")
		}
	case "migration_pending":
		v.State = bad("the database is behind")
	}
	schema := view.Part{Name: "Schema", State: ok("in step"), Value: h.Applied, Note: "The database has what this build needs."}
	if len(h.Behind) > 0 {
		schema.State, schema.Note = bad("behind"), "It lacks "+plural(int64(len(h.Behind)), "migration", "migrations")+" up to "+h.Required+". Run hogsend migrate."
	}
	outbox := view.Part{Name: "Messages to Temporal and others", State: ok("in time"), Value: capped(h.Pending) + " waiting", Note: "Nothing is late."}
	if h.Pending > 0 {
		outbox.Note = "The oldest has waited " + ahead(h.Lag) + "."
	}
	if h.Lag > lagAfter {
		outbox.State = bad("late")
	}
	v.Parts = append(v.Parts, schema, outbox)
	if err := s.read(r.ctx(), func(q *storedb.Queries) error { return s.workers(r, q, &v) }); err != nil {
		return err
	}
	v.Frame = s.frame(r, "Health", "Health")
	return s.show(r, http.StatusOK, "health", v)
}

func part(name string, c Component, note string) view.Part {
	p := view.Part{Name: name, State: ok("up"), Value: strconv.FormatFloat(float64(c.Latency.Microseconds())/1000, 'f', 1, 64) + " ms", Note: note}
	if !c.Up {
		p.State, p.Value = bad("down"), ""
	}
	return p
}

// workers are those that gave a sign within a day, and the backfills they are at.
func (s *Studio) workers(r *request, q *storedb.Queries, v *view.Health) error {
	now := s.cfg.Now()
	workers, err := q.OverviewWorkers(r.ctx(), now)
	if err != nil {
		return err
	}
	digests, up := map[string]bool{}, 0
	for _, w := range workers {
		row := view.WorkerRow{ID: visible(w.ID), Build: visible(w.BuildID), Queue: visible(w.TaskQueue), Since: s.moment(r, w.StartedAt), Seen: s.moment(r, w.LastSeenAt), State: off("gone")}
		if now.Sub(w.LastSeenAt) <= workerUpFor {
			row.State = ok("up")
			digests[w.RegistryDigest] = true
			up++
		}
		v.Workers = append(v.Workers, row)
	}
	workersPart := view.Part{Name: "Workers", State: ok("up"), Value: plural(int64(up), "runs", "run"), Note: "They carry journeys on and send mails."}
	switch {
	case up == 0:
		workersPart.State, workersPart.Value = bad("none"), ""
		workersPart.Note = "Nothing goes on until one runs: hogsend worker."
	case len(digests) > 1:
		workersPart.State = wait("differ")
		workersPart.Note = "They run different definitions, as during a deploy (O-32)."
	}
	v.Parts = append(v.Parts, workersPart)
	backfills, err := q.OverviewBackfills(r.ctx())
	if err != nil {
		return err
	}
	for _, b := range backfills {
		row := view.BackfillRow{Bucket: s.bucketLink(b.BucketID), Mode: b.Mode, State: run("building"), Done: number(b.Processed), Since: s.moment(r, b.CreatedAt), Error: visible(textOf(b.Error))}
		if b.Status == "failed" {
			row.State = bad("failed")
		}
		v.Backfills = append(v.Backfills, row)
	}
	return nil
}
