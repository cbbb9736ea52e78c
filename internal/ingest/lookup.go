package ingest

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// found is a contact and what it was found by.
type found = storedb.IngestResolveUsersRow

// lookup is everything that the items of a transaction name, each once.
type lookup struct {
	users        []string
	kinds, names []string // of contact_keys
	addresses    []string
	ids, origins []uuid.UUID
	spaces, keys []string // of event_keys
	asked        map[contactKey]struct{}
}

func (t *transaction) lookups() *lookup {
	l := &lookup{asked: make(map[contactKey]struct{}, len(t.items))}
	for _, it := range t.items {
		ev := &it.event
		if l.first(kindUser, ev.UserID) {
			l.users = append(l.users, ev.UserID)
			if id, ok := parseID(ev.UserID); ok {
				l.ids = append(l.ids, id)
			}
		}
		if key := EmailKey(ev.Email); l.first(kindEmail, key) {
			l.kinds, l.names = append(l.kinds, kindEmail), append(l.names, key)
			l.addresses = append(l.addresses, key)
		}
		if l.first(kindAnonymous, ev.AnonymousID) {
			l.kinds, l.names = append(l.kinds, kindAnonymous), append(l.names, ev.AnonymousID)
		}
		if it.key != "" {
			l.spaces, l.keys = append(l.spaces, it.space), append(l.keys, it.key)
		}
		if it.kind != kindEvent && it.origin == uuid.Nil {
			l.ids = append(l.ids, it.contactID)
		}
		if it.origin != uuid.Nil {
			l.origins = append(l.origins, it.origin)
		}
	}
	return l
}

// first reports whether a key is given and was not asked for before.
func (l *lookup) first(kind, key string) bool {
	if key == "" {
		return false
	}
	k := contactKey{kind, key}
	_, before := l.asked[k]
	l.asked[k] = struct{}{}
	return !before
}

// queue adds the statements that find the contacts; what they found is there once
// the pipeline was sent.
func (l *lookup) queue(ctx context.Context, p *store.Pipeline) func() []found {
	var (
		users     []found
		keys      []storedb.IngestResolveKeysRow
		ids       []storedb.IngestResolveIDsRow
		addresses []storedb.IngestResolveAddressesRow
	)
	if len(l.users) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { users, err = q.IngestResolveUsers(ctx, l.users); return err })
	}
	if len(l.names) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			keys, err = q.IngestResolveKeys(ctx, l.kinds, l.names)
			return err
		})
	}
	if len(l.ids) > 0 {
		p.Add(func(q *storedb.Queries) (err error) { ids, err = q.IngestResolveIDs(ctx, l.ids); return err })
	}
	if len(l.addresses) > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			addresses, err = q.IngestResolveAddresses(ctx, l.addresses)
			return err
		})
	}
	return func() []found {
		for i := range keys {
			users = append(users, found(keys[i]))
		}
		for i := range ids {
			users = append(users, found(ids[i]))
		}
		for i := range addresses {
			users = append(users, found(addresses[i]))
		}
		return users
	}
}
