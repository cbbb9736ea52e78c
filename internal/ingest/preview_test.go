package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/rollout"
)

func (v *timed) preview(p rollout.PreviewParams) rollout.Preview {
	v.t.Helper()
	got, err := rollout.NewPreview(v.t.Context(), v.store, p)
	require.NoError(v.t, err)
	return got
}

// C-25, C-26: what a preview says is what a registration then does.
func TestAPreviewAgreesWithTheRegistration(t *testing.T) {
	t.Parallel()
	v := virtual(t, segmentOf("fans", hogsend.Event("click").Exists()))
	v.sendAll(user("click", "ada"), user("click", "bob"), user("open", "cleo"), user("open", "dan"), user("click", "gone"), user("open", "gone"))
	v.exec(`update contacts set deleted_at = clock_timestamp() where external_id = 'gone'`) // I-50
	opened := hogsend.Event("open").Within(time.Hour).Exists()
	got := v.preview(rollout.PreviewParams{Criteria: opened, Sample: 1})
	require.Equal(t, []int64{2, 4}, []int64{got.Count, got.Total})
	require.Len(t, got.Sample, 1)
	require.Equal(t, v.now(), got.At)
	got = v.preview(rollout.PreviewParams{Criteria: hogsend.Any(opened, hogsend.Event("x").Exists()), BucketID: "fans"})
	require.Equal(t, []int64{2, 2, 2}, []int64{got.Count, got.Join, got.Leave})
	require.Empty(t, got.Sample)

	v.set(time.Hour) // the window starts inclusive (C-7)
	require.EqualValues(t, 2, v.preview(rollout.PreviewParams{Criteria: opened}).Count)
	v.set(2 * time.Hour)
	require.EqualValues(t, 0, v.preview(rollout.PreviewParams{Criteria: opened}).Count)

	dormant := hogsend.Event("open").Within(time.Hour).NotExists()
	n := v.preview(rollout.PreviewParams{Criteria: dormant, BucketID: "unknown"}).Join
	v.register("second", segmentOf("sleepers", dormant))
	v.settle()
	require.EqualValues(t, n, v.count(`select joined from backfills where bucket_id = 'sleepers'`))
	require.Equal(t, []string{"cleo #1", "dan #1"}, v.members("sleepers"))
}

func TestAPreviewThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel() // C-25
	v := virtual(t)
	tx, err := v.store.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }() // else the pool would wait for it
	_, err = tx.Exec(t.Context(), `lock table contacts in access exclusive mode`)
	require.NoError(t, err)
	_, err = rollout.NewPreview(t.Context(), v.store, rollout.PreviewParams{Criteria: hogsend.Event("open").Exists(), Timeout: 20 * time.Millisecond})
	require.ErrorIs(t, err, rollout.ErrPreviewTimedOut)
	require.NoError(t, tx.Rollback(t.Context()))
	v.preview(rollout.PreviewParams{Criteria: hogsend.Event("open").Exists()})
}
