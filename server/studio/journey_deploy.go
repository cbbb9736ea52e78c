package studio

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

func ids(id ...uuid.UUID) []uuid.UUID { return id }

// showDeploy says which builds the people of a journey are on, whether a worker serves them,
// and until when (U-24, J-112).
func (s *Studio) showDeploy(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	v := view.Deploy{
		Back: view.Link{Text: nameOfJourney(j), URL: journeyURL(j.ID)}, Tabs: tabs(j, "/deploy"),
		Command: "hogsend replay --journey " + j.ID,
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioBuilds(r.ctx(), s.instant(), operate.IDs(j))
		if err != nil {
			return err
		}
		for _, b := range rows {
			row := view.DeployRow{
				Build: visible(b.BuildID), Version: visible(b.Version), People: number(b.People), Nodes: number(b.Nodes), State: bad("no worker runs it"),
				First: s.sinceEpoch(r, b.Earliest), Last: s.sinceEpoch(r, b.Latest),
			}
			switch {
			case b.Workers > 0:
				row.State = ok(plural(b.Workers, "worker", "workers"))
			case b.BuildID != s.cfg.BuildID && j.Version == b.Version:
				row.State = wait("on the newest build")
			}
			v.Rows = append(v.Rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nobody is in it", Text: "A deploy can strand nobody here."}
	}
	v.Frame = s.frame(r, "Deploy", "Builds of "+nameOfJourney(j))
	return s.show(r, http.StatusOK, "deploy", v)
}

// sinceEpoch is an instant; the epoch stands for none.
func (s *Studio) sinceEpoch(r *request, at time.Time) *view.Time {
	if at.Unix() == 0 {
		return nil
	}
	return s.momentOrNil(r, &at)
}
