package studio

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// enrollment finds the enrollment that the path names.
func (s *Studio) enrollment(r *request, q *storedb.Queries) (storedb.AdminStateGetRow, error) {
	id, err := pathID(r)
	if err != nil {
		return storedb.AdminStateGetRow{}, err
	}
	row, err := q.AdminStateGet(r.ctx(), id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = &problem{status: http.StatusNotFound, heading: "No such enrollment", text: "Nobody's way through a journey has this id.", next: [2]string{"Go to the journeys", "/studio/journeys"}}
	}
	return row, err
}

// showEnrollment is one person's way through a journey, from Postgres alone: it is there
// when Temporal is not, or has forgotten (U-25).
func (s *Studio) showEnrollment(r *request) error {
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	var v view.Enrollment
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		row, err := s.enrollment(r, q)
		if err != nil {
			return err
		}
		e := row.Enrollment
		v = view.Enrollment{
			ID: e.ID.String(), Contact: contactLink(row.Contact), Journey: journeys.link(e.JourneyID), State: enrollmentBadge(e.Status), Entry: int64(e.Entry), Key: visible(e.Key),
			Event: "/studio/events/" + e.TriggerEventID.String(), Began: s.moment(r, e.CreatedAt), Version: visible(e.Version), Build: visible(e.BuildID), Workflow: visible(e.WorkflowID),
			Error: visible(cut(textOf(e.Error), 4000)), Retries: int64(e.Retries), Context: fieldsOf(e.Context), Command: "temporal workflow show --workflow-id '" + strings.ReplaceAll(e.WorkflowID, "'", "") + "'",
		}
		_, waits, err := s.live(r, q, e.ContactID)
		if err != nil {
			return err
		}
		v.Sentence = s.question(r, row.Contact, "").OfEnrollment(ask.Enrollment(e, ask.Journeys(journeys), waits[e.ID], false)).Sentence
		base := enrollmentURL(e.ID)
		switch {
		case e.Status.Live():
			v.Action = r.button("Cancel…", base+"/cancel", users.Operator)
		case e.Status == contract.EnrollmentFailed:
			v.Action = r.button("Try again…", base+"/retry", users.Operator)
		}
		issues, err := q.StudioIssues(r.ctx(), e.ID)
		if err != nil {
			return err
		}
		for _, i := range issues {
			v.Issues = append(v.Issues, troubleWords(i.Kind)+", since "+s.moment(r, i.Since).Text+" "+visible(i.Detail))
		}
		return s.steps(r, q, e.ID, &v)
	})
	if err != nil {
		return err
	}
	v.Frame = s.frame(r, "Enrollment", v.Contact.Text+" in "+v.Journey.Text)
	return s.show(r, http.StatusOK, "enrollment", v)
}

// steps are what an enrollment did, each with the mail that it sent.
func (s *Studio) steps(r *request, q *storedb.Queries, id uuid.UUID, v *view.Enrollment) error {
	logs, err := q.StudioSteps(r.ctx(), id)
	if err != nil {
		return err
	}
	sends, err := q.StudioSendsAfter(r.ctx(), []uuid.UUID{id})
	if err != nil {
		return err
	}
	for i, l := range logs {
		step := view.StepRow{At: s.moment(r, l.At), Text: stepWords(l), Detail: detailWords(l.Detail), Build: visible(l.BuildID)}
		if i > 0 {
			step.Took = gap(l.At.Sub(logs[i-1].At))
		}
		step.State = stepBadge(l.Action)
		v.Steps = append(v.Steps, step)
	}
	for _, m := range sends {
		subject := visible(m.Subject)
		if subject == "" {
			subject = visible(m.TemplateKey)
		}
		v.Mails = append(v.Mails, view.EnrollmentMail{Mail: view.Link{Text: subject, URL: "/studio/mails/" + m.ID.String()}, State: sendBadge(m.Status), At: s.moment(r, m.CreatedAt)})
	}
	return nil
}

// stepWords say what a row of the step log is.
func stepWords(l storedb.StepLog) string {
	node := nodeWords(l.ToNode)
	switch l.Action {
	case "wait_started":
		return node + ": began to wait"
	case "wait_ended":
		return node + ": went on"
	case "sent":
		return node + ": handed over"
	case "skipped", "suppressed":
		return node + ": left out"
	case "failed":
		return node + ": failed"
	case "node":
		return node + ": came here"
	case "paused":
		return node
	}
	return node + ": " + reasonWords(l.Action)
}

func stepBadge(action string) view.Badge {
	switch action {
	case "wait_started":
		return wait("waits")
	case "sent", "completed":
		return ok("done")
	case "failed":
		return bad("failed")
	case "skipped", "suppressed", "throttled":
		return policy("left out")
	case "paused":
		return paused("held")
	}
	return off("step")
}

// detailWords are what a step noted, in a line.
func detailWords(raw json.RawMessage) string {
	var parts []string
	for _, f := range fieldsOf(raw) {
		parts = append(parts, f.Name+": "+cut(f.Value, 120))
	}
	return strings.Join(parts, ", ")
}
