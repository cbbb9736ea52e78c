package hogsendtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func quietSince(ctx workflow.Context, run hogsend.Run) error { return send(ctx, run, "note") }

// wentDormant is a bucket of those who were active once, and not for a week.
func wentDormant(changes ...func(b *hogsend.Bucket)) hogsend.Bucket {
	b := hogsend.Bucket{
		ID: "went-dormant", Name: "Went dormant", Criteria: hogsend.Event("app.active").Within(7 * hogsend.Day).NotExists(),
		Reactions: []hogsend.Reaction{hogsend.OnEnter(quietSince), hogsend.OnDwell(hogsend.Every(3*hogsend.Day), tellsMembership)},
	}
	for _, change := range changes {
		change(&b)
	}
	return b
}

func TestABucketIsEnteredByTimeAlone(t *testing.T) {
	t.Parallel() // T-42, B-38, W-2
	s, person := bucketScenario(t, wentDormant())
	person.At(0, "app.active")
	person.At(15*hogsend.Day, "app.active")
	s.Until(16 * hogsend.Day)
	got := s.Run()
	edge := 7*hogsend.Day + time.Microsecond
	require.Equal(t, []hogsendtest.Membership{{
		Contact: "ada", Bucket: "went-dormant", EntryCount: 1, EnteredAt: got.Start.Add(edge), LeftAt: got.Start.Add(15 * hogsend.Day), Reason: hogsend.LeftByCriteria,
	}}, got.Memberships)
	require.Equal(t, []string{"note"}, got.Mailbox.Templates("ada"))
	require.Equal(t, got.Start.Add(edge), got.Mailbox[0].At)
	require.Equal(t, []string{"bucket-went-dormant-on-enter: enrolled", "bucket-went-dormant-on-dwell-every-259200000: enrolled", "bucket-went-dormant-on-dwell-every-259200000: enrolled"}, got.DecisionsOf("ada"))
	require.Equal(t, "went-dormant 1  2", got.Enrollment("ada", "bucket-went-dormant-on-dwell-every-259200000").Node)
}

func TestLimitsOfABucketHoldInTheKit(t *testing.T) {
	t.Parallel() // B-17, B-18, B-20, B-22, B-23
	once := func(b *hogsend.Bucket) { b.EntryLimit = hogsend.Once }
	aged := func(b *hogsend.Bucket) { b.MaxDwell = 2 * hogsend.Day }
	held := func(b *hogsend.Bucket) { b.MinDwell = 10 * hogsend.Day }
	for name, tt := range map[string]struct {
		bucket hogsend.Bucket
		mails  int
		left   []time.Duration
	}{
		"entered once":   {wentDormant(once), 1, []time.Duration{9 * hogsend.Day, 20 * hogsend.Day}},
		"entered twice":  {wentDormant(), 2, []time.Duration{9 * hogsend.Day, 20 * hogsend.Day}},
		"a greatest age": {wentDormant(aged), 2, []time.Duration{9 * hogsend.Day, 18*hogsend.Day + time.Microsecond}},
		"a least age":    {wentDormant(held), 1, []time.Duration{20 * hogsend.Day}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, person := bucketScenario(t, tt.bucket)
			for _, at := range []time.Duration{0, 9 * hogsend.Day, 20 * hogsend.Day} {
				person.At(at, "app.active")
			}
			s.Until(26 * hogsend.Day)
			got := s.Run()
			require.Len(t, got.Mailbox, tt.mails)
			var left []time.Duration
			for _, m := range got.Memberships {
				if !m.LeftAt.IsZero() {
					left = append(left, m.LeftAt.Sub(got.Start))
				}
			}
			require.Equal(t, tt.left, left)
		})
	}
}

func TestWhoMatchesAtTheStartIsAMemberSilently(t *testing.T) {
	t.Parallel() // T-42, W-19
	s, person := bucketScenario(t, hogsend.Bucket{ID: "free", Name: "Free", Criteria: hogsend.Prop("plan").Eq("free"), Reactions: []hogsend.Reaction{
		hogsend.OnEnter(quietSince), hogsend.OnLeave(tellsMembership), hogsend.OnDwell(hogsend.After(hogsend.Day), tellsMembership),
	}})
	person.Changes(2*hogsend.Day, hogsend.Properties{"plan": "pro"})
	got := s.Run()
	require.Empty(t, got.Mailbox)
	require.Equal(t, []string{"bucket-free-on-dwell-after-86400000: enrolled", "bucket-free-on-leave: enrolled"}, got.DecisionsOf("ada"))
}

func TestAContactThatBecomesKnownIsOneInTheKit(t *testing.T) {
	t.Parallel() // I-21, I-26, T-3
	s, person := bucketScenario(t, wentDormant(), path(waitsForEntry))
	visitor := s.Contact(hogsendtest.Person{AnonymousID: "browser-1"})
	visitor.At(0, "app.active")
	visitor.At(hogsend.Day, "go")
	s.Unheard("signed.in")
	person.Does(2*hogsend.Day, hogsendtest.Event{Name: "signed.in", AnonymousID: "browser-1"})
	s.Until(10 * hogsend.Day)
	got := s.Run()
	require.Equal(t, []string{"app.active", "go", "signed.in"}, got.EventsOf("ada")[:3], "what the visitor did is hers")
	require.Equal(t, "waiting", got.Enrollment("ada", "path").Status)
	require.Equal(t, got.Start.Add(7*hogsend.Day+time.Microsecond), got.Memberships[0].EnteredAt)
}
