package studio

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// cancelAtOnce is how many enrollments one click ends.
const cancelAtOnce = 500

// standingAt are the people of a journey who stand at a node, at most five hundred.
func (s *Studio) standingAt(r *request, j hogsend.Journey, node string) ([]storedb.StudioPeopleRow, error) {
	if node == "" {
		return nil, &problem{status: http.StatusUnprocessableEntity, heading: "Where?", text: "Choose the step whose people are canceled. Nothing was done."}
	}
	return s.readPeople(r, storedb.StudioPeopleOfParams{
		JourneyIds: operate.IDs(j), Statuses: []string{string(contract.EnrollmentActive), string(contract.EnrollmentWaiting)}, Before: uuid.Max, Node: &node, RowLimit: cancelAtOnce,
	})
}

// confirmCancelAll says who would be canceled at a step of a journey, before they are.
func (s *Studio) confirmCancelAll(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	node := r.query("node")
	rows, err := s.standingAt(r, j, node)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return conflict("Nobody is there", "Nobody stands at "+nodeWords(node)+" any more. Nothing was done.", journeyURL(j.ID))
	}
	verb := "Cancel " + plural(int64(len(rows)), "person", "people")
	points := []string{"All of them stand at: " + nodeWords(node) + ".", "Each ends now; a mail that was handed over cannot be called back.", "It cannot be undone. Whoever may enter again can."}
	if len(rows) == cancelAtOnce {
		points = append(points, "There are more of them: one click ends at most "+number(cancelAtOnce)+".")
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Cancel", verb+"?"), Action: journeyURL(j.ID) + "/cancel", Back: peopleURL(j, node), Verb: verb, Typed: j.ID,
		Hidden: []view.Field{{Name: "node", Value: node}}, Points: points,
	})
}

// cancelAll ends all who stand at a step, each with its entry in the log. Who has
// ended meanwhile stays as they are.
func (s *Studio) cancelAll(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	if err := typed(r, j.ID); err != nil {
		return err
	}
	rows, err := s.standingAt(r, j, clean(r.PostFormValue("node")))
	if err != nil {
		return err
	}
	for _, row := range rows {
		var ended *ingest.EndedError
		if err := s.cfg.Desk.Cancel(r.ctx(), s.actor(r), row.Enrollment); err != nil && !errors.As(err, &ended) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return r.see(journeyURL(j.ID) + "?done=canceled-all")
}
