package ingest_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

func TestAnUpdatedContactMovesThroughBuckets(t *testing.T) {
	t.Parallel() // R-48, B-6
	v := virtualWith(t, ingest.Config{}, segmentOf("pro", hogsend.Prop("plan").Eq("pro")))
	v.send(user("signup", "ada"))
	var id uuid.UUID
	require.NoError(t, v.store.Pool.QueryRow(t.Context(), `select id from contacts`).Scan(&id))
	zone := "Europe/Berlin"
	update := func(plan string, writes ...ingest.Write) bool {
		found, err := v.ingester.Update(t.Context(), id, map[string]json.RawMessage{"plan": json.RawMessage(plan)}, writes...)
		require.NoError(t, err)
		return found
	}
	require.True(t, update(`"pro"`, func(q *storedb.Queries) error { return q.ContactTimezoneSet(t.Context(), &zone, id) }))
	require.Equal(t, []string{"ada #1"}, v.members("pro"))
	require.Equal(t, 1, v.count(`select count(*) from contacts where timezone = 'Europe/Berlin' and properties = '{"plan": "pro"}' and last_seen_at = first_seen_at`))
	require.True(t, update("null"))
	require.Empty(t, v.members("pro"))
	_, err := v.store.Pool.Exec(t.Context(), `update contacts set deleted_at = now()`)
	require.NoError(t, err)
	require.False(t, update(`"pro"`))
}
