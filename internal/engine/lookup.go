package engine

import (
	"context"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// lookup is everything that the changes of a transaction name, each once.
type lookup struct {
	kinds, names []string // of contact_keys
	addresses    []string
	ids, origins []uuid.UUID
	spaces, keys []string // of event_keys
	asked        map[decide.ContactKey]struct{}
}

func newLookup(changes []*decide.Change) *lookup {
	l := &lookup{asked: make(map[decide.ContactKey]struct{}, len(changes))}
	for _, c := range changes {
		userID, email, anonymousID := c.Named()
		if l.first(decide.KeyUser, userID) {
			l.kinds, l.names = append(l.kinds, decide.KeyUser), append(l.names, userID)
			if id, ok := decide.ParseID(userID); ok {
				l.ids = append(l.ids, id)
			}
		}
		if key := decide.EmailKey(email); l.first(decide.KeyEmail, key) {
			l.kinds, l.names = append(l.kinds, decide.KeyEmail), append(l.names, key)
			l.addresses = append(l.addresses, key)
		}
		if l.first(decide.KeyAnonymous, anonymousID) {
			l.kinds, l.names = append(l.kinds, decide.KeyAnonymous), append(l.names, anonymousID)
		}
		if c.Key != "" {
			l.spaces, l.keys = append(l.spaces, c.Space), append(l.keys, c.Key)
		}
		if origin := c.Origin(); origin != nil {
			l.origins = append(l.origins, origin.EnrollmentID)
		} else if !c.Makes() {
			l.ids = append(l.ids, c.ContactID)
		}
		if u, ok := c.Body.(*decide.Unite); ok {
			l.ids = append(l.ids, u.Other)
		}
	}
	return l
}

// first reports whether a key is given and was not asked for before.
func (l *lookup) first(kind, key string) bool {
	if key == "" {
		return false
	}
	k := decide.ContactKey{Kind: kind, Key: key}
	_, before := l.asked[k]
	l.asked[k] = struct{}{}
	return !before
}

// queue adds the statements that find the contacts; what they found is there once
// the pipeline was sent.
func (l *lookup) queue(ctx context.Context, p *store.Pipeline) func() []decide.Found {
	var (
		keys      []storedb.IngestResolveKeysRow
		ids       []storedb.IngestResolveIDsRow
		addresses []storedb.IngestResolveAddressesRow
	)
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
	return func() []decide.Found {
		all := make([]decide.Found, 0, len(keys)+len(ids)+len(addresses))
		for i := range keys {
			all = append(all, found(&keys[i]))
		}
		for i := range ids {
			row := storedb.IngestResolveKeysRow(ids[i])
			all = append(all, found(&row))
		}
		for i := range addresses {
			row := storedb.IngestResolveKeysRow(addresses[i])
			all = append(all, found(&row))
		}
		return all
	}
}

// found is one row; the three statements yield rows of one shape.
func found(row *storedb.IngestResolveKeysRow) decide.Found {
	return decide.Found{
		Kind: row.Kind, Key: row.Key, ID: row.ID,
		Identity: decide.Identity{
			ExternalID: text(row.ExternalID), AnonymousID: text(row.AnonymousID),
			Email: text(row.Email), EmailKey: text(row.EmailKey), DeletedAt: instant(row.DeletedAt), RevivedAt: instant(row.RevivedAt),
		},
		FirstSeen: row.FirstSeenAt, LastSeen: row.LastSeenAt, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, WrittenAt: row.WrittenAt,
	}
}
