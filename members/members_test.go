package members_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/members"
)

// open makes a database with n members of the bucket clickers.
func open(t *testing.T, n int) (*members.DB, *store.Store) {
	t.Helper()
	url := dbtest.URL(t)
	s, err := store.Open(t.Context(), store.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	g := ingest.New(s, ingest.Config{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(g.Close)
	definitions, err := bucket.DescribeAll([]hogsend.Bucket{{ID: "clickers", Name: "Clickers", Criteria: hogsend.Event("click").Exists()}})
	require.NoError(t, err)
	require.NoError(t, rollout.New(g.Engine()).Register(t.Context(), "build", "build", definitions))
	events := []ingest.Event{{Name: "open", UserID: "idle"}}
	for i := range n {
		events = append(events, ingest.Event{Name: "click", UserID: fmt.Sprint("u", i)})
	}
	_, err = g.IngestAll(t.Context(), events)
	require.NoError(t, err)
	db, err := members.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db, s
}

func exec(t *testing.T, s *store.Store, sql string) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// B-57: pages do not overlap and cover everybody.
func TestPages(t *testing.T) {
	t.Parallel()
	db, _ := open(t, 5)
	clickers := db.Of("clickers")
	var sizes []int
	seen := map[string]bool{}
	last, cursor := "", ""
	for {
		page, err := clickers.Members(t.Context(), 2, cursor)
		require.NoError(t, err)
		require.EqualValues(t, 5, page.Total)
		sizes = append(sizes, len(page.Members))
		for _, m := range page.Members {
			require.Greater(t, m.ID, last, "by the id of the membership")
			require.Equal(t, 1, m.EntryCount)
			require.NotZero(t, m.EnteredAt)
			last, seen[m.UserID] = m.ID, true
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	require.Equal(t, []int{2, 2, 1}, sizes)
	require.Len(t, seen, 5)
	_, err := clickers.Members(t.Context(), 2, "elsewhere")
	require.ErrorContains(t, err, `cursor "elsewhere" is none of ours`)
}

func TestLimitsOfAPage(t *testing.T) {
	t.Parallel() // B-57
	db, _ := open(t, 101)
	for limit, want := range map[int]int{0: 50, -1: 50, 1: 1, 100: 100, 101: 100} {
		page, err := db.Of("clickers").Members(t.Context(), limit, "")
		require.NoError(t, err)
		require.Len(t, page.Members, want)
		require.NotEmpty(t, page.Cursor)
	}
	page, err := db.Of("unknown").Members(t.Context(), 0, "")
	require.NoError(t, err)
	require.Equal(t, members.Page{Members: []members.Member{}}, page)
}

// B-56: live contacts with an active stay, nothing else.
func TestWhoIsAMember(t *testing.T) {
	t.Parallel()
	db, s := open(t, 3)
	exec(t, s, `update contacts set deleted_at = now() where external_id = 'u1'`)
	exec(t, s, `update memberships set status = 'left' where contact_id = (select id from contacts where external_id = 'u2')`)
	exec(t, s, `update contacts set email = 'Ada@example.com', email_key = 'ada@example.com' where external_id = 'u0'`)
	clickers := db.Of("clickers")
	n, err := clickers.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	page, err := clickers.Members(t.Context(), 0, "")
	require.NoError(t, err)
	require.Len(t, page.Members, 1)
	require.Equal(t, []string{"u0", "Ada@example.com"}, []string{page.Members[0].UserID, page.Members[0].UserEmail})
	for contact, want := range map[string]bool{"u0": true, page.Members[0].ContactID: true, "u1": false, "u2": false, "idle": false, "nobody": false} {
		has, err := clickers.Has(t.Context(), contact)
		require.NoError(t, err)
		require.Equal(t, want, has, contact)
	}
	has, err := db.Of("unknown").Has(t.Context(), "u0")
	require.NoError(t, err)
	require.False(t, has)
}

// B-57: each member that stays is yielded once, whoever comes and goes meanwhile.
func TestTheIterator(t *testing.T) {
	t.Parallel()
	db, s := open(t, 230)
	clickers := db.Of("clickers")
	seen := map[string]int{}
	for m, err := range clickers.All(t.Context()) {
		require.NoError(t, err)
		if seen[m.UserID]++; len(seen) == 120 {
			exec(t, s, `update memberships set status = 'left' where id in (select id from memberships order by id limit 50)`)
			exec(t, s, `update memberships set status = 'left' where id in (select id from memberships order by id desc limit 20)`)
		}
	}
	require.Len(t, seen, 210)
	for user, times := range seen {
		require.Equal(t, 1, times, user)
	}
	for range clickers.All(t.Context()) {
		break // stopping early is nothing special
	}
}

// B-56: a failure is an error, never a panic.
func TestFailuresAreErrors(t *testing.T) {
	t.Parallel()
	_, err := members.Open(t.Context(), "")
	require.Error(t, err)
	_, err = members.Open(t.Context(), "://")
	require.Error(t, err)
	db, _ := open(t, 1)
	clickers := db.Of("clickers")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = clickers.Count(ctx)
	require.Error(t, err)
	has, err := clickers.Has(ctx, "u0")
	require.Error(t, err)
	require.False(t, has)
	_, err = clickers.Members(ctx, 0, "")
	require.Error(t, err)
	failures := 0
	for m, err := range clickers.All(ctx) {
		require.Error(t, err)
		require.Zero(t, m)
		failures++
	}
	require.Equal(t, 1, failures)
}
