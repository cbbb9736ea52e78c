package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/traceparent"
)

// Capture logs the event and, where there is a PostHog, hands it to the outbox in
// the same transaction. Its id comes of the step, so that PostHog knows a repetition.
func (a *Activities) Capture(ctx context.Context, r contract.CaptureRequest) (contract.Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	key := contract.CaptureKey(r.Step.EnrollmentID, r.Step.Key)
	var effect contract.Effect
	err = a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
		done, err := tx.Q.StepLogFind(ctx, id, r.Step.Key, "captured")
		if err != nil {
			return fmt.Errorf("find step: %w", err)
		}
		var runs bool
		if runs, effect, err = a.begin(ctx, tx, r.Step, len(done) > 0); err != nil || !runs {
			return err
		}
		e := tx.Enrollment
		a.log(ctx, tx, r.Step, "captured", e.Node, e.Node, map[string]any{"event": r.Event})
		if !a.Config.PostHog {
			return nil
		}
		payload, err := json.Marshal(contract.CapturePayload{
			UUID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)).String(), ContactID: e.ContactID.String(),
			Event: r.Event, Properties: r.Properties, Timestamp: r.OccurredAt,
		})
		if err != nil {
			return fmt.Errorf("encode capture: %w", err)
		}
		tx.Add(func(q *storedb.Queries) error {
			return q.CaptureInsert(ctx, storedb.CaptureInsertParams{
				ID: uuid.Must(uuid.NewV7()), OrderingKey: e.ContactID, Destination: contract.OutboxCapture.Destination(), Kind: contract.OutboxCapture,
				Key: key, Payload: payload, Trace: traceparent.Column(ctx), Now: tx.Now,
			})
		})
		return nil
	})
	return effect, err
}
