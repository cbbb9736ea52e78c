package hogsendtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hogsend/hogsend"
)

var randomScripts = flag.Int("scripts", 8, "how many random scripts to play on both stages")

// randomCase is a script of some forty lines over two weeks.
func randomCase(seed uint64) conformanceCase {
	r := rand.New(rand.NewPCG(seed, 1))
	journeys := []hogsend.Journey{
		j("ask", "go", asksMuch, exits("stop", hogsend.Prop("n").Gt(2))),
		j("a", "a", callsB, limited(hogsend.OncePerPeriod), func(j *hogsend.Journey) { j.EntryPeriod = 2 * day }), j("b", "b", callsA),
		j("mail", "go", mailsAroundADay, exits("stop"), exits("journey:failed")), j("wait", "begin", waitsForWord, exits("end")),
		j("once", "begin", twoAtOnce, limited(hogsend.Once)), j("fail", "stop", fails, where(hogsend.Prop("n").Gt(1))),
		j("follow", "journey:exited", mailsOnce, func(j *hogsend.Journey) { j.EnrollUnsubscribed = true }), j("write", "word", writesContact, limited(hogsend.OncePerPeriod)),
		j("look", "end", looksBack), j("sub", "end", asksSubscription),
		j("each", "go", hearsOfItsOwn, keyed("n"), period(day), exits("stop", hogsend.SameAsTrigger("n"))),
		j("some", "word", mailsOnce, limited(hogsend.Once), audience(hogsend.Any(
			hogsend.All(hogsend.Prop("plan").Gt(0), hogsend.Event("go").Within(3*day+7*time.Minute).AtLeast(2)), hogsend.Event("begin").AtLeast(3),
		))),
		j("receipt", "end", mailsOnce, keyed("n"), audience(hogsend.Not(hogsend.Prop("plan").Eq(2))), func(j *hogsend.Journey) { j.Category = "transactional" }),
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
	return conformanceCase{name: fmt.Sprint("seed ", seed), journeys: journeys, defaults: defaults, script: func(s *Scenario, ada *Contact) {
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
				s.Pause(at, id, []PauseEntries{HoldEntries, DropEntries}[r.IntN(2)])
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
	for seed := range uint64(*randomScripts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, randomCase(seed)) })
		})
	}
}

// randomBucketCase is a script of some fifty lines over three weeks, about buckets of all
// shapes and limits and people who turn out to be one.
func randomBucketCase(seed uint64) conformanceCase {
	r := rand.New(rand.NewPCG(seed, 2))
	app, word := hogsend.Event("app"), hogsend.Event("word")
	pro, other := hogsend.Prop("plan").Eq("pro"), hogsend.Prop("n").Gt(1)
	trees := []hogsend.Condition{
		app.Within(3 * day).NotExists(), app.Within(2 * day).Exists(), app.Within(4 * day).AtLeast(2), hogsend.Any(pro, word.Within(day).NotExists()),
		hogsend.All(pro, app.Within(5*day).AtMost(2), app.Exists()), hogsend.Not(hogsend.Any(hogsend.Not(pro), word.Within(2*day).Exists())), hogsend.All(other, hogsend.Prop("plan").Neq("free")),
		hogsend.Any(app.Within(day).Exactly(1), word.Within(6*day).NotExists(), pro), // Its window never ends with a dwell, whose reaction would be in it.
		hogsend.Event("journey:completed").Within(25*hour + 7*time.Minute).Exists(),
		hogsend.Prop("due").InNext(50 * hour), hogsend.Any(hogsend.Prop("due").InLast(30*hour+3*time.Minute), hogsend.Not(hogsend.Prop("due").InNext(3*day))), hogsend.All(hogsend.Prop("due").Exists(), hogsend.Not(hogsend.Prop("due").After(Start().Add(9*day)))),
	}
	var buckets []hogsend.Bucket
	for i, tree := range trees {
		one := b(fmt.Sprint("b", i), tree)
		one.EntryLimit = []hogsend.EntryLimit{hogsend.Unlimited, hogsend.Once, hogsend.OncePerPeriod}[r.IntN(3)]
		if one.EntryLimit == hogsend.OncePerPeriod {
			one.EntryPeriod = time.Duration(1+r.IntN(100)) * hour
		}
		if r.IntN(2) == 0 {
			one.MinDwell = time.Duration(1+r.IntN(40))*hour + 11*time.Minute // what is held back ends at an instant of its own
		}
		if r.IntN(3) == 0 {
			one.MaxDwell = one.MinDwell + time.Duration(r.IntN(60)+1)*hour + 13*time.Minute
		}
		if r.IntN(3) == 0 {
			overlap := hogsend.WithOverlap([]hogsend.Overlap{hogsend.OverlapSkip, hogsend.OverlapAllow, hogsend.OverlapCancelPrevious}[r.IntN(3)])
			one.Reactions = []hogsend.Reaction{hogsend.OnEnter(lingers, overlap), hogsend.OnDwell(hogsend.Every(time.Duration(10+r.IntN(50))*hour), lingers, overlap)}
		}
		buckets = append(buckets, one)
	}
	journeys := []hogsend.Journey{
		j("a", "go", waitsForWord), j("b", "go", mailsAroundADay, exits(hogsend.AnyLeft)), j("c", "begin", identifiesAsPro), j("d", hogsend.Entered("b1"), nothingToDo),
		j("e", "end", triggersForAnother), j("f", "begin", listensForEntry),
	}
	return conformanceCase{name: fmt.Sprint("seed ", seed), journeys: journeys, buckets: buckets, script: func(s *Scenario, ada *Contact) {
		people := []*Contact{
			ada, s.Contact(Person{UserID: "bob", Email: "bob@example.com", Properties: hogsend.Properties{"plan": "pro"}}),
			s.Contact(Person{AnonymousID: "browser-1", Properties: hogsend.Properties{"n": 2}}), s.Contact(Person{Email: "eve@example.com"}),
		}
		for range 50 {
			at := time.Duration(r.IntN(21*24*4)) * 15 * time.Minute
			if r.IntN(2) == 0 {
				at += time.Duration(r.IntN(600_000)) * time.Millisecond
			}
			who := people[r.IntN(len(people))]
			switch r.IntN(14) {
			case 0:
				s.Down(at, at+time.Duration(r.IntN(60))*hour)
			case 1, 2:
				who.Changes(at, hogsend.Properties{"plan": []any{"pro", "free", nil}[r.IntN(3)], "n": r.IntN(4)})
			case 3:
				who.Does(at, Event{Name: "other", AnonymousID: "browser-1"})
			case 4:
				who.Does(at, Event{Name: "app", Email: "eve@example.com"})
			case 5:
				who.Deleted(at)
			case 6:
				due := Start().Add(at + time.Duration(r.IntN(6*24*60))*time.Minute - 2*day)
				who.Changes(at, hogsend.Properties{"due": []any{due.Format(time.RFC3339), due.Format("2006-01-02"), "soon", nil}[r.IntN(4)]})
			case 7:
				who.Moves(at, []string{"Asia/Tokyo", "America/Los_Angeles", ""}[r.IntN(3)])
			default:
				e := Event{Name: []string{"app", "app", "app", "word", "go", "begin", "end"}[r.IntN(7)], Properties: hogsend.Properties{"n": r.IntN(4)}}
				if r.IntN(5) == 0 {
					e.OccurredAt = Start().Add(at - time.Duration(r.IntN(90))*hour)
				}
				who.Does(at, e)
			}
		}
		s.Until(24*day + 7*time.Minute)
	}}
}

// T-4, T-42: and for buckets in scripts that nobody wrote.
func TestBucketsConformInRandomScripts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*randomScripts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			conformsApart(t, func() *Scenario { return conformanceScenario(t, randomBucketCase(seed)) })
		})
	}
}
