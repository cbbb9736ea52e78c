package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// LinkLife is how long a one-time link is good for (O-6, O-9).
const LinkLife = 24 * time.Hour

// What a one-time link is for.
const (
	linkSetup      = "setup"
	linkInvitation = "invitation"
	linkSignIn     = "sign_in"
)

// refused is what went wrong, or else the refusal.
func refused(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func (u *Users) put(ctx context.Context, q *storedb.Queries, purpose string, user *uuid.UUID, now time.Time) (token string, err error) {
	token, hash := newSecret()
	err = q.LinkPut(ctx, storedb.LinkPutParams{Hash: hash, Purpose: purpose, UserID: user, ExpiresAt: now.Add(LinkLife), Now: now})
	if err != nil {
		return "", fmt.Errorf("store link: %w", err)
	}
	return token, nil
}

// SetupToken makes the token of the first admin and voids the former one (O-6). It is
// ErrClosed once a user exists.
func (u *Users) SetupToken(ctx context.Context) (token string, err error) {
	err = u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.UsersLock(ctx); err != nil {
			return err
		}
		if exists, err := q.UsersAny(ctx); err != nil || exists {
			return refused(err, ErrClosed)
		}
		token, err = u.put(ctx, q, linkSetup, nil, u.instant())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make setup link: %w", err)
	}
	return token, nil
}

// SetupValid reports whether a setup token can be used. Looking does not use it.
func (u *Users) SetupValid(ctx context.Context, token string) (bool, error) {
	_, err := u.store.LinkFind(ctx, hashOf(token), linkSetup, u.instant())
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// SignUp makes the first user, an admin, and signs them in. Of racing calls exactly
// one succeeds; then it is ErrClosed for ever.
func (u *Users) SignUp(ctx context.Context, token string, n NewUser, from From) (s Session, secret string, err error) {
	if err := u.count(ctx, "sign-up", from.Address); err != nil {
		return s, "", err
	}
	if exists, err := u.Any(ctx); err != nil || exists {
		return s, "", refused(err, ErrClosed)
	}
	if valid, err := u.SetupValid(ctx, token); err != nil || !valid {
		return s, "", refused(err, ErrTokenRequired)
	}
	if err := checkPassword(n.Password); err != nil {
		return s, "", err
	}
	n.Role = Admin
	by := store.Actor{Kind: store.ActorSystem, Name: "setup", Address: from.Address, RequestID: from.RequestID}
	row, err := u.insert(ctx, by, n, func(q *storedb.Queries, user uuid.UUID, now time.Time) error {
		others, err := q.UsersOthers(ctx, user)
		if err != nil || others {
			return refused(err, ErrClosed)
		}
		if _, err := q.LinkTake(ctx, hashOf(token), linkSetup, now); errors.Is(err, pgx.ErrNoRows) {
			return ErrTokenRequired
		} else if err != nil {
			return err
		}
		return nil
	})
	if errors.Is(err, ErrTaken) {
		err = ErrClosed
	}
	if err != nil {
		return s, "", err
	}
	return u.begin(ctx, row.ID, true, from, nil)
}

// Invite makes a user without a password, or takes the one there is, and returns the token
// of a link by which they choose one (O-9). It voids a former one.
func (u *Users) Invite(ctx context.Context, by store.Actor, n NewUser) (row storedb.User, token string, err error) {
	n.Password = ""
	row, err = u.insert(ctx, by, n, func(q *storedb.Queries, user uuid.UUID, now time.Time) error {
		token, err = u.put(ctx, q, linkInvitation, &user, now)
		return err
	})
	return row, token, err
}

// InviteAgain makes a new invitation for a user, also for one who forgot the password:
// until it is used, the old password holds.
func (u *Users) InviteAgain(ctx context.Context, by store.Actor, id uuid.UUID) (token string, err error) {
	err = u.change(ctx, by, "users.invite", id, func(q *storedb.Queries, _ storedb.User, _ *store.Detail) error {
		token, err = u.put(ctx, q, linkInvitation, &id, u.instant())
		return err
	})
	return token, err
}

// Invited is who an invitation is for. Looking does not use it.
func (u *Users) Invited(ctx context.Context, token string) (storedb.User, error) {
	link, err := u.store.LinkFind(ctx, hashOf(token), linkInvitation, u.instant())
	if errors.Is(err, pgx.ErrNoRows) || err == nil && link.UserID == nil {
		return storedb.User{}, ErrLink
	}
	if err != nil {
		return storedb.User{}, fmt.Errorf("read invitation: %w", err)
	}
	return u.Get(ctx, *link.UserID)
}

// Accept takes up an invitation: the user has the password from then on and is signed in,
// and nowhere else.
func (u *Users) Accept(ctx context.Context, token, name, password string, from From) (s Session, secret string, err error) {
	if err := u.count(ctx, "sign-up", from.Address); err != nil {
		return s, "", err
	}
	user, err := u.Invited(ctx, token)
	if err != nil {
		return s, "", err
	}
	if err := checkPassword(password); err != nil {
		return s, "", err
	}
	if name, _, _, err = person(name, user.Email); err != nil {
		return s, "", err
	}
	hash, err := u.turns.hash(ctx, password)
	if err != nil {
		return s, "", err
	}
	return u.begin(ctx, user.ID, true, from, func(q *storedb.Queries) error {
		now := u.instant()
		if _, err := q.LinkTake(ctx, hashOf(token), linkInvitation, now); errors.Is(err, pgx.ErrNoRows) {
			return ErrLink
		} else if err != nil {
			return err
		}
		if err := q.UserSetPassword(ctx, hash, now, user.ID); err != nil {
			return err
		}
		if err := q.UserSetName(ctx, name, now, user.ID); err != nil {
			return err
		}
		if _, err := q.SessionsDeleteOf(ctx, user.ID, uuid.Nil); err != nil {
			return err
		}
		entry := store.Entry{Actor: actorOf(user, from), Action: "users.accept", ResourceID: user.ID.String()}
		return entry.Write(ctx)(q)
	})
}

// SignInLink returns the token of a link that signs the first admin in once, and makes that
// admin if there is no user: for the developer whose machine it is (hogsend dev).
func (u *Users) SignInLink(ctx context.Context, by store.Actor, email string) (token string, err error) {
	user, err := u.Find(ctx, email)
	if errors.Is(err, ErrUnknown) {
		user, err = u.insert(ctx, by, NewUser{Name: "Developer", Email: email, Role: Admin}, nil)
	}
	if err != nil {
		return "", err
	}
	err = u.change(ctx, by, "users.sign_in_link", user.ID, func(q *storedb.Queries, _ storedb.User, _ *store.Detail) error {
		token, err = u.put(ctx, q, linkSignIn, &user.ID, u.instant())
		return err
	})
	return token, err
}

// Enter uses such a link.
func (u *Users) Enter(ctx context.Context, token string, from From) (s Session, secret string, err error) {
	if err := u.count(ctx, "sign-in", from.Address); err != nil {
		return s, "", err
	}
	link, err := u.store.LinkFind(ctx, hashOf(token), linkSignIn, u.instant())
	if errors.Is(err, pgx.ErrNoRows) || err == nil && link.UserID == nil {
		return s, "", ErrLink
	}
	if err != nil {
		return s, "", fmt.Errorf("read link: %w", err)
	}
	return u.begin(ctx, *link.UserID, true, from, func(q *storedb.Queries) error {
		if _, err := q.LinkTake(ctx, hashOf(token), linkSignIn, u.instant()); errors.Is(err, pgx.ErrNoRows) {
			return ErrLink
		} else if err != nil {
			return err
		}
		return nil
	})
}
