package studio

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// known are the journeys that are served, by all their ids.
type known map[string]hogsend.Journey

func (s *Studio) known(ctx context.Context) (known, error) {
	all, err := s.cfg.Journeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read journeys: %w", err)
	}
	return known(ask.ByID(all)), nil
}

// name is what a journey is called; one that no code has is called by its id.
func (k known) name(id string) string { return ask.Journeys(k).Name(id) }

func (k known) link(id string) view.Link {
	if j, ok := k[id]; ok {
		return view.Link{Text: k.name(id), URL: "/studio/journeys/" + url.PathEscape(j.ID)}
	}
	return view.Link{Text: id}
}

// live are the runs of a contact that go on, with what each waits for.
func (s *Studio) live(r *request, q *storedb.Queries, id uuid.UUID) ([]storedb.Enrollment, map[uuid.UUID]*storedb.Wait, error) {
	live, err := q.StudioLiveEnrollments(r.ctx(), id)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]uuid.UUID, len(live))
	for i := range live {
		ids[i] = live[i].ID
	}
	rows, err := q.StudioOpenWaits(r.ctx(), ids)
	if err != nil {
		return nil, nil, err
	}
	waits := map[uuid.UUID]*storedb.Wait{}
	for i := range rows {
		waits[rows[i].EnrollmentID] = &rows[i]
	}
	return live, waits, nil
}

func (s *Studio) bucketName(id string) string {
	for i := range s.cfg.Registry.Buckets {
		if b := &s.cfg.Registry.Buckets[i]; b.ID == id && b.Name != "" {
			return b.Name
		}
	}
	return id
}

// sorted are the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// reasonOf is the text of a reason that may be missing.
func reasonOf[T ~string](reason *T) string {
	if reason == nil {
		return ""
	}
	return string(*reason)
}

// enrolled reports whether a decision let somebody in.
func enrolled(d storedb.Decision) bool { return d.Outcome == contract.OutcomeEnrolled }

func nameOfJourney(j hogsend.Journey) string {
	if j.Name == "" {
		return j.ID
	}
	return j.Name
}

// journey finds the journey that the path names.
func (s *Studio) journey(r *request) (hogsend.Journey, error) {
	all, err := s.cfg.Journeys(r.ctx())
	if err != nil {
		return hogsend.Journey{}, err
	}
	id := r.PathValue("id")
	for _, j := range all {
		if j.ID == id {
			return j, nil
		}
	}
	return hogsend.Journey{}, &problem{status: http.StatusNotFound, heading: "No such journey", text: "No journey that is served has this id.", next: [2]string{"Go to the journeys", "/studio/journeys"}}
}
