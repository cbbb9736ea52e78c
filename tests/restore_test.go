package tests

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// single is `hogsend standalone` on a Postgres of its own.
type single struct {
	*rig
	alone *process
}

// newSingle starts a Postgres, lets fill put something into it, and starts the program there.
func newSingle(t *testing.T, resend *fakeResend, fill func(s *single)) *single {
	t.Helper()
	s := &single{rig: &rig{t: t, resend: resend, patience: patience}}
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-single-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // Postgres' own user must reach its folder
	t.Cleanup(func() { os.RemoveAll(dir) })
	s.dir, s.dbPort = dir, freePort(t)
	require.NoError(t, s.startDatabase())
	t.Cleanup(func() { require.NoError(t, s.database.Stop()) })
	apiPort, temporalPort := freePort(t), freePort(t)
	s.apiURL = "http://127.0.0.1:" + strconv.Itoa(apiPort)
	s.temporalAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(temporalPort))
	s.environ = []string{
		"HOGSEND_ENV=test", "DATABASE_URL=" + s.database.URL(), "PORT=" + strconv.Itoa(apiPort), "HOGSEND_SECRET=" + testSecret, "ADMIN_API_KEY=" + apiKey,
		"EMAIL_PROVIDER=resend", "RESEND_API_KEY=re_test", "RESEND_BASE_URL=" + resend.url, "EMAIL_RATE_PER_SECOND=100000",
	}
	fill(s)
	s.run("migrate")
	s.alone = &process{name: "standalone", ready: "hogsend worker ready", environ: s.environ, args: []string{"standalone", "--temporal-port", strconv.Itoa(temporalPort)}}
	require.NoError(t, s.alone.start())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("standalone printed last:\n%s", s.alone.tail)
		}
		require.NoError(t, s.alone.kill())
	})
	s.pool, err = pgxpool.New(t.Context(), s.database.URL())
	require.NoError(t, err)
	t.Cleanup(s.pool.Close)
	return s
}

// databases are those of the installation, Temporal's before hogsend's own: the order in
// which docs/backup.md dumps them.
func (s *single) databases() []string {
	u, err := url.Parse(s.database.URL())
	require.NoError(s.t, err)
	own := strings.TrimPrefix(u.Path, "/")
	return []string{own + "_temporal", own + "_temporal_visibility", own}
}

func (s *single) urlOf(database string) string {
	u, err := url.Parse(s.database.URL())
	require.NoError(s.t, err)
	u.Path = "/" + database
	return u.String()
}

// tool runs a program that comes with Postgres.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // where Debian keeps them
		require.NotEmpty(t, found, "%s is part of Postgres", name)
		path = found[len(found)-1]
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, out)
}

// dump dumps the databases one after the other, while the program runs.
func (s *single) dump() map[string]string {
	files := map[string]string{}
	for i, database := range s.databases() {
		files[database] = filepath.Join(s.t.TempDir(), strconv.Itoa(i)+".dump")
		tool(s.t, "pg_dump", "--format=custom", "--no-owner", "--file="+files[database], s.urlOf(database))
	}
	return files
}

// restore restores what there is a file of.
func (s *single) restore(files map[string]string) {
	admin, err := pgx.Connect(s.t.Context(), s.database.URL())
	require.NoError(s.t, err)
	defer admin.Close(context.Background())
	for _, database := range s.databases() {
		if files[database] == "" {
			continue
		}
		var there bool
		require.NoError(s.t, admin.QueryRow(s.t.Context(), `select exists (select from pg_database where datname = $1)`, database).Scan(&there))
		if !there {
			_, err := admin.Exec(s.t.Context(), "create database "+pgx.Identifier{database}.Sanitize())
			require.NoError(s.t, err)
		}
		tool(s.t, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+s.urlOf(database), files[database])
	}
}

// O-56: a dump of a running installation, restored on another Postgres, goes on: who was
// asleep wakes by the event or is mailed by the timer, nobody who is in the
// dump is mailed twice, and what a client sends again is known. What came after the dump is not
// there, nor that a mail left. Without Temporal's
// half, new people are served; those in flight end as lost, and may enter again.
func TestADumpRestoresOnAnotherPostgres(t *testing.T) {
	t.Parallel()
	resend := newFakeResend(t)
	before := newSingle(t, resend, func(*single) {})
	before.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com", Key: "ada-1"})
	before.mustPost(event{Name: "user.created", UserID: "cyd", Email: "cyd@example.com"})
	const asleep = `select count(*) from enrollments where status = 'waiting' and node = 'wait-event:feature.used'`
	before.eventually(2, asleep)
	files := before.dump()
	before.mustPost(event{Name: "user.created", UserID: "bob", Email: "bob@example.com", Key: "bob-1"})
	before.eventually(3, asleep)
	require.NoError(t, before.alone.kill())
	require.NoError(t, before.database.Stop())

	after := newSingle(t, resend, func(s *single) { s.restore(files) })
	require.Equal(t, 2, after.count(asleep))
	require.Zero(t, after.count(`select count(*) from contacts where external_id = 'bob'`), "he came after the dump")
	require.False(t, after.mustPost(event{Name: "user.created", UserID: "ada", Email: "ada@example.com", Key: "ada-1"}).Stored, "sent again, and known")
	require.True(t, after.mustPost(event{Name: "user.created", UserID: "bob", Email: "bob@example.com", Key: "bob-1"}).Stored, "his product sends it again")
	after.mustPost(event{Name: "feature.used", UserID: "ada"})
	after.eventually(1, `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'ada' and e.status = 'completed'`)
	after.eventually(2, asleep)
	require.Equal(t, map[string]int{"ada@example.com": 1, "cyd@example.com": 1, "bob@example.com": 2}, resend.perRecipient("welcome"), "of bob's first mail nothing is known any more")
	require.NoError(t, after.alone.kill())

	half := newSingle(t, resend, func(s *single) {
		own := s.databases()[2]
		s.restore(map[string]string{own: files[before.databases()[2]]})
		pool, err := pgxpool.New(t.Context(), s.database.URL())
		require.NoError(t, err)
		defer pool.Close()
		// Cyd's deadline passed two hours ago.
		_, err = pool.Exec(t.Context(), `update waits set deadline = now() - interval '2 hours' where contact_id = (select id from contacts where external_id = 'cyd')`)
		require.NoError(t, err)
	})
	half.mustPost(event{Name: "user.created", UserID: "eve", Email: "eve@example.com"})
	half.eventually(1, `select count(*) from sends where to_email = 'eve@example.com' and status = 'sent'`)
	half.eventually(1, `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'cyd' and e.status = 'failed' and e.error like 'workflow lost%'`)
	require.Equal(t, 1, half.count(`select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id = 'ada' and e.status = 'waiting'`), "until her deadline")
}
