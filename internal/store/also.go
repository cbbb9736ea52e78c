package store

import "github.com/hogsend/hogsend/internal/store/storedb"

// Also is what is written along with a change that an operator makes; changed is false when
// there was nothing to change.
type Also = func(q *storedb.Queries, changed bool) error

// WriteAlso writes it all, up to the first error.
func WriteAlso(q *storedb.Queries, changed bool, also []Also) error {
	for _, write := range also {
		if err := write(q, changed); err != nil {
			return err
		}
	}
	return nil
}
