package ingest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// J-130: a wait for the first of several is for transitions, too, and ends once though
// one event brings several of what it is for.
func TestATransitionEndsAWaitForAny(t *testing.T) {
	t.Parallel()
	v := virtualWith(t, ingest.Config{Journeys: []hogsend.Journey{journey("j", "go")}},
		segmentOf("busy", hogsend.Event("click").Within(time.Hour).Exists()))
	v.send(user("go", "ada"))
	for _, alternatives := range []string{
		`[{"event": "bucket:entered:busy"}, {"event": "bucket:entered"}]`,
		`[{"event": "bucket:left:busy"}, {"event": "click"}, {"event": "bucket:entered:busy"}]`,
		`[{"event": "bucket:left:busy"}, {"event": "never"}]`,
	} {
		id := v.waiting(v.enrollment("j"), "never", "", nil)
		v.exec(`update waits set event_name = null, alternatives = $2 where id = $1`, id, alternatives)
	}
	v.send(user("click", "ada"))
	ended := `select e.name || ' ' || w.place from waits w join events e on e.id = w.event_id and e.seq = w.event_seq where w.status = 'matched' order by w.registered_at, w.id`
	require.ElementsMatch(t, []string{"bucket:entered:busy 0", "click 1"}, v.texts(ended))
	require.Equal(t, 2, v.count(`select count(*) from outbox where kind = 'signal'`))
	v.send(user("click", "ada")) // still a member
	require.Equal(t, 2, v.count(`select count(*) from outbox where kind = 'signal'`))
	v.pass(2 * time.Hour)
	require.ElementsMatch(t, []string{"bucket:entered:busy 0", "click 1", "bucket:left:busy 0"}, v.texts(ended))
}
