package effects

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// writeChoices writes of several choices of one address the last, which has all of them.
func writeChoices(ctx context.Context, add func(Statement), all []decide.ChoiceWrite) error {
	if len(all) == 0 {
		return nil
	}
	var p storedb.PreferencesChooseParams
	written := map[string]bool{}
	for _, c := range slices.Backward(all) {
		if written[c.EmailKey] {
			continue
		}
		written[c.EmailKey] = true
		body, err := json.Marshal(c.Categories)
		if err != nil {
			return fmt.Errorf("encode categories: %w", err)
		}
		p.EmailKeys, p.ContactIds = append(p.EmailKeys, c.EmailKey), append(p.ContactIds, c.ContactID)
		p.Categories, p.Instants = append(p.Categories, body), append(p.Instants, c.At)
	}
	add(func(q *storedb.Queries) error { return q.PreferencesChoose(ctx, p) })
	return nil
}
