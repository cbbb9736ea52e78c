package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
)

// retire retires a bucket, and returns how many were to leave.
func (v *timed) retire(id string) int64 {
	v.t.Helper()
	n, err := v.rollout.Retire(v.t.Context(), id)
	require.NoError(v.t, err)
	for done := false; !done; {
		done, _, err = v.rollout.LetLeave(v.t.Context())
		require.NoError(v.t, err)
	}
	return n
}

// W-31: a bucket that is gone keeps its members, frozen, until it is retired.
func TestARetiredBucketIsLeftSilently(t *testing.T) {
	t.Parallel()
	clickers := segmentOf("clickers", hogsend.Event("click").Exists(), func(b *hogsend.Bucket) {
		b.SyncToPostHog = true
		b.Reactions = []hogsend.Reaction{
			hogsend.OnLeave(nothing), hogsend.OnDwell(hogsend.After(time.Hour), nothing), hogsend.OnDwell(hogsend.Every(2*time.Hour), nothing),
		}
	})
	v := virtualWith(t, ingest.Config{Mirror: true}, clickers)
	v.sendAll(user("click", "ada"), user("click", "bob"))
	v.exec(`update memberships set fired = '{"after-3600000": 1}' where contact_id = (select id from contacts where external_id = 'bob')`)
	_, err := v.rollout.Retire(t.Context(), "clickers")
	require.ErrorIs(t, err, rollout.ErrStillRegistered)
	_, err = v.rollout.Retire(t.Context(), "unknown")
	require.ErrorIs(t, err, store.ErrNotFound)

	v.register("second")
	v.send(user("click", "cleo"))
	require.Equal(t, []string{"ada #1", "bob #1"}, v.members("clickers"), "nobody enters, nobody leaves by itself")
	before := v.count(`select count(*) from events`)
	v.exec(`delete from outbox`)
	v.set(time.Minute)
	require.EqualValues(t, 2, v.retire("clickers"))
	require.EqualValues(t, 0, v.retire("clickers"), "once more is nothing")

	require.Empty(t, v.members("clickers"))
	require.Equal(t, []string{"left retired 00:01:00", "left retired 00:01:00"}, v.texts(`select status || ' ' || left_reason || ' ' || (left_at - $1) from memberships`, monday))
	require.Equal(t, before, v.count(`select count(*) from events`), "silently")
	require.Empty(t, v.statuses("bucket-clickers-on-leave"))
	require.Equal(t, []string{
		"ada after-3600000", "ada every-7200000", "bob every-7200000", // bob's run of after has begun: it goes on (B-36)
	}, v.texts(`select c.external_id || ' ' || replace(split_part(o.payload ->> 'workflowId', '/', 1), 'bucket-clickers-on-dwell-', '')
		from outbox o join memberships m on m.id = o.ordering_key join contacts c on c.id = m.contact_id where o.kind = 'cancel' order by 1`))
	require.Equal(t, []string{"ada hogsend_bucket_clickers false", "bob hogsend_bucket_clickers false"}, v.texts(`select c.external_id || ' ' || (o.payload ->> 'property') || ' ' || (o.payload ->> 'member')
		from outbox o join contacts c on c.id = o.ordering_key where o.kind = 'mirror' order by 1`))

	// Registered again its epochs go on.
	v.register("third", clickers)
	v.settle()
	require.Equal(t, []string{"ada #2", "bob #2", "cleo #1"}, v.members("clickers"))
}

func TestRetirementGoesInChunksAndEndsTheBackfill(t *testing.T) {
	t.Parallel()
	v := virtual(t, segmentOf("all", hogsend.Prop("plan").Exists()))
	v.exec(`insert into contacts (id, external_id, first_seen_at, last_seen_at, created_at, updated_at)
		select gen_random_uuid(), 'u' || n, clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp() from generate_series(1, 1203) n`)
	v.exec(`insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, last_evaluated_at, created_at, updated_at)
		select gen_random_uuid(), 'all', id, 1, 'active', 'event', now(), now(), now(), now(), now() from contacts`)
	v.register("second")
	require.Equal(t, 1, v.count(`select count(*) from backfills where status = 'pending'`))
	require.EqualValues(t, 1203, v.retire("all"))
	require.Equal(t, 1203, v.count(`select count(*) from memberships where left_reason = 'retired'`))
	require.Equal(t, 0, v.count(`select count(*) from backfills where status = 'pending'`))
}
