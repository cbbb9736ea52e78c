package onpostgres

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/pause"
)

// Tick implements backend.Backend: the clock of production and its schedules.
func (b *Backend) Tick() (next time.Time, more bool, err error) {
	if err := b.set(0); err != nil {
		return next, false, err
	}
	wait := clock.Never
	dates := slices.ContainsFunc(b.Registry.Journeys, func(j hogsend.Journey) bool { return j.Trigger.Date != nil })
	if len(b.Registry.Buckets) > 0 || dates {
		for wait = 0; wait == 0; {
			if wait, err = b.clock.Round(b.ctx); err != nil {
				return next, false, fmt.Errorf("run clock: %w", err)
			}
		}
	}
	if b.Schedules {
		until, err := b.tellMembers()
		if err != nil {
			return next, false, err
		}
		wait = min(wait, until)
	}
	return b.Now().Add(wait), wait != clock.Never, nil
}

// tellMembers tells members of the instants of schedules that are due.
func (b *Backend) tellMembers() (wait time.Duration, err error) {
	for wait == 0 {
		if wait, err = b.clock.Due(b.ctx); err != nil {
			return 0, fmt.Errorf("run schedules: %w", err)
		}
	}
	return wait, nil
}

// Release implements backend.Backend: what the releaser does, without its pace.
func (b *Backend) Release() (next time.Time, more bool, err error) {
	if err := b.set(0); err != nil {
		return next, false, err
	}
	held, err := b.store.PausedEffectsDue(b.ctx, b.Now(), 100)
	if err != nil {
		return next, false, fmt.Errorf("find held effects: %w", err)
	}
	for _, h := range held {
		if h.Leaves {
			if err := b.ingester.LeaveLate(b.ctx, h.EnrollmentID); err != nil {
				return next, false, fmt.Errorf("end held entry: %w", err)
			}
		}
		if _, err := pause.Release(b.ctx, b.store, h.EnrollmentID, h.ID, pause.Outcome{Signal: contract.SignalWait, Key: contract.ReleaseKey(h.ID.String())}); err != nil {
			return next, false, fmt.Errorf("release held effect: %w", err)
		}
	}
	err = b.store.Pool.QueryRow(b.ctx, `select min(h.due_at) from paused_effects h where h.closed_at is null and h.due_at is not null
		and not exists (select from journey_configs c where c.journey_id = h.journey_id and c.paused_at is not null) having count(*) > 0`).Scan(&next)
	if errors.Is(err, pgx.ErrNoRows) {
		return next, false, nil
	}
	return next, err == nil, err
}

// Outbox implements backend.Backend.
func (b *Backend) Outbox() ([]backend.Message, error) {
	rows, err := b.store.Pool.Query(b.ctx, `update outbox set status = 'delivered' where status = 'pending' and destination = $1 returning seq, kind, payload`, contract.ToTemporal)
	if err != nil {
		return nil, fmt.Errorf("take outbox: %w", err)
	}
	type row struct {
		Seq     int64
		Kind    contract.OutboxKind
		Payload json.RawMessage
	}
	taken, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, fmt.Errorf("take outbox: %w", err)
	}
	slices.SortFunc(taken, func(x, y row) int { return cmp.Compare(x.Seq, y.Seq) })
	messages := make([]backend.Message, len(taken))
	for i, r := range taken {
		if messages[i].Payload, err = payloadOf(r.Kind, r.Payload); err != nil {
			return nil, err
		}
		messages[i].Kind = r.Kind
	}
	return messages, nil
}

func payloadOf(kind contract.OutboxKind, raw json.RawMessage) (any, error) {
	switch kind {
	case contract.OutboxStart:
		return decoded[contract.StartPayload](raw)
	case contract.OutboxSignal:
		return decoded[contract.SignalPayload](raw)
	case contract.OutboxCancel:
		return decoded[contract.CancelPayload](raw)
	case contract.OutboxDwell:
		return decoded[contract.DwellPayload](raw)
	}
	return nil, fmt.Errorf("outbox holds a %s", kind)
}

func decoded[Payload any](raw json.RawMessage) (any, error) {
	var p Payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return p, nil
}
