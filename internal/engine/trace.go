package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/traceparent"
)

// trace notes of which trace changes are that come with a context of one.
func trace(ctx context.Context, changes []*decide.Change) {
	if parent := traceparent.Of(ctx); parent != "" {
		for _, c := range changes {
			c.Trace = parent
		}
	}
}

// traceOutbox lets each row of the outbox go on with the trace of the change that caused it:
// several changes share a transaction.
func (t *transaction) traceOutbox(e *decide.Effects) {
	if t.traces == nil {
		t.traces = map[uuid.UUID]string{}
		for _, c := range t.changes {
			if c.Trace != "" {
				t.traces[c.ID] = c.Trace
			}
		}
	}
	if len(t.traces) == 0 {
		return
	}
	for i := range e.Events {
		if of, ok := t.traces[e.Events[i].CauseID]; ok {
			t.traces[e.Events[i].ID] = of
		}
	}
	for i := range e.Outbox {
		m := &e.Outbox[i]
		if m.Trace = t.traces[m.EventID]; m.Trace == "" && len(t.changes) == 1 {
			m.Trace = t.changes[0].Trace
		}
	}
}
