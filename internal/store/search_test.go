package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
)

// % and _ are literal, case does not count.
func TestSearchPattern(t *testing.T) {
	t.Parallel()
	require.Empty(t, store.SearchPattern(""))
	require.Equal(t, `%ada\_l\%\\x%`, store.SearchPattern(`Ada_L%\X`))
}

// a search is served by an index where the extension for it is to be had, and works
// where it is not.
func TestSearchingForPeopleIsServedByAnIndex(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	_, err := s.Pool.Exec(t.Context(), `insert into contacts (id, external_id, email, email_key, first_seen_at, last_seen_at, created_at, updated_at)
		select gen_random_uuid(), 'u' || n, md5(n::text) || '@x.io', md5(n::text), now(), now(), now(), now() from generate_series(1, 20000) n`)
	require.NoError(t, err)
	_, err = s.Pool.Exec(t.Context(), `vacuum analyze contacts`)
	require.NoError(t, err)
	found, err := s.AdminContactsCount(t.Context(), store.SearchPattern("U499"))
	require.NoError(t, err)
	require.Equal(t, int64(11), found)
	var indexed bool
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select count(*) > 0 from pg_indexes where indexname = 'contacts_search_email'`).Scan(&indexed))
	var there bool
	require.NoError(t, s.Pool.QueryRow(t.Context(), `select count(*) > 0 from pg_available_extensions where name = 'pg_trgm'`).Scan(&there))
	require.Equal(t, there, indexed)
	conn, err := s.Pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `set enable_seqscan = off`) // the table of a test is small
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), `explain select count(*) from contacts where deleted_at is null and merged_into is null
		and (lower(email) like '%a1b2c3%' or lower(external_id) like '%a1b2c3%')`)
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	text := strings.Join(plan, " ")
	require.Equal(t, indexed, strings.Contains(text, "contacts_search_email") && strings.Contains(text, "contacts_search_external_id"), text)
}
