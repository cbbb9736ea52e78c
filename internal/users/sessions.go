package users

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// How long a session lasts: from its last renewal, and how old it is when it is renewed
// (O-8).
const (
	SessionLife  = 7 * 24 * time.Hour
	sessionRenew = 24 * time.Hour
	// ProofLife is how long after the password was given it is not asked for again (U-47).
	ProofLife = 10 * time.Minute
)

// From is where a request of somebody comes from.
type From struct{ Address, UserAgent, RequestID string }

// Session is somebody who is signed in.
type Session struct {
	User storedb.User
	Row  storedb.Session
}

// Actor is how the audit log names who is signed in.
func (s Session) Actor(from From) store.Actor { return actorOf(s.User, from) }

func actorOf(u storedb.User, from From) store.Actor {
	return store.Actor{Kind: store.ActorUser, ID: &u.ID, Name: u.Email, Address: from.Address, RequestID: from.RequestID}
}

// Proved reports whether the password was given a short time ago (U-47).
func (s Session) Proved(now time.Time) bool { return now.Sub(s.Row.ProvedAt) < ProofLife }

// newSecret is 32 random bytes, and what is stored of them.
func newSecret() (secret string, hash []byte) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	secret = base64.RawURLEncoding.EncodeToString(random)
	return secret, hashOf(secret)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// SignIn begins a session, always a new one (O-8). The try is counted before the password
// is looked at, and an unknown address takes as long as a wrong password (O-7, O-10).
func (u *Users) SignIn(ctx context.Context, email, password string, remember bool, from From) (s Session, secret string, err error) {
	key := address.Key(email)
	if err := u.count(ctx, "sign-in", from.Address, key); err != nil {
		return s, "", err
	}
	row, err := u.Find(ctx, email)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return s, "", err
	}
	hash := nobodys
	if err == nil && row.Password != nil {
		hash = *row.Password
	}
	if utf8.RuneCountInString(password) > MaxPassword {
		password = ""
	}
	right, weak, failed := u.turns.matches(ctx, password, hash)
	switch {
	case failed != nil:
		return s, "", failed
	case !right || err != nil || row.Password == nil:
		return s, "", ErrWrong
	}
	if weak {
		if err := u.rehash(ctx, row, password); err != nil {
			return s, "", err
		}
	}
	return u.begin(ctx, row.ID, remember, from, nil)
}

// rehash stores a password with today's parameters.
func (u *Users) rehash(ctx context.Context, row storedb.User, password string) error {
	hash, err := u.turns.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := u.store.UserRehash(ctx, hash, row.ID, *row.Password); err != nil {
		return fmt.Errorf("store password anew: %w", err)
	}
	return nil
}

// maxAgent bounds what is kept of a User-Agent, in bytes.
const maxAgent = 300

// begin makes a session of a user who exists; within is run in the transaction before.
func (u *Users) begin(ctx context.Context, id uuid.UUID, remember bool, from From, within func(q *storedb.Queries) error) (s Session, secret string, err error) {
	now := u.instant()
	secret, hash := newSecret()
	agent := strings.ToValidUTF8(strings.ReplaceAll(from.UserAgent[:min(len(from.UserAgent), maxAgent)], "\x00", ""), "")
	p := storedb.SessionInsertParams{
		ID: uuid.Must(uuid.NewV7()), UserID: id, Hash: hash, IpAddress: textOrNil(from.Address), UserAgent: textOrNil(agent), Remember: remember,
		ExpiresAt: now.Add(SessionLife), Now: now,
	}
	err = u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if within != nil {
			if err := within(q); err != nil {
				return err
			}
		}
		if s.User, err = found(q.UserGet(ctx, id)); err != nil {
			return err
		}
		if err := q.SessionInsert(ctx, p); err != nil {
			return err
		}
		entry := store.Entry{Actor: actorOf(s.User, from), Action: "sessions.create", ResourceID: p.ID.String()}
		return entry.Write(ctx)(q)
	})
	if err != nil {
		return s, "", fmt.Errorf("begin session: %w", err)
	}
	s.Row = storedb.Session{
		ID: p.ID, UserID: id, Hash: hash, IpAddress: p.IpAddress, UserAgent: p.UserAgent, Remember: remember,
		ProvedAt: now, ExpiresAt: p.ExpiresAt, CreatedAt: now, UpdatedAt: now,
	}
	if err := u.store.SessionsSweep(ctx, now); err != nil {
		return s, "", fmt.Errorf("sweep sessions: %w", err)
	}
	return s, secret, nil
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Session finds who is signed in with what a cookie holds; ok is false for nobody. A
// session older than a day is extended, which renewed tells.
func (u *Users) Session(ctx context.Context, secret string) (s Session, ok, renewed bool, err error) {
	if secret == "" {
		return s, false, false, nil
	}
	now := u.instant()
	row, err := u.store.SessionFind(ctx, hashOf(secret), now)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, false, false, nil
	}
	if err != nil {
		return s, false, false, fmt.Errorf("find session: %w", err)
	}
	s = Session{User: row.User, Row: row.Session}
	if now.Sub(s.Row.UpdatedAt) >= sessionRenew {
		s.Row.ExpiresAt, s.Row.UpdatedAt, renewed = now.Add(SessionLife), now, true
		if err := u.store.SessionExtend(ctx, s.Row.ExpiresAt, now, s.Row.ID); err != nil {
			return s, false, false, fmt.Errorf("extend session: %w", err)
		}
	}
	return s, true, renewed, nil
}

// SignOut ends a session; of one that has ended there is nothing to do.
func (u *Users) SignOut(ctx context.Context, secret string, from From) error {
	if secret == "" {
		return nil
	}
	err := u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		rows, err := q.SessionDelete(ctx, hashOf(secret))
		if err != nil || len(rows) == 0 {
			return err
		}
		user, err := found(q.UserGet(ctx, rows[0].UserID))
		if err != nil {
			return err
		}
		return store.Entry{Actor: actorOf(user, from), Action: "sessions.delete", ResourceID: rows[0].ID.String()}.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// SignOutOthers ends all sessions of a user but the one that asks.
func (u *Users) SignOutOthers(ctx context.Context, s Session, from From) error {
	return u.change(ctx, s.Actor(from), "sessions.delete_others", s.User.ID, func(q *storedb.Queries, _ storedb.User, d *store.Detail) error {
		n, err := q.SessionsDeleteOf(ctx, s.User.ID, s.Row.ID)
		d.Given("sessions", n)
		return err
	})
}

// Prove asks for the password again (U-47). It is counted as a sign-in is.
func (u *Users) Prove(ctx context.Context, s Session, password string, from From) error {
	if err := u.count(ctx, "sign-in", from.Address, s.User.EmailKey); err != nil {
		return err
	}
	if s.User.Password == nil || utf8.RuneCountInString(password) > MaxPassword {
		return ErrWrong
	}
	ok, _, err := u.turns.matches(ctx, password, *s.User.Password)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrWrong
	}
	if err := u.store.SessionProve(ctx, u.instant(), s.Row.ID); err != nil {
		return fmt.Errorf("note proof: %w", err)
	}
	return nil
}

// SignInsPerMinute is how often a password may be tried from an address and for an e-mail
// (O-10).
const SignInsPerMinute = 10

// count counts a try of each caller in a minute that slides, for all servers together. A
// refused try is not counted.
func (u *Users) count(ctx context.Context, what string, callers ...string) error {
	now := u.instant()
	err := u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		for i, caller := range callers {
			if caller == "" {
				continue
			}
			// In the order given, which is the same for all: address, then e-mail.
			caller = fmt.Sprintf("%s:%d:%x", what, i, hashOf(caller)[:16])
			if err := q.AttemptLock(ctx, caller); err != nil {
				return err
			}
			row, err := q.AttemptCount(ctx, now, caller)
			if err != nil {
				return err
			}
			if row.Used >= SignInsPerMinute {
				return &TooManyError{Wait: max(row.Oldest.Add(time.Minute).Sub(now), time.Second)}
			}
			if err := q.AttemptInsert(ctx, uuid.Must(uuid.NewV7()), caller, now); err != nil {
				return err
			}
		}
		return q.AttemptsSweep(ctx, now)
	})
	var many *TooManyError
	if err != nil && !errors.As(err, &many) {
		return fmt.Errorf("count attempts: %w", err)
	}
	return err
}
