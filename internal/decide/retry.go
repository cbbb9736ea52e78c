package decide

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
)

// Retried is a failed enrollment that is taken up once more.
type Retried struct {
	EnrollmentID, ContactID, EventID uuid.UUID
	WorkflowID, Node                 string
	// Retries counts this one. RunID is the run that failed.
	Retries int
	RunID   string
}

// Retry tells Temporal to take up a failed enrollment, and logs it (J-96).
func (r *Recorder) Retry(n *Retried) {
	id := n.EnrollmentID.String()
	r.Log(n.EnrollmentID, "retry#"+strconv.Itoa(n.Retries), "retried", n.Node, n.Node, map[string]any{"n": n.Retries})
	r.Enqueue(n.ContactID, n.EventID, contract.OutboxRetry, contract.RetryKey(id, n.Retries), contract.RetryPayload{
		WorkflowID: n.WorkflowID, EnrollmentID: id, RunID: n.RunID,
	})
}
