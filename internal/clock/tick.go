package clock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// tick applies what has come for contacts: of those that nobody holds in one
// transaction, of the others one by one, so that a contact delays only itself (W-13).
func (c *Clock) tick(ctx context.Context, part []*due) error {
	ids := make([]uuid.UUID, len(part))
	for i, d := range part {
		ids[i] = d.contactID
	}
	free, err := c.engine.Store.ClockFree(ctx, ids)
	if err != nil {
		return fmt.Errorf("look for held contacts: %w", err)
	}
	held := slices.DeleteFunc(slices.Clone(part), func(d *due) bool { return slices.Contains(free, d.contactID) })
	errs := c.together(ctx, slices.DeleteFunc(slices.Clone(part), func(d *due) bool { return !slices.Contains(free, d.contactID) }), engine.MaxDuration)
	for _, d := range held {
		errs = errors.Join(errs, c.together(ctx, []*due{d}, lockPatience))
	}
	return errs
}

// lockPatience is how long the clock waits for a contact that somebody else holds.
const lockPatience = 500 * time.Millisecond

// together applies what has come for contacts in one transaction; if that fails, for
// halves of them, down to the one that is kept aside.
func (c *Clock) together(ctx context.Context, part []*due, patience time.Duration) error {
	if len(part) == 0 {
		return nil
	}
	changes := make([]*decide.Change, len(part))
	for i, d := range part {
		changes[i] = c.engine.ChangeOf(d.contactID, &decide.Tick{Edges: d.edges})
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	err := c.engine.Apply(limited, changes...)
	cancel()
	switch {
	case err == nil:
		return c.forgetRetries(ctx, part)
	case ctx.Err() != nil:
		return ctx.Err()
	case len(part) > 1:
		return errors.Join(c.together(ctx, part[:len(part)/2], lockPatience), c.together(ctx, part[len(part)/2:], lockPatience))
	}
	d := part[0]
	c.engine.Config().Logger.WarnContext(ctx, "clock keeps a contact aside", "contact_id", d.contactID, "error", err)
	buckets, instants := []string{""}, []time.Time{d.first}
	for _, edge := range d.edges {
		buckets, instants = append(buckets, edge.BucketID), append(instants, edge.At)
	}
	if err := c.engine.Store.ClockRetriesUpsert(ctx, storedb.ClockRetriesUpsertParams{ContactID: d.contactID, BucketIds: buckets, Instants: instants, Error: err.Error()}); err != nil {
		return fmt.Errorf("keep contact aside: %w", err)
	}
	return nil
}

func (c *Clock) forgetRetries(ctx context.Context, part []*due) error {
	ids := make([]uuid.UUID, len(part))
	for i, d := range part {
		ids[i] = d.contactID
	}
	if err := c.engine.Store.ClockRetriesDelete(ctx, ids); err != nil {
		return fmt.Errorf("forget retries: %w", err)
	}
	return nil
}
