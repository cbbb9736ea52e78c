package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/workflows/names"
)

// CaptureName is the name of the activity behind Run.Capture.
const CaptureName = "Capture"

// CaptureRequest asks for one event in PostHog (J-137).
type CaptureRequest struct {
	Step       Step            `json:"step"`
	Event      string          `json:"event"`
	Properties json.RawMessage `json:"properties"`
	OccurredAt time.Time       `json:"occurredAt"`
}

// Sealed marks what tells about somebody.
func (CaptureRequest) Sealed() {}

// Capture logs the event and, where there is a PostHog, hands it to the outbox in
// the same transaction. Its id comes of the step, so that PostHog knows a repetition.
func (a *Activities) Capture(ctx context.Context, r CaptureRequest) (Effect, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return Effect{}, final(err)
	}
	key := names.CaptureKey(r.Step.EnrollmentID, r.Step.Key)
	var effect Effect
	err = a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		effect = Effect{}
		done, err := tx.Q.StepLogFind(ctx, id, r.Step.Key, "captured")
		if err != nil {
			return fmt.Errorf("find step: %w", err)
		}
		e := tx.Enrollment
		if effect.Ended = !store.Live(e.Status); effect.Ended || len(done) > 0 {
			return nil
		}
		if effect.Held, err = a.holdOf(ctx, tx, r.Step); err != nil || effect.Held != nil {
			return err
		}
		a.log(ctx, tx, r.Step, "captured", e.Node, e.Node, map[string]any{"event": r.Event})
		if !a.Config.PostHog {
			return nil
		}
		payload, err := json.Marshal(store.CapturePayload{
			UUID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)).String(), ContactID: e.ContactID.String(),
			Event: r.Event, Properties: r.Properties, Timestamp: r.OccurredAt,
		})
		if err != nil {
			return fmt.Errorf("encode capture: %w", err)
		}
		tx.Add(func(q *storedb.Queries) error {
			return q.CaptureInsert(ctx, storedb.CaptureInsertParams{
				ID: uuid.Must(uuid.NewV7()), ContactID: e.ContactID, Destination: store.OutboxCapture.Destination(), Kind: string(store.OutboxCapture),
				Key: key, Payload: payload, Now: tx.Now,
			})
		})
		return nil
	})
	return effect, err
}
