package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// keyPrefixLength is how much of a key may be shown again (O-1).
const keyPrefixLength = 12

// NewKey describes an API key to be made.
type NewKey struct {
	// Name has 1 to 100 characters; Scopes is not empty and holds words of H-3.
	Name   string
	Scopes []string
	// CreatedBy names who asked; "" is unknown.
	CreatedBy string
	// ExpiresAt is the first instant at which the key is refused; nil means never.
	ExpiresAt *time.Time
}

// KeyHash is what is stored of a key, and what it is found by.
func KeyHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// KeyInsert makes a key and returns it with its secret, which is not stored and
// cannot be read again (O-1). by is who makes it, in the audit log.
func (s *Store) KeyInsert(ctx context.Context, k NewKey, by Actor, now time.Time) (key storedb.ApiKey, secret string, err error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return storedb.ApiKey{}, "", fmt.Errorf("make api key: %w", err)
	}
	secret = "hsk_" + base64.RawURLEncoding.EncodeToString(random)
	key = storedb.ApiKey{
		ID: uuid.New(), Name: k.Name, Prefix: secret[:keyPrefixLength], Hash: KeyHash(secret),
		Scopes: k.Scopes, ExpiresAt: k.ExpiresAt, CreatedAt: now,
	}
	if k.CreatedBy != "" {
		key.CreatedBy = &k.CreatedBy
	}
	entry := Entry{Actor: by, Action: "api_keys.create", ResourceID: key.ID.String()}
	entry.Detail.New = map[string]any{"name": k.Name, "keyPrefix": key.Prefix, "scopes": k.Scopes, "expiresAt": k.ExpiresAt, "key": "***"}
	err = s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		err := q.ApiKeysInsert(ctx, storedb.ApiKeysInsertParams{
			ID: key.ID, Name: key.Name, Prefix: key.Prefix, Hash: key.Hash, Scopes: key.Scopes,
			CreatedBy: key.CreatedBy, ExpiresAt: key.ExpiresAt, CreatedAt: key.CreatedAt,
		})
		if err != nil {
			return err
		}
		return entry.Write(ctx)(q)
	})
	if err != nil {
		return storedb.ApiKey{}, "", fmt.Errorf("insert api key: %w", err)
	}
	return key, secret, nil
}

// KeyFind returns the key with that hash unless it was revoked; an expired one is
// returned, for the caller to tell (O-2).
func (s *Store) KeyFind(ctx context.Context, hash []byte) (key storedb.ApiKey, ok bool, err error) {
	key, err = s.ApiKeysByHash(ctx, hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return storedb.ApiKey{}, false, nil
	}
	if err != nil {
		return storedb.ApiKey{}, false, fmt.Errorf("find api key: %w", err)
	}
	return key, true, nil
}

// KeyRevoke ends a key; once more changes nothing. An unknown id is ErrNotFound.
func (s *Store) KeyRevoke(ctx context.Context, id uuid.UUID, by Actor, now time.Time) error {
	err := s.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		n, err := q.ApiKeysRevoke(ctx, now, id)
		switch {
		case err != nil:
			return err
		case n == 0:
			return ErrNotFound
		}
		return Entry{Actor: by, Action: "api_keys.revoke", ResourceID: id.String()}.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("revoke api key: %w", err)
	}
	return nil
}
