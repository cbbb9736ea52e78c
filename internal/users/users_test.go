package users_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
)

const password = "correct horse battery"

// bundle is the users of a database of the test's own, with a clock that the test moves.
type bundle struct {
	*users.Users
	t     *testing.T
	store *store.Store
	mu    sync.Mutex
	now   time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, store: dbtest.DB(t), now: time.Now().UTC().Truncate(time.Second)}
	b.Users = users.New(b.store, b.clock)
	return b
}

func (b *bundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bundle) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bundle) rows(sql string, args ...any) []string {
	b.t.Helper()
	rows, _ := b.store.Pool.Query(b.t.Context(), sql, args...) // the error is in rows
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return out
}

func (b *bundle) create(email string, role users.Role) uuid.UUID {
	b.t.Helper()
	u, err := b.Create(b.t.Context(), store.System("test"), users.NewUser{Name: "Eve", Email: email, Role: role, Password: password})
	require.NoError(b.t, err)
	return u.ID
}

func (b *bundle) signIn(email string) string {
	b.t.Helper()
	_, secret, err := b.SignIn(b.t.Context(), email, password, true, users.From{Address: uuid.NewString()})
	require.NoError(b.t, err)
	return secret
}

func (b *bundle) signedIn(secret string) bool {
	b.t.Helper()
	_, ok, _, err := b.Session(b.t.Context(), secret)
	require.NoError(b.t, err)
	return ok
}

// O-6: of 20 racing sign-ups with the right token exactly one makes a user; then sign-up is
// closed for ever, and so is the making of tokens.
func TestOnlyOneFirstAdmin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	void, err := b.SetupToken(ctx)
	require.NoError(t, err)
	token, err := b.SetupToken(ctx)
	require.NoError(t, err)
	sign := func(token, email, address string) error {
		_, _, err := b.SignUp(ctx, token, users.NewUser{Name: "Eve", Email: email, Password: password}, users.From{Address: address})
		return err
	}
	require.ErrorIs(t, sign(void, "eve@example.com", "192.0.2.1"), users.ErrTokenRequired, "a newer token voids the older")
	require.Equal(t, []string{"0"}, b.rows("select count(*)::text from one_time_links where encode(hash, 'escape') like '%' || $1 || '%'", token))
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = sign(token, fmt.Sprintf("eve%d@example.com", i), fmt.Sprintf("192.0.2.%d", i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.True(t, errors.Is(err, users.ErrClosed) || errors.Is(err, users.ErrTokenRequired), err)
	}
	require.Equal(t, 1, won)
	require.Equal(t, []string{"admin true"}, b.rows("select role || ' ' || (password like '$argon2id$v=19$m=19456,t=2,p=1$%') from users"))
	require.ErrorIs(t, sign(token, "mallory@example.com", "192.0.2.99"), users.ErrClosed)
	_, err = b.SetupToken(ctx)
	require.ErrorIs(t, err, users.ErrClosed)
	require.Equal(t, []string{"users.create system setup", "sessions.create user"}, b.rows(
		"select action || ' ' || actor_type || case actor_type when 'system' then ' ' || actor else '' end from audit_logs order by created_at"))
}

// O-6: a setup token is good for a day.
func TestSetupTokensAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.SetupToken(t.Context())
	require.NoError(t, err)
	b.advance(users.LinkLife - time.Second)
	valid, err := b.SetupValid(t.Context(), token)
	require.NoError(t, err)
	require.True(t, valid)
	b.advance(time.Second)
	valid, err = b.SetupValid(t.Context(), token)
	require.NoError(t, err)
	require.False(t, valid)
}

// O-7: 8 to 128 characters, whatever they are.
func TestPasswords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for text, code := range map[string]string{
		"1234567": "PASSWORD_TOO_SHORT", strings.Repeat("é", 129): "PASSWORD_TOO_LONG", "\xff2345678": "PASSWORD_TOO_SHORT", "": "PASSWORD_TOO_SHORT",
	} {
		var invalid *users.InvalidError
		_, err := b.Create(t.Context(), store.System("test"), users.NewUser{Email: "eve@example.com", Role: users.Admin, Password: text})
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, code, invalid.Code)
	}
	long := strings.Repeat("é", 128)
	_, err := b.Create(t.Context(), store.System("test"), users.NewUser{Email: "Eve@Example.com", Role: users.Admin, Password: long})
	require.NoError(t, err)
	_, _, err = b.SignIn(t.Context(), " eve@example.COM ", long, true, users.From{})
	require.NoError(t, err)
	_, _, err = b.SignIn(t.Context(), "eve@example.com", long+"é", true, users.From{})
	require.ErrorIs(t, err, users.ErrWrong)
	_, err = b.Create(t.Context(), store.System("test"), users.NewUser{Email: "EVE@example.com", Role: users.Admin, Password: long})
	require.ErrorIs(t, err, users.ErrTaken)
}

// O-7: a hash of weaker parameters becomes one of today's at sign-in.
func TestWeakHashesAreMadeAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("eve@example.com", users.Admin)
	weak, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	require.NoError(t, err)
	_, err = b.store.Pool.Exec(t.Context(), "update users set password = $1", weak)
	require.NoError(t, err)
	_, _, err = b.SignIn(t.Context(), "eve@example.com", "not it", true, users.From{})
	require.ErrorIs(t, err, users.ErrWrong)
	require.Equal(t, []string{weak}, b.rows("select password from users"))
	b.signIn("eve@example.com")
	require.Contains(t, b.rows("select password from users")[0], "$m=19456,t=2,p=1$")
	b.signIn("eve@example.com")
}

// O-8: a session is found by its secret alone, which is not stored; it is renewed daily and
// ends after 7 idle days.
func TestSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("eve@example.com", users.Viewer)
	one, two := b.signIn("eve@example.com"), b.signIn("eve@example.com")
	require.NotEqual(t, one, two, "a new one at each sign-in")
	require.Equal(t, []string{"0"}, b.rows("select count(*)::text from sessions s where s::text like '%' || $1 || '%'", one))
	b.advance(6 * 24 * time.Hour)
	require.True(t, b.signedIn(one))
	b.advance(6 * 24 * time.Hour)
	require.True(t, b.signedIn(one), "it was extended")
	require.False(t, b.signedIn(two), "this one was not used")
	require.NoError(t, b.SignOut(t.Context(), one, users.From{}))
	require.False(t, b.signedIn(one))
	require.NoError(t, b.SignOut(t.Context(), one, users.From{}), "signing out twice is signing out once")
	require.False(t, b.signedIn(""))
	require.Equal(t, []string{"sessions.delete eve@example.com"}, b.rows("select action || ' ' || actor from audit_logs where action like 'sessions.d%'"))
}

// O-8, O-9: what changes a user ends their sessions at once; the last admin stays one.
func TestChangesOfUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, by := t.Context(), store.System("test")
	eve, bob := b.create("eve@example.com", users.Admin), b.create("bob@example.com", users.Viewer)
	require.ErrorIs(t, b.SetRole(ctx, by, eve, users.Operator), users.ErrLastAdmin)
	require.ErrorIs(t, b.Remove(ctx, by, eve), users.ErrLastAdmin)
	secret := b.signIn("bob@example.com")
	require.NoError(t, b.SetRole(ctx, by, bob, users.Viewer))
	require.True(t, b.signedIn(secret), "nothing changed")
	require.NoError(t, b.SetRole(ctx, by, bob, users.Admin))
	require.False(t, b.signedIn(secret))
	secret = b.signIn("bob@example.com")
	other := b.signIn("bob@example.com")
	mine, _, _, err := b.Session(ctx, secret)
	require.NoError(t, err)
	require.NoError(t, b.SetPassword(ctx, by, bob, password, mine.Row.ID))
	require.True(t, b.signedIn(secret))
	require.False(t, b.signedIn(other))
	require.NoError(t, b.SetRole(ctx, by, eve, users.Operator), "there is another admin now")
	require.NoError(t, b.Remove(ctx, by, eve))
	require.ErrorIs(t, b.Remove(ctx, by, eve), users.ErrUnknown)
	require.ErrorIs(t, b.SetRole(ctx, by, bob, users.Viewer), users.ErrLastAdmin)
	errs := make([]error, 2) // of two admins who demote each other one stays
	ada := b.create("ada@example.com", users.Admin)
	var wg sync.WaitGroup
	for i, id := range []uuid.UUID{ada, bob} {
		wg.Go(func() { errs[i] = b.SetRole(ctx, by, id, users.Viewer) })
	}
	wg.Wait()
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from users where role = 'admin'"))
	require.True(t, (errs[0] == nil) != (errs[1] == nil))
	require.Equal(t, []string{`{"new": {"role": "admin"}, "old": {"role": "viewer"}}`}, b.rows("select detail::text from audit_logs where action = 'users.role' and detail->'new'->>'role' = 'admin'"))
	require.Equal(t, []string{`{"new": {"password": "***"}}`}, b.rows("select detail::text from audit_logs where action = 'users.password'"))
}

// O-10: ten tries a minute for an address and for an e-mail, for all servers together; then
// the right password is refused too, with the seconds.
func TestTriesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("eve@example.com", users.Admin)
	second := users.New(b.store, b.clock)
	try := func(u *users.Users, email, word, address string) error {
		_, _, err := u.SignIn(t.Context(), email, word, true, users.From{Address: address})
		return err
	}
	for i := range 10 {
		require.ErrorIs(t, try([]*users.Users{b.Users, second}[i%2], fmt.Sprintf("nobody%d@example.com", i), "wrong password", "192.0.2.1"), users.ErrWrong)
		b.advance(time.Second)
	}
	var many *users.TooManyError
	require.ErrorAs(t, try(second, "eve@example.com", password, "192.0.2.1"), &many)
	require.Equal(t, 50*time.Second, many.Wait)
	require.NoError(t, try(b.Users, "eve@example.com", password, "192.0.2.2"), "another address is not in their way")
	for i := range 9 {
		require.ErrorIs(t, try(b.Users, "eve@example.com", "wrong password", fmt.Sprintf("198.51.100.%d", i)), users.ErrWrong)
	}
	require.ErrorAs(t, try(b.Users, "EVE@example.com", password, "203.0.113.1"), &many, "one e-mail from everywhere")
	b.advance(time.Minute)
	require.NoError(t, try(b.Users, "eve@example.com", password, "192.0.2.1"))
	require.Equal(t, []string{"2"}, b.rows("select count(*)::text from attempts"), "what is past is forgotten")
}

// O-9: an invitation works once within a day; a newer one voids it.
func TestInvitations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, by := t.Context(), store.System("test")
	row, void, err := b.Invite(ctx, by, users.NewUser{Email: "bob@example.com", Role: users.Operator})
	require.NoError(t, err)
	require.Equal(t, "bob", row.Name)
	_, _, err = b.SignIn(ctx, "bob@example.com", "", true, users.From{})
	require.ErrorIs(t, err, users.ErrWrong, "nobody signs in without a password")
	token, err := b.InviteAgain(ctx, by, row.ID)
	require.NoError(t, err)
	_, err = b.Invited(ctx, void)
	require.ErrorIs(t, err, users.ErrLink)
	who, err := b.Invited(ctx, token)
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", who.Email)
	_, _, err = b.Accept(ctx, token, "Bob", "short", users.From{})
	var invalid *users.InvalidError
	require.ErrorAs(t, err, &invalid)
	s, secret, err := b.Accept(ctx, token, "Bob", password, users.From{})
	require.NoError(t, err, "a refused password uses nothing up")
	require.True(t, b.signedIn(secret))
	require.Equal(t, "operator", s.User.Role)
	_, _, err = b.Accept(ctx, token, "Bob", password, users.From{})
	require.ErrorIs(t, err, users.ErrLink)
	late, err := b.InviteAgain(ctx, by, row.ID)
	require.NoError(t, err)
	b.advance(users.LinkLife)
	_, _, err = b.Accept(ctx, late, "Bob", password, users.From{})
	require.ErrorIs(t, err, users.ErrLink)
	require.Equal(t, []string{"operator", "journey-admin", "read"}, append([]string{s.User.Role}, users.Operator.Scopes()...))
}

// The developer's link makes the developer and signs in once.
func TestTheDevelopersLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.SignInLink(t.Context(), store.System("dev"), "developer@localhost.localdomain")
	require.NoError(t, err)
	s, secret, err := b.Enter(t.Context(), token, users.From{})
	require.NoError(t, err)
	require.Equal(t, "admin", s.User.Role)
	require.True(t, b.signedIn(secret))
	_, _, err = b.Enter(t.Context(), token, users.From{})
	require.ErrorIs(t, err, users.ErrLink)
	_, err = b.SignInLink(t.Context(), store.System("dev"), "developer@localhost.localdomain")
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, b.rows("select count(*)::text from users"))
}

// What was proved a short time ago is not asked for again.
func TestProofs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("eve@example.com", users.Admin)
	secret := b.signIn("eve@example.com")
	session := func() users.Session {
		s, ok, _, err := b.Session(t.Context(), secret)
		require.NoError(t, err)
		require.True(t, ok)
		return s
	}
	require.True(t, session().Proved(b.clock()))
	b.advance(users.ProofLife)
	require.False(t, session().Proved(b.clock()))
	require.ErrorIs(t, b.Prove(t.Context(), session(), "not it at all", users.From{}), users.ErrWrong)
	require.False(t, session().Proved(b.clock()))
	require.NoError(t, b.Prove(t.Context(), session(), password, users.From{}))
	require.True(t, session().Proved(b.clock()))
}
