package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// An empty installation has people in every state afterwards, once.
func TestFill(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	registry := saas.Registry()
	ingester := ingest.New(s, ingest.Config{Journeys: registry.Journeys})
	t.Cleanup(ingester.Close)
	cfg := Config{Store: s, Ingest: ingester, Registry: registry, PublicURL: "http://localhost:3002", People: 300, Now: time.Now()}
	require.NoError(t, Fill(t.Context(), cfg))
	for _, sql := range []string{
		"select count(*) >= 300 from contacts", "select count(distinct status) = 4 from enrollments", "select count(distinct status) >= 7 from sends",
		"select count(*) > 0 from preferences where suppressed", "select count(*) > 0 from preferences where unsubscribed_all", "select count(*) > 0 from dead_letters",
		"select count(*) > 0 from outbox where status = 'pending'", "select count(distinct outcome) = 2 from decisions",
		"select bool_and(e.seq < n.seq) from events e join events n using (contact_id) where e.received_at < n.received_at",
		"select count(*) = 0 from enrollments e where not exists (select from decisions d where d.enrollment_id = e.id)",
	} {
		var holds bool
		require.NoError(t, s.Pool.QueryRow(t.Context(), sql).Scan(&holds), sql)
		require.True(t, holds, sql)
	}
	require.ErrorIs(t, Fill(t.Context(), cfg), ErrNotEmpty)
}
