package engine

import (
	"fmt"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Statement is one statement that is made in a transaction: exactly one generated call.
type Statement = func(q *storedb.Queries) error

// written checks that a statement under the contacts' locks found what was read there.
func written(what string, n int64, want int, err error) error {
	if err == nil && n != int64(want) {
		return fmt.Errorf("%s: %d of %d rows were as read: %w", what, n, want, decide.ErrStale)
	}
	return err
}
