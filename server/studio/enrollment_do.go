package studio

import (
	"errors"
	"fmt"
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

// enrollmentOfPath reads the enrollment that the path names, outside of a page.
func (s *Studio) enrollmentOfPath(r *request) (row storedb.AdminStateGetRow, err error) {
	err = s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		row, err = s.enrollment(r, q)
		return err
	})
	return row, err
}

func (s *Studio) confirmCancel(r *request) error {
	row, err := s.enrollmentOfPath(r)
	if err != nil {
		return err
	}
	base := enrollmentURL(row.Enrollment.ID)
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Cancel", "End this enrollment of "+nameOf(row.Contact)+"?"), Action: base + "/cancel", Back: base, Verb: "End it now", Hidden: []view.Field{{Name: "updated", Value: stamp(row.Enrollment.UpdatedAt)}}, Points: []string{
			"It ends now, and no further mail or other effect of it begins.", "A mail that was handed over cannot be called back.", "It cannot be undone.",
		},
	})
}

// cancel is R-67.
func (s *Studio) cancel(r *request) error {
	row, err := s.enrollmentOfPath(r)
	if err != nil {
		return err
	}
	if err := s.unmoved(r, row.Enrollment.UpdatedAt); err != nil && row.Enrollment.Status.Live() {
		return err // of what has ended the next step says so
	}
	var ended *ingest.EndedError
	switch err := s.cfg.Desk.Cancel(r.ctx(), s.actor(r), row.Enrollment); {
	case errors.As(err, &ended):
		return conflict("It has ended", "It is "+enrollmentBadge(ended.Status).Word+" already. Nothing was done.", enrollmentURL(row.Enrollment.ID))
	case errors.Is(err, store.ErrNotFound):
		return lost("It was erased meanwhile.")
	case err != nil:
		return err
	}
	return r.see(enrollmentURL(row.Enrollment.ID) + "?done=canceled")
}

func (s *Studio) confirmRetry(r *request) error {
	row, err := s.enrollmentOfPath(r)
	if err != nil {
		return err
	}
	base := enrollmentURL(row.Enrollment.ID)
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Try again", "Try again for "+nameOf(row.Contact)+"?"), Action: base + "/retry", Back: base, Verb: "Try again", Points: retryPoints(nodeWords(row.Enrollment.Node)),
	})
}

func retryPoints(where string) []string {
	return []string{"It goes on at: " + where + ".", "What was finished is not repeated, and no mail goes twice."}
}

// retry is R-68: of two at once one succeeds (J-96).
func (s *Studio) retry(r *request) error {
	row, err := s.enrollmentOfPath(r)
	if err != nil {
		return err
	}
	why, err := s.tryEnrollment(r, row.Enrollment)
	if err != nil {
		return err
	}
	if why != "" {
		return conflict("It cannot be tried again", why+" Nothing was done.", enrollmentURL(row.Enrollment.ID))
	}
	return r.see(enrollmentURL(row.Enrollment.ID) + "?done=retried")
}

// tryEnrollment lets a failed enrollment go on where it failed; refused is the sentence of
// what stands against it.
func (s *Studio) tryEnrollment(r *request, e storedb.Enrollment) (refused string, err error) {
	if e.Status != contract.EnrollmentFailed {
		return "It has not failed: it is " + enrollmentBadge(e.Status).Word + ".", nil
	}
	down := &problem{status: http.StatusServiceUnavailable, heading: "Temporal does not answer", text: "Trying again needs it. Nothing was done; try in a moment."}
	if s.cfg.FailedRun == nil {
		return "", down
	}
	runID, err := s.cfg.FailedRun(r.ctx(), e.WorkflowID)
	if err != nil {
		s.cfg.Logger.Warn("failed run not found", "enrollment_id", e.ID, "error", err)
		return "", down
	}
	if runID == "" {
		return "Temporal has forgotten its history, so that nobody knows where it stood.", nil
	}
	switch err := s.cfg.Desk.Retry(r.ctx(), s.actor(r), e, runID); {
	case errors.Is(err, ingest.ErrNotFailed):
		return "It goes on already: somebody else tried it again.", nil
	case errors.Is(err, ingest.ErrRival):
		return "The person is in this journey once more meanwhile.", nil
	case errors.Is(err, store.ErrNotFound):
		return "It was erased meanwhile.", nil
	case err != nil:
		return "", err
	}
	return "", nil
}

// retryAtOnce is how many enrollments one click tries again.
const retryAtOnce = 100

// failed are the enrollments of a journey that failed with one error, at most one hundred.
func (s *Studio) failed(r *request, j hogsend.Journey, failure string) ([]storedb.StudioPeopleRow, error) {
	return s.readPeople(r, storedb.StudioPeopleOfParams{
		JourneyIds: operate.IDs(j), Statuses: []string{string(contract.EnrollmentFailed)}, Before: uuid.Max, Error: &failure, RowLimit: retryAtOnce,
	})
}

func (s *Studio) confirmRetryAll(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	failure := r.query("error")
	rows, err := s.failed(r, j, failure)
	if err != nil {
		return err
	}
	verb := "Try " + plural(int64(len(rows)), "person", "people") + " again"
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Try again", verb+"?"), Action: journeyURL(j.ID) + "/retry", Back: journeyURL(j.ID), Verb: verb, Hidden: []view.Field{{Name: "error", Value: failure}},
		Points: []string{"Those who failed with: “" + cut(visible(failure), 200) + "”.", "Each goes on where it failed.", "What was finished is not repeated, and no mail goes twice."},
	})
}

// retryAll tries again all that failed with one error; who cannot be tried stays as they are.
func (s *Studio) retryAll(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	rows, err := s.failed(r, j, clean(r.PostFormValue("error")))
	if err != nil {
		return err
	}
	done, last := 0, "Nobody has failed like this any more."
	for _, row := range rows {
		why, err := s.tryEnrollment(r, row.Enrollment)
		if err != nil {
			return err
		}
		if why == "" {
			done++
		} else {
			last = why
		}
	}
	if done < len(rows) || done == 0 {
		return conflict(fmt.Sprintf("%d of %d go on", done, len(rows)), "The others stay as they are. The last of them: "+last, journeyURL(j.ID)+"/people?which=failed")
	}
	return r.see(journeyURL(j.ID) + "?done=retried")
}
