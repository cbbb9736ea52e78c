package ingest_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/ingest"
)

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}

// I-23: of those that write an unknown person at one moment one makes the contact.
func TestOneOfManyMakesTheContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const many = 8
	var mu sync.Mutex
	created, refused := 0, 0
	together(many, func(i int) {
		var done ingest.Upserted
		var err error
		if i%2 == 0 {
			done, err = b.ingester.Upsert(t.Context(), ingest.Person{UserID: "u", Email: "u@x.io"})
		} else {
			done, err = b.ingester.Create(t.Context(), ingest.Person{UserID: "u", AnonymousID: "a"})
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, ingest.ErrExists):
			refused++
		case err != nil:
			t.Error(err)
		case done.Created:
			created++
		}
	})
	require.Equal(t, 1, created)
	require.GreaterOrEqual(t, refused, many/2-1)
	require.Equal(t, 1, b.count(`select count(*) from contacts`))
}

// R-118, I-29: merges of the same contacts and their events race, and one contact is left
// that has everything.
func TestMergesRaceWithEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.send(user("e", "one")).ContactID, b.send(user("e", "two")).ContactID
	merged := 0
	var mu sync.Mutex
	together(8, func(i int) {
		switch i % 4 {
		case 0, 1:
			into, from := one, two
			if i%2 == 1 {
				into, from = two, one
			}
			survivor, found, err := b.ingester.Merge(t.Context(), into, from)
			if errors.Is(err, ingest.ErrSame) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !found || survivor != one {
				t.Errorf("survivor %s, found %v: %v", survivor, found, err)
			}
			merged++
		case 2:
			b.send(user("e", "one"))
		default:
			b.send(user("e", "two"))
		}
	})
	require.Equal(t, 1, merged)
	require.Equal(t, 6, b.count(`select count(*) from events where contact_id = $1`, one))
	require.Equal(t, one, b.send(user("e", "two")).ContactID)
}
