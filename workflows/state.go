package workflows

import (
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// State answers the query contract.QueryState: where an enrollment stands (J-149). It
// holds ids, labels and instants, nothing personal.
type State struct {
	StateID    string                    `json:"stateId"`
	JourneyID  string                    `json:"journeyId"`
	ContactID  string                    `json:"contactId"`
	Entry      int                       `json:"entry"`
	Status     contract.EnrollmentStatus `json:"status"`
	Node       string                    `json:"node"`
	WaitingFor *waitingFor               `json:"waitingFor"`
	Paused     bool                      `json:"paused"`
	Version    string                    `json:"version"`
	BuildID    string                    `json:"buildId"`
	Steps      int                       `json:"steps"`
}

// waitingFor is the wait an enrollment stands at: no events for a sleep, no until
// for one without a deadline.
type waitingFor struct {
	Events []string   `json:"events"`
	Until  *time.Time `json:"until"`
}

func (r *journeyRun) state() (State, error) {
	return State{
		StateID: r.enrollmentID, JourneyID: r.journeyID, ContactID: r.claim.ContactID, Entry: r.claim.Enrollment.Entry,
		Status: r.status, Node: r.node, WaitingFor: r.waiting, Paused: r.paused > 0, Version: r.claim.Enrollment.Version, BuildID: r.claim.BuildID, Steps: r.steps,
	}, nil
}

// standAt notes the wait an enrollment stands at until leave is called.
func (r *journeyRun) standAt(node string, events []string, until *time.Time) (leave func()) {
	w := &waitingFor{Events: events, Until: until}
	r.node, r.status, r.waiting = node, contract.EnrollmentWaiting, w
	return func() {
		if r.waiting == w {
			r.status, r.waiting = contract.EnrollmentActive, nil
		}
	}
}
