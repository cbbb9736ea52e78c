package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/store"
)

// keyReply is one key of R-102.
type keyReply struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name"`
	KeyPrefix  string    `json:"keyPrefix"`
	Scopes     []string  `json:"scopes"`
	CreatedBy  *string   `json:"createdBy"`
	LastUsedAt *ts       `json:"lastUsedAt"`
	RevokedAt  *ts       `json:"revokedAt"`
	ExpiresAt  *ts       `json:"expiresAt"`
	CreatedAt  ts        `json:"createdAt"`
}

// listKeys is R-102.
func (s *Server) listKeys(r *request) error {
	q := queryOf(r)
	p, with := q.page(), q.boolean("includeRevoked")
	if err := q.err(); err != nil {
		return err
	}
	revoked := with != nil && *with
	var err error
	if p.Total, err = s.store.ApiKeysCount(r.ctx(), revoked); err != nil {
		return err
	}
	rows, err := s.store.ApiKeysList(r.ctx(), revoked, p.Offset, p.Limit)
	if err != nil {
		return err
	}
	keys := make([]keyReply, len(rows))
	for i, k := range rows {
		keys[i] = keyReply{
			ID: k.ID, Name: k.Name, KeyPrefix: k.Prefix, Scopes: k.Scopes, CreatedBy: k.CreatedBy, LastUsedAt: tsOrNull(k.LastUsedAt),
			RevokedAt: tsOrNull(k.RevokedAt), ExpiresAt: tsOrNull(k.ExpiresAt), CreatedAt: ts(k.CreatedAt),
		}
	}
	return reply(r, http.StatusOK, struct {
		Keys []keyReply `json:"keys"`
		page
	}{keys, p})
}

// maxKeyName is the length of the longest name (H-12).
const maxKeyName = 100

// postKey is R-103: the only reply that ever shows the key.
func (s *Server) postKey(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	now := s.instant()
	k := store.NewKey{Scopes: []string{string(scopeRead)}, CreatedBy: r.actor.name}
	if o.read("name", "a string", &k.Name); !o.found && (strings.TrimSpace(k.Name) == "" || utf8.RuneCountInString(k.Name) > maxKeyName) {
		o.report("name", "must have 1 to 100 characters")
	}
	if o.read("scopes", "an array of scopes", &k.Scopes) {
		if len(k.Scopes) == 0 {
			o.report("scopes", "must not be empty")
		}
		for i, word := range k.Scopes {
			if !scope(word).Valid() {
				o.report(join("scopes", itoa(i)), "unknown scope")
			}
		}
		slices.Sort(k.Scopes)
		k.Scopes = slices.Compact(k.Scopes)
	}
	var expires time.Time
	if o.read("expiresAt", "an RFC 3339 time with Z or offset", &expires) {
		expires = expires.UTC().Truncate(time.Microsecond)
		if k.ExpiresAt = &expires; !expires.After(now) {
			o.report("expiresAt", "must be in the future")
		}
	}
	if err := o.err(); err != nil {
		return err
	}
	key, secret, err := s.store.KeyInsert(r.ctx(), k, s.who(r), now)
	if err != nil {
		return err
	}
	return reply(r, http.StatusCreated, struct {
		ID        uuid.UUID `json:"id"`
		Name      string    `json:"name"`
		Key       string    `json:"key"`
		KeyPrefix string    `json:"keyPrefix"`
		Scopes    []string  `json:"scopes"`
		ExpiresAt *ts       `json:"expiresAt"`
		CreatedAt ts        `json:"createdAt"`
	}{key.ID, key.Name, secret, key.Prefix, key.Scopes, tsOrNull(key.ExpiresAt), ts(key.CreatedAt)})
}

// deleteKey is R-104; once more changes nothing.
func (s *Server) deleteKey(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	err = s.store.KeyRevoke(r.ctx(), id, s.who(r), s.instant())
	if errors.Is(err, store.ErrNotFound) {
		return notFound("API key not found")
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"revoked": true})
}
