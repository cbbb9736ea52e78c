package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// pauseGate is what an effect asks, in its own transaction, before it begins: is the
// journey paused, and was this step held before.
type pauseGate struct {
	step   contract.Step
	ids    []string // of the journey
	paused []storedb.PauseFindRow
	newest []storedb.PausedEffect
}

func (a *Activities) pauseGate(tx *store.EnrollmentTx, step contract.Step) *pauseGate {
	return &pauseGate{step: step, ids: a.Registry.IDs(tx.Enrollment.JourneyID)}
}

// queue adds the questions. The shared lock makes a pause wait until this
// transaction has ended, so that its commit is a line no effect crosses (J-108).
func (g *pauseGate) queue(ctx context.Context, p *store.Pipeline) {
	id := uuid.MustParse(g.step.EnrollmentID) // the transaction is that enrollment's
	p.Add(func(q *storedb.Queries) error { return q.PauseShare(ctx, g.ids) })
	p.Add(func(q *storedb.Queries) (err error) { g.paused, err = q.PauseFind(ctx, g.ids); return err })
	p.Add(func(q *storedb.Queries) (err error) {
		g.newest, err = q.PausedEffectFind(ctx, id, g.step.Key)
		return err
	})
}

// effect is how the step was held before.
func (g *pauseGate) effect() steps.PausedEffect {
	if len(g.newest) == 0 {
		return steps.PausedEffect{}
	}
	p := g.newest[0]
	e := steps.PausedEffect{N: int(p.N), Closed: p.ClosedAt != nil, Skip: p.Skip}
	if p.DueAt != nil {
		e.DueAt = *p.DueAt
	}
	return e
}

// hold queues that the pause holds the step, once per pause.
func (a *Activities) hold(ctx context.Context, tx *store.EnrollmentTx, g *pauseGate, isSend bool) *contract.PausedEffect {
	held := &contract.PausedEffect{EnrollmentID: g.step.EnrollmentID, Node: steps.PausedNode(g.step.Node)}
	if g.effect().Open() {
		held.ID = g.newest[0].ID.String()
		return held
	}
	row := storedb.PausedEffectInsertParams{
		ID: uuid.Must(uuid.NewV7()), EnrollmentID: tx.Enrollment.ID, JourneyID: g.paused[0].JourneyID,
		StepKey: g.step.Key, N: int32(g.effect().N) + 1, Node: g.step.Node, IsSend: isSend, Now: tx.Now, //nolint:gosec // counts pauses
	}
	held.ID = row.ID.String()
	tx.Add(func(q *storedb.Queries) error { return q.PausedEffectInsert(ctx, row) })
	a.move(ctx, tx, contract.Step{Key: contract.PauseLogKey(row.StepKey, row.N)}, "paused", contract.EnrollmentWaiting, tx.Enrollment.Node, held.Node, nil)
	return held
}

// begin decides whether an effect that is no send begins, and holds it if a pause does
// (J-101). It is asked in the effect's own transaction, before anything is queued there.
func (a *Activities) begin(ctx context.Context, tx *store.EnrollmentTx, step contract.Step, done bool) (runs bool, effect contract.Effect, err error) {
	gate := a.pauseGate(tx, step)
	if err := tx.Read(ctx, func(p *store.Pipeline) { gate.queue(ctx, p) }); err != nil {
		return false, effect, fmt.Errorf("look for a pause: %w", err)
	}
	switch steps.Effect(tx.Enrollment.Status, done, len(gate.paused) > 0, gate.effect()) {
	case steps.EffectEnded:
		effect.Ended = true
	case steps.EffectHeld:
		effect.Held = a.hold(ctx, tx, gate, false)
	case steps.EffectDone:
	case steps.EffectRuns:
		return true, effect, nil
	}
	return false, effect, nil
}

// holdEffect holds an effect that another transaction found paused. The zero Effect
// says that it may be tried again, because the journey has resumed.
func (a *Activities) holdEffect(ctx context.Context, id uuid.UUID, step contract.Step) (contract.Effect, error) {
	var effect contract.Effect
	err := a.Store.WithEnrollment(ctx, id, nil, func(tx *store.EnrollmentTx) (err error) {
		_, effect, err = a.begin(ctx, tx, step, false)
		return err
	})
	return effect, err
}

// AbandonPausedEffect gives up a held effect, because its author canceled the context (J-119).
func (a *Activities) AbandonPausedEffect(ctx context.Context, p contract.PausedEffect) (contract.Effect, error) {
	id, err := parseID(p.EnrollmentID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	effectID, err := parseID(p.ID)
	if err != nil {
		return contract.Effect{}, final(err)
	}
	_, err = pause.Release(ctx, a.Store, id, effectID, pause.Outcome{BuildID: a.Config.BuildID})
	if errors.Is(err, store.ErrNotFound) {
		return contract.Effect{Ended: true}, nil // erased since
	}
	if err != nil {
		return contract.Effect{}, fmt.Errorf("abandon paused effect: %w", err)
	}
	row, err := a.Store.EnrollmentGet(ctx, id)
	if err != nil {
		return contract.Effect{}, fmt.Errorf("read enrollment: %w", err)
	}
	return contract.Effect{Ended: !row.Enrollment.Status.Live()}, nil
}
