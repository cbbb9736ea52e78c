package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ruleTime bounds the evaluation of one rule.
const ruleTime = 15 * time.Second

// Evaluate evaluates all enabled rules and returns the firings that are to be delivered,
// those of earlier rounds included whose delivery was not begun. Each rule is evaluated and
// fires under its lock, in a transaction of its own: of two processes one does, and one
// that dies leaves nothing or a firing which the next round delivers (O-13). What keeps a
// rule from being evaluated is in the error and keeps no other rule.
func Evaluate(ctx context.Context, s *store.Store) ([]uuid.UUID, error) {
	rules, err := s.AlertRulesEnabled(ctx)
	if err != nil {
		return nil, fmt.Errorf("list alert rules: %w", err)
	}
	var failed []error
	for _, r := range rules {
		if err := evaluate(ctx, s, r.ID); err != nil {
			failed = append(failed, fmt.Errorf("evaluate alert rule %s: %w", r.ID, err))
		}
	}
	pending, err := s.AlertsPending(ctx)
	if err != nil {
		failed = append(failed, fmt.Errorf("list firings: %w", err))
	}
	return pending, errors.Join(failed...)
}

func evaluate(ctx context.Context, s *store.Store, id uuid.UUID) error {
	ctx, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	return s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		rows, err := q.AlertRuleClaim(ctx, id)
		if err != nil || len(rows) == 0 {
			return err
		}
		rule := rows[0]
		now, err := q.IngestClock(ctx)
		if err != nil {
			return err
		}
		if Cools(rule.LastFiredAt, time.Duration(rule.CooldownMinutes)*time.Minute, now) {
			return nil
		}
		var t Threshold
		if err := json.Unmarshal(rule.Threshold, &t); err != nil {
			return fmt.Errorf("decode threshold: %w", err)
		}
		figures, err := look(ctx, q, Type(rule.Type), now.Add(-t.Window()), now)
		if err != nil {
			return err
		}
		value, sample, fires := t.Verdict(Type(rule.Type), figures)
		if !fires {
			return nil
		}
		payload, err := json.Marshal(Firing{
			Rule: rule.Name, RuleID: rule.ID.String(), Type: Type(rule.Type), Window: t.WindowMinutes, Value: value, Threshold: t.Limit(), Sample: sample,
			At: now.UTC().Truncate(time.Millisecond),
		})
		if err != nil {
			return fmt.Errorf("encode firing: %w", err)
		}
		return q.AlertFire(ctx, storedb.AlertFireParams{ID: uuid.Must(uuid.NewV7()), RuleID: rule.ID, Payload: payload, Now: now})
	})
}

// look reads what a type looks at.
func look(ctx context.Context, q *storedb.Queries, t Type, since, now time.Time) (f Figures, err error) {
	switch t {
	case Bounces, Complaints, Deliveries:
		row, err := q.AlertMails(ctx, now.Add(-knownAfter), since, now)
		return Figures{Sent: row.Sent, Bounced: row.Bounced, Complained: row.Complained, Judged: row.Judged, Delivered: row.Delivered}, err
	case Failures:
		f.Failed, err = q.AlertFailures(ctx, since, now)
	case Stranded:
		f.Stranded, err = q.AlertStranded(ctx)
	case Letters:
		f.Letters, err = q.AlertLetters(ctx, since, now)
	case OutboxLag:
		row, err := q.HealthOutbox(ctx, now)
		return Figures{Lag: row.LagSeconds}, err
	}
	return f, err
}
