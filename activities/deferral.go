package activities

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
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

// state is what the gate looks at.
func (d *deferral) state() steps.Deferral {
	if len(d.found) == 0 {
		return steps.Deferral{}
	}
	newest := d.found[0]
	return steps.Deferral{
		Times: int(newest.N), Since: newest.Since.UTC(), Open: d.open != nil, Due: newest.Wait.Deadline.UTC(), Reason: contract.SendReason(newest.Reason),
	}
}

func (d *deferral) told() *contract.Deferral {
	return toldOf(d.open.ID, d.open.StepKey, d.open.Label, *d.open.Deadline)
}

func toldOf(id uuid.UUID, stepKey, node string, until time.Time) *contract.Deferral {
	return &contract.Deferral{WaitID: id.String(), StepKey: stepKey, Node: node, Until: until.UTC()}
}

// close queues the end of the wait that the send stands at.
func (d *deferral) close(ctx context.Context, tx *store.EnrollmentTx) {
	if d.open != nil {
		id := d.open.ID
		tx.Add(func(q *storedb.Queries) error { return q.WaitClose(ctx, contract.WaitTimedOut, &tx.Now, id) })
	}
}

// deferSend queues a deferral: nothing is claimed, the enrollment waits (J-134).
func (a *Activities) deferSend(ctx context.Context, tx *store.EnrollmentTx, g *gate, out steps.GateOutcome) *contract.Deferral {
	r, until := g.request, out.Until
	wait := storedb.WaitInsertParams{
		ID: uuid.Must(uuid.NewV7()), EnrollmentID: tx.Enrollment.ID, ContactID: tx.Enrollment.ContactID,
		StepKey: g.deferral.prefix + strconv.Itoa(g.deferral.state().Times+1),
		Label:   contract.DeferredNode(r), Deadline: &until, Status: contract.WaitOpen, RegisteredAt: tx.Now,
		Priority: keptFor(g), Category: &g.draft.category, EmailKey: &g.emailKey,
	}
	tx.Add(func(q *storedb.Queries) error { return q.WaitInsert(ctx, wait) })
	a.move(ctx, tx, contract.Step{Key: wait.StepKey, LongHistory: r.Step.LongHistory}, "send_gated", contract.EnrollmentWaiting, tx.Enrollment.Node, wait.Label,
		map[string]any{"template": r.Template, "reason": out.Refusal.Reason, "until": until})
	return toldOf(wait.ID, wait.StepKey, wait.Label, until)
}

// keptFor is the priority with which a deferred send keeps places of a cap: one to somebody
// else is no rival of its enrollment's contact, to whom its wait belongs (E-83).
func keptFor(g *gate) *int32 {
	if g.elsewhere() {
		return nil
	}
	p := int32(g.limits.Priority) //nolint:gosec // at most 1,000
	return &p
}

// behind reports that another deferred send of the contact is to be tried first: they
// come in order of their priority, due time and creation (E-27).
func behind(ctx context.Context, tx *store.Tx, g *gate, turn storedb.DeferralsAheadParams) (bool, error) {
	turn.ContactID, turn.Now = g.draft.contactID(), tx.Now
	if kept := keptFor(g); kept != nil {
		turn.Priority = *kept
	}
	ahead, err := tx.Q.DeferralsAhead(ctx, turn)
	if err != nil {
		return false, fmt.Errorf("look for deferred sends: %w", err)
	}
	return len(ahead) > 0, nil
}

// givesWay lets whoever is not first be tried again a moment later.
func givesWay() error {
	return temporal.NewApplicationErrorWithOptions("another deferred send of the contact comes first", "NotItsTurn",
		temporal.ApplicationErrorOptions{NextRetryDelay: steps.TurnPause})
}

// giveUpDeferral ends the deferral of a send that cannot be tried again, because its
// template does not render any more, and returns cause.
func (a *Activities) giveUpDeferral(ctx context.Context, id uuid.UUID, r contract.SendRequest, cause error) error {
	var invalid *hogsend.ValidationError
	if !errors.As(cause, &invalid) {
		return cause
	}
	err := a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) error {
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
