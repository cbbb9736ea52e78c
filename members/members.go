// Package members tells an author's own program who is in a bucket. It reads the
// database of the product and changes nothing.
//
//	db, err := members.Open(ctx, os.Getenv("DATABASE_URL"))
//	…
//	for m, err := range db.Of("went-dormant").All(ctx) { … }
package members

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// DB is the product's database. It is safe for concurrent use.
type DB struct{ store *store.Store }

// Open connects lazily: it fails only on a malformed address, other failures are those
// of the first use.
func Open(ctx context.Context, databaseURL string) (*DB, error) {
	if databaseURL == "" {
		return nil, errors.New("open database: no address given")
	}
	s, err := store.Open(ctx, store.Config{URL: databaseURL, MaxConns: 4})
	if err != nil {
		return nil, err
	}
	return &DB{store: s}, nil
}

// Close closes the connections, those of iterations under way too once they are done.
func (d *DB) Close() { d.store.Close() }

// Of is the bucket with that id. One that was never registered has no members; one that
// is disabled or gone has those that it had (B-51).
func (d *DB) Of(bucketID string) Bucket { return Bucket{store: d.store, id: bucketID} }

// Bucket is one bucket as its members see it: the live contacts with an active stay in
// it, nobody else (B-56).
type Bucket struct {
	store *store.Store
	id    string
}

// Member is one of them.
type Member struct {
	ID        string `json:"id"`        // uuid of the stay
	ContactID string `json:"contactId"` // uuid
	UserID    string `json:"userId"`    // the contact key: external id, else anonymous id, else uuid
	UserEmail string `json:"userEmail"` // "" if none
	// EnteredAt is when the stay began, EntryCount which stay of the contact in the
	// bucket it is, from 1.
	EnteredAt  time.Time `json:"enteredAt"`
	EntryCount int       `json:"entryCount"`
}

// Page is a part of the members, by the id of their stays.
type Page struct {
	Members []Member
	// Total are all members, on whatever page.
	Total int64
	// Cursor begins the next page; "" on the last one.
	Cursor string
}

// The limits of a page (B-57).
const (
	defaultLimit = 50
	maxLimit     = 100
)

// Count is how many members there are.
func (b Bucket) Count(ctx context.Context) (int64, error) {
	n, err := b.store.MembersCount(ctx, b.id)
	if err != nil {
		return 0, fmt.Errorf("count members of %s: %w", b.id, err)
	}
	return n, nil
}

// Has reports whether a contact, named by uuid or contact key, is one of them. It is
// false for an unknown or deleted contact, and with any error.
func (b Bucket) Has(ctx context.Context, contact string) (bool, error) {
	c, ok, err := b.store.ContactFind(ctx, contact)
	if err == nil && ok {
		ok, err = b.store.MembersHas(ctx, c.ID, b.id)
	}
	if err != nil {
		return false, fmt.Errorf("look for a member of %s: %w", b.id, err)
	}
	return ok, nil
}

// Members returns up to limit members behind a cursor, which is that of the page before
// or "". A limit of 0 or less means 50, one above 100 means 100 (B-57).
func (b Bucket) Members(ctx context.Context, limit int, cursor string) (Page, error) {
	total, err := b.Count(ctx)
	if err != nil {
		return Page{}, err
	}
	page, err := b.page(ctx, limit, cursor)
	page.Total = total
	return page, err
}

func (b Bucket) page(ctx context.Context, limit int, cursor string) (Page, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	after := uuid.Nil
	if cursor != "" {
		var err error
		if after, err = uuid.Parse(cursor); err != nil {
			return Page{}, fmt.Errorf("list members of %s: cursor %q is none of ours", b.id, cursor)
		}
	}
	rows, err := b.store.MembersPage(ctx, b.id, after, int32(limit)+1) // at most maxLimit
	if err != nil {
		return Page{}, fmt.Errorf("list members of %s: %w", b.id, err)
	}
	var page Page
	if len(rows) > limit {
		rows = rows[:limit]
		page.Cursor = rows[limit-1].ID.String()
	}
	page.Members = make([]Member, len(rows))
	for i := range rows {
		page.Members[i] = memberOf(&rows[i])
	}
	return page, nil
}

func memberOf(row *storedb.MembersPageRow) Member {
	m := Member{
		ID: row.ID.String(), ContactID: row.ContactID.String(), UserID: row.ContactID.String(),
		EnteredAt: row.EnteredAt.UTC(), EntryCount: int(row.Epoch),
	}
	if row.Email != nil {
		m.UserEmail = *row.Email
	}
	if row.ExternalID != nil {
		m.UserID = *row.ExternalID
	}
	return m
}

// All yields each member that stays during the iteration exactly once, by the id of
// the stay, and of those who come and go meanwhile any. It ends with an error when a
// page cannot be read, which is yielded with a zero Member.
func (b Bucket) All(ctx context.Context) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		for cursor := ""; ; {
			page, err := b.page(ctx, maxLimit, cursor)
			if err != nil {
				yield(Member{}, err)
				return
			}
			for _, member := range page.Members {
				if !yield(member, nil) {
					return
				}
			}
			if cursor = page.Cursor; cursor == "" {
				return
			}
		}
	}
}
