package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// deferral is how a send was deferred so far. Each time is a wait of its own, of which
// at most the newest is open (E-26).
type deferral struct {
	prefix string // of the step keys
	found  []storedb.DeferralNewestRow
	// open is the wait that the send stands at, nil for none.
	open *storedb.Wait
}

func deferralOf(r contract.SendRequest) *deferral {
	// A send that is tried anew after it failed for good begins anew (J-96).
	return &deferral{prefix: strings.TrimPrefix(r.Key, r.Step.EnrollmentID+":") + ":defer#"}
}

func (d *deferral) queue(ctx context.Context, p *store.Pipeline, enrollmentID uuid.UUID) {
	p.Add(func(q *storedb.Queries) (err error) {
		d.found, err = q.DeferralNewest(ctx, enrollmentID, d.prefix)
		if len(d.found) > 0 && d.found[0].Wait.Status == contract.WaitOpen {
			d.open = &d.found[0].Wait
		}
		return err
	})
}

// early reports that the send is not to be tried yet.
func (d *deferral) early(now time.Time) bool { return d.open != nil && d.open.Deadline.After(now) }

func (d *deferral) told() *contract.Deferral {
	return toldOf(d.open.ID, d.open.StepKey, d.open.Label, *d.open.Deadline)
}

func toldOf(id uuid.UUID, stepKey, node string, until time.Time) *contract.Deferral {
	return &contract.Deferral{WaitID: id.String(), StepKey: stepKey, Node: node, Until: until.UTC()}
}

// firstTry is when the send was tried first (E-27).
func (d *deferral) firstTry(now time.Time) time.Time {
	if len(d.found) == 0 {
		return now
	}
	return d.found[0].Since.UTC()
}

// close queues the end of the wait that the send stands at.
func (d *deferral) close(ctx context.Context, tx *store.EnrollmentTx) {
	if d.open != nil {
		id := d.open.ID
		tx.Add(func(q *storedb.Queries) error { return q.WaitClose(ctx, contract.WaitTimedOut, &tx.Now, id) })
	}
}

// deferredUntil is until when a refused send is deferred, zero if it is not. A gap of
// the journey's defers only what says so itself (J-133). The last try is at the end of
// the longest deferral (E-27).
func (a *Activities) deferredUntil(now time.Time, g *gate, refused *refusal) time.Time {
	if refused == nil || refused.until.IsZero() {
		return time.Time{}
	}
	how := g.request.OnHold
	if how == "" && refused.reason != contract.SendMinGap {
		how = a.Registry.Defaults().OnHold
	}
	last := g.deferral.firstTry(now).Add(a.Registry.Defaults().MaxDefer)
	switch {
	case how != hogsend.Defer || !now.Before(last):
		return time.Time{}
	case refused.until.After(last):
		return last
	}
	return refused.until
}

// deferSend queues a deferral: nothing is claimed, the enrollment waits (J-134).
func (a *Activities) deferSend(ctx context.Context, tx *store.EnrollmentTx, g *gate, refused *refusal, until time.Time) *contract.Deferral {
	n := 1
	if len(g.deferral.found) > 0 {
		n += int(g.deferral.found[0].N)
	}
	step := g.request.Step
	wait := storedb.WaitInsertParams{
		ID: uuid.Must(uuid.NewV7()), EnrollmentID: tx.Enrollment.ID, ContactID: tx.Enrollment.ContactID, StepKey: g.deferral.prefix + strconv.Itoa(n),
		Label: contract.DeferredNode(g.request), Deadline: &until, Status: contract.WaitOpen, RegisteredAt: tx.Now,
	}
	tx.Add(func(q *storedb.Queries) error { return q.WaitInsert(ctx, wait) })
	a.move(ctx, tx, contract.Step{Key: wait.StepKey, LongHistory: step.LongHistory}, "send_gated", contract.EnrollmentWaiting, tx.Enrollment.Node, wait.Label,
		map[string]any{"template": g.request.Template, "reason": refused.reason, "until": until})
	return toldOf(wait.ID, wait.StepKey, wait.Label, until)
}

// deferredTooLong refuses what was deferred for longer than it may be, for the reason
// that it was deferred for (E-27).
func (a *Activities) deferredTooLong(ctx context.Context, tx *store.EnrollmentTx, g *gate) (*refusal, error) {
	if g.deferral.open == nil || tx.Now.Sub(g.deferral.firstTry(tx.Now)) <= a.Registry.Defaults().MaxDefer {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	details, err := tx.Q.StepLogFind(ctx, tx.Enrollment.ID, g.deferral.open.StepKey, "send_gated")
	if err != nil {
		return nil, fmt.Errorf("read why a send was deferred: %w", err)
	}
	var detail struct{ Reason contract.SendReason }
	for _, raw := range details {
		if err := json.Unmarshal(raw, &detail); err != nil {
			return nil, fmt.Errorf("decode why a send was deferred: %w", err)
		}
	}
	return &refusal{status: contract.SendSkipped, reason: detail.Reason}, nil
}

const (
	// turnPause is how long a deferred send lets one go first that was due before it,
	// turns how often: what stands still for longer, as its workflow is blocked, keeps
	// nobody waiting (E-27).
	turnPause = 500 * time.Millisecond
	turns     = 20
)

// awaitTurn lets the deferred sends of a contact be tried in order of their due time,
// then of their creation: whoever is not first is tried again a moment later.
func (a *Activities) awaitTurn(ctx context.Context, tx *store.EnrollmentTx, d *deferral) error {
	if d.open == nil || activity.IsActivity(ctx) && activity.GetInfo(ctx).Attempt > turns {
		return nil
	}
	ahead, err := tx.Q.DeferralsAhead(ctx, storedb.DeferralsAheadParams{
		ContactID: tx.Enrollment.ContactID, Now: tx.Now, DueAt: *d.open.Deadline, RegisteredAt: d.open.RegisteredAt, ID: d.open.ID,
	})
	if err != nil {
		return fmt.Errorf("look for deferred sends: %w", err)
	}
	if len(ahead) == 0 {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions("another deferred send of the contact comes first", "NotItsTurn",
		temporal.ApplicationErrorOptions{NextRetryDelay: turnPause})
}

// giveUpDeferral ends the deferral of a send that cannot be tried again, because its
// template does not render any more, and returns cause.
func (a *Activities) giveUpDeferral(ctx context.Context, id uuid.UUID, r contract.SendRequest, cause error) error {
	var invalid *hogsend.ValidationError
	if !errors.As(cause, &invalid) {
		return cause
	}
	err := a.Store.WithEnrollment(ctx, id, func(tx *store.EnrollmentTx) error {
		d := deferralOf(r)
		if err := tx.Read(ctx, func(p *store.Pipeline) { d.queue(ctx, p, id) }); err != nil {
			return fmt.Errorf("find deferral: %w", err)
		}
		if d.open != nil {
			d.close(ctx, tx)
			a.stand(ctx, tx, contract.EnrollmentActive, r.Step.Node)
		}
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err // the whole send is tried again
	}
	return cause
}
