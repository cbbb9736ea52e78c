package hogsendtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

var randomScripts = flag.Int("scripts", 8, "how many random scripts to play on both stages")

// randomCase is a script of some forty lines over two weeks.
func randomCase(seed uint64) parityCase {
	r := rand.New(rand.NewPCG(seed, 1)) // the same each time
	journeys := []hogsend.Journey{
		j("ask", "go", asksMuch, exits("stop", hogsend.Prop("n").Gt(2))),
		j("a", "a", callsB, limited(hogsend.OncePerPeriod), func(j *hogsend.Journey) { j.EntryPeriod = 2 * day }), j("b", "b", callsA),
		j("mail", "go", mailsAroundADay, exits("stop"), exits("journey:failed")), j("wait", "begin", waitsForWord, exits("end")),
		j("once", "begin", twoAtOnce, limited(hogsend.Once)), j("fail", "stop", fails, where(hogsend.Prop("n").Gt(1))),
		j("follow", "journey:exited", mailsOnce, func(j *hogsend.Journey) { j.EnrollUnsubscribed = true }), j("write", "word", writesContact, limited(hogsend.OncePerPeriod)),
		j("look", "end", looksBack), j("sub", "end", asksSubscription),
	}
	var defaults hogsend.Defaults
	if seed%2 == 1 { // sends are held, and half of them deferred
		defaults = hogsend.Defaults{
			SendWindow:   hogsend.Window{Start: "07:00", End: "19:00"},
			FrequencyCap: hogsend.FrequencyCap{Count: 2, Window: day, ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 2 * day}}},
			OnBlocked:    []hogsend.OnBlocked{hogsend.Skip, hogsend.Defer}[seed/2%2], MaxDefer: 30 * hour,
		}
		for i := range journeys {
			journeys[i].MinSendGap = time.Duration(i%3) * 5 * hour
		}
	}
	return parityCase{name: fmt.Sprint("seed ", seed), journeys: journeys, defaults: defaults, script: func(s *Scenario, ada *Contact) {
		people := []*Contact{ada, s.Contact(Person{UserID: "bob", Email: "bob@example.com", Timezone: "Asia/Tokyo"})}
		journey := func() string { return journeys[r.IntN(len(journeys))].ID }
		for range 40 {
			// Whole quarters of hours meet deadlines; what comes a moment after does not.
			at := time.Duration(r.IntN(14*24*4)) * 15 * time.Minute
			if r.IntN(2) == 0 {
				at += time.Duration(r.IntN(600_000)) * time.Millisecond
			}
			who := people[r.IntN(2)]
			switch r.IntN(16) {
			case 0:
				who.Unsubscribes(at)
			case 1, 2:
				who.Resubscribes(at)
			case 3:
				who.Suppress(at, "manual")
			case 4:
				who.Unsuppress(at)
			case 5:
				s.Disable(at, journey())
			case 6:
				s.Enable(at, journey())
			case 7:
				id := journey()
				s.Pause(at, id)
				s.Resume(at+time.Duration(r.IntN(48))*hour, id, []ResumePolicy{CatchUp, SkipLate, Reschedule}[r.IntN(3)])
			case 8:
				s.Down(at, at+time.Duration(r.IntN(20))*hour)
			case 9:
				who.Changes(at, hogsend.Properties{"plan": r.IntN(3), "old": "x"})
			default:
				e := Event{Name: []string{"go", "a", "begin", "word", "word", "stop", "end", "other"}[r.IntN(8)], Properties: hogsend.Properties{"n": r.IntN(4)}}
				if r.IntN(8) == 0 {
					e.OccurredAt = Start().Add(at - time.Duration(r.IntN(40))*hour)
				}
				who.Does(at, e)
			}
		}
	}}
}

// T-4: so it does for scripts that nobody wrote.
func TestTheKitAgreesWithPostgresAboutRandomScripts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*randomScripts) { // a small number
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := randomCase(seed)
			require.Equal(t, onPostgres(t, parityScenario(t, c)), inMemory(t, parityScenario(t, randomCase(seed))))
		})
	}
}
