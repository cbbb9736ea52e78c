// Package users is who may use Studio: people with a role, their passwords, sessions and
// invitations. The API, Studio and the command line share it; each change and its entry in
// the audit log commit together (O-6 to O-11).
package users

import (
	"context"
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

// Role is what a user may do (O-9).
type Role string

// The roles.
const (
	Admin    Role = "admin"
	Operator Role = "operator"
	Viewer   Role = "viewer"
)

// Valid reports whether r is a role.
func (r Role) Valid() bool { return r == Admin || r == Operator || r == Viewer }

// Scopes are the scopes of the API that a role equals (O-9, H-3).
func (r Role) Scopes() []string {
	switch r {
	case Admin:
		return []string{"full-admin"}
	case Operator:
		return []string{"journey-admin", "read"}
	case Viewer:
		return []string{"read"}
	}
	return nil
}

// What a call is refused for.
var (
	ErrClosed        = errors.New("an admin already exists")
	ErrTokenRequired = errors.New("setup token required")
	ErrLink          = errors.New("the link has been used, voided or is too old")
	ErrWrong         = errors.New("invalid email or password")
	ErrTaken         = errors.New("a user with this address exists already")
	ErrUnknown       = errors.New("no such user")
	ErrLastAdmin     = errors.New("the last admin can be neither removed nor demoted")
)

// InvalidError is a value that cannot be taken; Code is the API's.
type InvalidError struct{ Field, Code, Message string }

func (e *InvalidError) Error() string { return e.Message }

// TooManyError says when the next try is looked at (O-10).
type TooManyError struct{ Wait time.Duration }

func (e *TooManyError) Error() string { return "too many attempts" }

// Users is the table of users and what belongs to it. It is safe for concurrent use.
type Users struct {
	store *store.Store
	turns turns
	now   func() time.Time
}

// New makes Users on a database; now nil means time.Now.
func New(s *store.Store, now func() time.Time) *Users {
	if now == nil {
		now = time.Now
	}
	return &Users{store: s, turns: newTurns(), now: now}
}

func (u *Users) instant() time.Time { return u.now().UTC().Truncate(time.Microsecond) }

// maxName is how many characters a name has at most (H-12).
const maxName = 100

// person checks a name and an address; the name may be left out where nobody asks for it.
func person(name, email string) (trimmed, mail, key string, err error) {
	name, mail = strings.TrimSpace(name), address.Trim(email)
	if key = address.Key(mail); key == "" {
		return "", "", "", &InvalidError{Field: "email", Code: "INVALID_EMAIL", Message: "Invalid email"}
	}
	if name == "" {
		name, _, _ = strings.Cut(mail, "@")
	}
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) || utf8.RuneCountInString(name) > maxName {
		return "", "", "", &InvalidError{Field: "name", Code: "INVALID_NAME", Message: "Name must have at most 100 characters"}
	}
	return name, mail, key, nil
}

// Any reports whether a user exists: with the first one, sign-up is closed for ever.
func (u *Users) Any(ctx context.Context) (bool, error) { return u.store.UsersAny(ctx) }

// Get returns a user by id, Find one by address; ErrUnknown if there is none.
func (u *Users) Get(ctx context.Context, id uuid.UUID) (storedb.User, error) {
	return found(u.store.UserGet(ctx, id))
}

// Find returns the user with an address.
func (u *Users) Find(ctx context.Context, email string) (storedb.User, error) {
	return found(u.store.UserByEmail(ctx, address.Key(email)))
}

func found(row storedb.User, err error) (storedb.User, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return row, ErrUnknown
	}
	if err != nil {
		return row, fmt.Errorf("read user: %w", err)
	}
	return row, nil
}

// List returns all users by address, at most 1,000.
func (u *Users) List(ctx context.Context) ([]Listed, error) {
	rows, err := u.store.UsersList(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	now := u.instant()
	sessions, err := u.store.UsersSessions(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	invited, err := u.store.UsersInvited(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	out := make([]Listed, len(rows))
	for i, row := range rows {
		out[i].User = row
		for k := range sessions {
			if sessions[k].UserID == row.ID {
				out[i].Sessions, out[i].LastSeenAt = sessions[k].Sessions, &sessions[k].LastSeenAt
			}
		}
		for k := range invited {
			if invited[k].UserID == row.ID {
				out[i].InvitedUntil = &invited[k].ExpiresAt
			}
		}
	}
	return out, nil
}

// Listed is a user with how many sessions they have, when one was begun or extended last,
// and until when an invitation is open.
type Listed struct {
	User                     storedb.User
	Sessions                 int64
	LastSeenAt, InvitedUntil *time.Time
}

// NewUser is a user to be made: with a password or, without one, invited.
type NewUser struct {
	Name, Email string
	Role        Role
	Password    string
}

// Create makes a user with a password (hogsend admin create).
func (u *Users) Create(ctx context.Context, by store.Actor, n NewUser) (storedb.User, error) {
	if err := checkPassword(n.Password); err != nil {
		return storedb.User{}, err
	}
	return u.insert(ctx, by, n, nil)
}

// insert makes a user; within is run in the transaction, before the user is made.
func (u *Users) insert(ctx context.Context, by store.Actor, n NewUser, within func(q *storedb.Queries, user uuid.UUID, now time.Time) error) (row storedb.User, err error) {
	name, mail, key, err := person(n.Name, n.Email)
	if err != nil {
		return row, err
	}
	if !n.Role.Valid() {
		return row, &InvalidError{Field: "role", Code: "INVALID_ROLE", Message: "Role must be admin, operator or viewer"}
	}
	now := u.instant()
	p := storedb.UserInsertParams{ID: uuid.Must(uuid.NewV7()), Name: name, Email: mail, EmailKey: key, Role: string(n.Role), Now: now}
	if n.Password != "" {
		hash, err := u.turns.hash(ctx, n.Password)
		if err != nil {
			return row, err
		}
		p.Password = &hash
	}
	entry := store.Entry{Actor: by, Action: "users.create", ResourceID: p.ID.String()}
	entry.Detail.New = map[string]any{"name": name, "email": mail, "role": n.Role}
	err = u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.UsersLock(ctx); err != nil {
			return err
		}
		if row, err = q.UserInsert(ctx, p); errors.Is(err, pgx.ErrNoRows) {
			return ErrTaken
		} else if err != nil {
			return err
		}
		if within != nil {
			if err := within(q, p.ID, now); err != nil {
				return err
			}
		}
		return entry.Write(ctx)(q)
	})
	if err != nil {
		return storedb.User{}, fmt.Errorf("create user: %w", err)
	}
	return row, nil
}

// SetRole changes what a user may do and signs them out everywhere. The last admin stays
// one.
func (u *Users) SetRole(ctx context.Context, by store.Actor, id uuid.UUID, role Role) error {
	if !role.Valid() {
		return &InvalidError{Field: "role", Code: "INVALID_ROLE", Message: "Role must be admin, operator or viewer"}
	}
	return u.change(ctx, by, "users.role", id, func(q *storedb.Queries, row storedb.User, d *store.Detail) error {
		if Role(row.Role) == role {
			return nil
		}
		d.Changed("role", row.Role, string(role))
		if err := u.another(ctx, q, row); err != nil {
			return err
		}
		if err := q.UserSetRole(ctx, string(role), u.instant(), id); err != nil {
			return err
		}
		_, err := q.SessionsDeleteOf(ctx, id, uuid.Nil)
		return err
	})
}

// Remove deletes a user with their sessions and links. The last admin stays.
func (u *Users) Remove(ctx context.Context, by store.Actor, id uuid.UUID) error {
	return u.change(ctx, by, "users.remove", id, func(q *storedb.Queries, row storedb.User, d *store.Detail) error {
		d.Old = map[string]any{"name": row.Name, "email": row.Email, "role": row.Role}
		if err := u.another(ctx, q, row); err != nil {
			return err
		}
		return q.UserDelete(ctx, id)
	})
}

// another is ErrLastAdmin if the user is the only admin.
func (u *Users) another(ctx context.Context, q *storedb.Queries, row storedb.User) error {
	if Role(row.Role) != Admin || row.Password == nil {
		return nil
	}
	n, err := q.UsersOtherAdmins(ctx, row.ID)
	if err == nil && n == 0 {
		return ErrLastAdmin
	}
	return err
}

// SetPassword gives a user a new password, signs them out everywhere but in the session
// that keep names, and voids what invitation there was.
func (u *Users) SetPassword(ctx context.Context, by store.Actor, id uuid.UUID, password string, keep uuid.UUID) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := u.turns.hash(ctx, password)
	if err != nil {
		return err
	}
	return u.change(ctx, by, "users.password", id, func(q *storedb.Queries, _ storedb.User, d *store.Detail) error {
		d.New = map[string]any{"password": "***"}
		if err := q.UserSetPassword(ctx, hash, u.instant(), id); err != nil {
			return err
		}
		if err := q.LinksVoid(ctx, linkInvitation, &id); err != nil {
			return err
		}
		_, err := q.SessionsDeleteOf(ctx, id, keep)
		return err
	})
}

// Profile is how a user wants to see Studio.
type Profile struct {
	Name, Timezone     string
	Theme              string // auto, light or dark
	Compact, Shortcuts bool
}

// SetProfile changes what users may change of themselves.
func (u *Users) SetProfile(ctx context.Context, by store.Actor, id uuid.UUID, p Profile) error {
	name := strings.TrimSpace(p.Name)
	if name == "" || !utf8.ValidString(name) || strings.ContainsRune(name, 0) || utf8.RuneCountInString(name) > maxName {
		return &InvalidError{Field: "name", Code: "INVALID_NAME", Message: "Name must have 1 to 100 characters"}
	}
	if p.Theme != "auto" && p.Theme != "light" && p.Theme != "dark" {
		return &InvalidError{Field: "theme", Code: "INVALID_THEME", Message: "Theme must be auto, light or dark"}
	}
	return u.change(ctx, by, "users.update", id, func(q *storedb.Queries, row storedb.User, d *store.Detail) error {
		d.Changed("name", row.Name, name)
		d.Changed("timezone", row.Timezone, p.Timezone)
		d.Changed("theme", row.Theme, p.Theme)
		d.Changed("compact", row.Compact, p.Compact)
		d.Changed("shortcuts", row.Shortcuts, p.Shortcuts)
		return q.UserSetProfile(ctx, storedb.UserSetProfileParams{
			ID: id, Name: name, Timezone: p.Timezone, Theme: p.Theme, Compact: p.Compact, Shortcuts: p.Shortcuts, Now: u.instant(),
		})
	})
}

// change runs do on a user who exists, one at a time, and records it.
func (u *Users) change(ctx context.Context, by store.Actor, action string, id uuid.UUID, do func(q *storedb.Queries, row storedb.User, d *store.Detail) error) error {
	err := u.store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		if err := q.UsersLock(ctx); err != nil {
			return err
		}
		row, err := found(q.UserGet(ctx, id))
		if err != nil {
			return err
		}
		entry := store.Entry{Actor: by, Action: action, ResourceID: id.String()}
		if err := do(q, row, &entry.Detail); err != nil {
			return err
		}
		return entry.Write(ctx)(q)
	})
	if err != nil {
		return fmt.Errorf("change user: %w", err)
	}
	return nil
}
