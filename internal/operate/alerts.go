package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// maxAlertRules is how many rules there may be: each is evaluated every minute.
const maxAlertRules = 100

// ErrTooManyRules says that there are as many alert rules as there may be.
var ErrTooManyRules = errors.New("there are 100 alert rules already")

// InsertAlert makes an alert rule.
func (d *Desk) InsertAlert(ctx context.Context, by store.Actor, p storedb.AlertRuleInsertParams) error {
	err := d.Store.Change(ctx, func(q *storedb.Queries) error {
		n, err := q.AlertRulesCount(ctx)
		if err != nil {
			return err
		}
		if n >= maxAlertRules {
			return ErrTooManyRules
		}
		if err := q.AlertRuleInsert(ctx, p); err != nil {
			return err
		}
		e := entry(by, "alerts.create", p.ID.String())
		e.Detail.Given("name", p.Name)
		e.Detail.Given("type", p.Type)
		e.Detail.Given("channel", p.Channel)
		return e.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("make alert rule: %w", err)
	}
	return nil
}

// ErrEdited says that somebody else changed a rule meanwhile: read it, and change it again.
var ErrEdited = errors.New("alert rule was changed meanwhile")

// EditAlert changes an alert rule from how it was read. It is store.ErrNotFound for
// one that is gone, ErrEdited for one that is not as it was read.
func (d *Desk) EditAlert(ctx context.Context, by store.Actor, before, rule storedb.AlertRule) (storedb.AlertRule, error) {
	id := before.ID
	err := d.Store.Change(ctx, func(q *storedb.Queries) error {
		rows, err := q.AlertRuleEdit(ctx, id)
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return store.ErrNotFound
		case !rows[0].UpdatedAt.Equal(before.UpdatedAt):
			return ErrEdited
		}
		rule.LastFiredAt = rows[0].LastFiredAt
		rule.UpdatedAt = time.Now().UTC().Truncate(time.Microsecond)
		if err := q.AlertRuleUpdate(ctx, storedb.AlertRuleUpdateParams{
			ID: id, Name: rule.Name, Threshold: rule.Threshold, Config: rule.Config, Shown: rule.Shown, Enabled: rule.Enabled, CooldownMinutes: rule.CooldownMinutes, Now: rule.UpdatedAt,
		}); err != nil {
			return err
		}
		e := entry(by, "alerts.update", id.String())
		e.Detail.Changed("name", before.Name, rule.Name)
		e.Detail.Changed("threshold", string(before.Threshold), string(rule.Threshold))
		e.Detail.Changed("channelConfig", string(before.Shown), string(rule.Shown))
		e.Detail.Changed("enabled", before.Enabled, rule.Enabled)
		e.Detail.Changed("cooldownMinutes", before.CooldownMinutes, rule.CooldownMinutes)
		return e.Write(ctx)(q)
	})
	if err != nil {
		return rule, fmt.Errorf("change alert rule: %w", err)
	}
	return rule, nil
}

// DeleteAlert deletes an alert rule with its history. It is store.ErrNotFound for an
// unknown one.
func (d *Desk) DeleteAlert(ctx context.Context, by store.Actor, id uuid.UUID) error {
	err := d.Store.Change(ctx, func(q *storedb.Queries) error {
		n, err := q.AlertRuleDelete(ctx, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return entry(by, "alerts.delete", id.String()).Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("delete alert rule: %w", err)
	}
	return nil
}

// TriedAlert notes that the channel of a rule was tried.
func (d *Desk) TriedAlert(ctx context.Context, by store.Actor, id uuid.UUID, delivered bool) error {
	e := entry(by, "alerts.test", id.String())
	e.Detail.Given("delivered", delivered)
	if err := d.Store.Change(ctx, func(q *storedb.Queries) error { return e.Write(ctx)(q) }); err != nil {
		return fmt.Errorf("record test of alert rule: %w", err)
	}
	return nil
}
