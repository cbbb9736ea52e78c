package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// loadChoices makes, locks and reads the records of the addresses for which changes choose
// lists. The function that it returns hands them to the decider.
func (t *transaction) loadChoices(ctx context.Context, p *store.Pipeline) func() error {
	var ids []uuid.UUID
	var emails, keys []string
	for _, c := range t.changes {
		if len(c.Lists()) == 0 || !c.Active() || c.Deleted || c.EmailKey == "" || slices.Contains(keys, c.EmailKey) {
			continue
		}
		email := c.EmailKey
		if contact := c.Contact.Survivor(); contact.EmailKey == email {
			email = contact.Email
		}
		ids, emails, keys = append(ids, NewID()), append(emails, email), append(keys, c.EmailKey)
	}
	if len(keys) == 0 || t.engine.cfg.Simulated {
		return func() error { return nil }
	}
	var rows []storedb.PreferencesLockRow
	p.Add(func(q *storedb.Queries) error { return q.PreferencesEnsure(ctx, ids, emails, keys) })
	p.Add(func(q *storedb.Queries) (err error) { rows, err = q.PreferencesLock(ctx, keys); return err })
	return func() error {
		t.decider.Choices = make(map[string]decide.OptOuts, len(rows))
		for _, row := range rows {
			said := decide.OptOuts{UnsubscribedAll: row.UnsubscribedAll}
			if err := json.Unmarshal(row.Categories, &said.Categories); err != nil {
				return fmt.Errorf("decode categories: %w", err)
			}
			t.decider.Choices[row.EmailKey] = said
		}
		return nil
	}
}
