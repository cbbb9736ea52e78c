package engine

import (
	"context"
	"slices"
	"time"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine/effects"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Statement is one statement that is made in a transaction: exactly one generated call.
type Statement = effects.Statement

// write queues what was decided.
func (t *transaction) write(ctx context.Context, p *store.Pipeline, e *decide.Effects) error {
	if o := t.engine.cfg.Observer; o != nil {
		o.Decided(e)
	}
	if t.engine.cfg.Measure.Applied != nil {
		t.applied.note(e)
	}
	t.traceOutbox(e)
	t.enqueued = t.enqueued || len(e.Outbox) > 0
	return effects.Write(ctx, p.Add, e, t.now, t.engine.cfg.BuildID)
}

// checked reports whether the statements of effects must be seen to have succeeded
// before the commit: only the reader of their results knows.
func checked(e *decide.Effects) bool {
	if e.Checked || len(e.Matched) > 0 || len(e.Ended) > 0 || len(e.Fired) > 0 {
		return true
	}
	if slices.ContainsFunc(e.Enrolled, func(n decide.NewEnrollment) bool { return n.Held != nil }) {
		return true
	}
	for i := range e.Transitions {
		if !e.Transitions[i].Enters {
			return true
		}
	}
	return false
}

// WriteNow writes effects in a transaction that is under way.
func (e *Engine) WriteNow(ctx context.Context, q *storedb.Queries, decided *decide.Effects, now time.Time) error {
	var err error
	write := func(statement Statement) {
		if err == nil {
			err = statement(q)
		}
	}
	if failed := effects.Write(ctx, write, decided, now, e.cfg.BuildID); failed != nil {
		return failed
	}
	return err
}
