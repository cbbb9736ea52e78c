package hogsendtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hogsend/hogsend"
)

// randomDateCase is a script of some fifty lines over three weeks, about people whose dates
// and zones move, and journeys of keys, audiences and priorities whose mails wait for each
// other.
func randomDateCase(seed uint64) conformanceCase {
	r := rand.New(rand.NewPCG(seed, 4))
	due := hogsend.Prop("renewsAt")
	dated := func(id string, trigger hogsend.Trigger, changes ...func(*hogsend.Journey)) hogsend.Journey {
		return j(id, "", mailsOnce, append(changes, func(j *hogsend.Journey) { j.Trigger = trigger })...)
	}
	ahead := b("ahead", due.InNext(4*day))
	ahead.Reactions = []hogsend.Reaction{hogsend.OnEnter(mailsOnce)}
	journeys := []hogsend.Journey{
		dated("renewal", hogsend.OnDate("renewsAt").Before(2*day).At("9:00"), priority(5)), dated("exact", hogsend.OnDate("renewsAt"), limited(hogsend.OncePerPeriod)),
		dated("after", hogsend.OnDate("renewsAt").After(30*hour), audience(hogsend.Not(due.InNext(10*day)))), dated("birthday", hogsend.OnDate("born").At("8:30").Yearly(), priority(-3)),
		j("each", "go", hearsOfItsOwn, keyed("n"), exits("stop", hogsend.SameAsTrigger("n"))), j("soon", "go", mailsOnce, priority(10), audience(hogsend.Any(due.InNext(5*day), hogsend.InBucket("ahead")))),
		j("late", "word", mailsOnce, keyed("n"), priority(r.IntN(20)-10), audience(hogsend.All(due.InLast(6*day), hogsend.Event("go").Within(9*day).Exists()))),
		j("notice", "word", defersNews, priority(r.IntN(2000)-1000)),
	}
	var defaults hogsend.Defaults
	if seed%3 > 0 {
		defaults = hogsend.Defaults{
			SendWindow: hogsend.Window{Start: "08:00", End: "12:00"}, FrequencyCap: hogsend.FrequencyCap{Count: 1 + int(seed%2), Window: day}, OnBlocked: hogsend.Defer, MaxDefer: 4 * day,
		}
	}
	return conformanceCase{name: fmt.Sprint("seed ", seed), journeys: journeys, buckets: []hogsend.Bucket{ahead}, defaults: defaults, script: func(s *Scenario, ada *Contact) {
		people := []*Contact{ada, s.Contact(Person{UserID: "bob", Email: "bob@example.com", Timezone: "Asia/Tokyo", Properties: hogsend.Properties{"renewsAt": "2026-01-12", "born": "2000-01-20"}})}
		for range 50 {
			at := time.Duration(r.IntN(21*24*4))*15*time.Minute + time.Duration(r.IntN(600_000))*time.Millisecond
			who := people[r.IntN(len(people))]
			switch r.IntN(12) {
			case 0, 1, 2:
				date := Start().Add(at + time.Duration(r.IntN(9*24*60))*time.Minute - 3*day)
				who.Changes(at, hogsend.Properties{"renewsAt": []any{date.Format(time.RFC3339), date.Format("2006-01-02"), date.Format("2006-01-02"), "soon", nil}[r.IntN(5)]})
			case 3:
				who.Changes(at, hogsend.Properties{"born": Start().AddDate(-30, 0, r.IntN(25)).Format("2006-01-02")})
			case 4, 5:
				who.Moves(at, []string{"Asia/Tokyo", "America/Los_Angeles", "Pacific/Apia", ""}[r.IntN(4)])
			case 6:
				who.Deleted(at)
			default:
				who.At(at, []string{"go", "go", "word", "stop", "other"}[r.IntN(5)], hogsend.Properties{"n": r.IntN(3)})
			}
		}
		s.Until(24*day + 7*time.Minute)
	}}
}

// T-4: and for dates, audiences and priorities in scripts that nobody wrote.
func TestDatesAndPrioritiesConformInRandomScripts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*randomScripts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			conformsApart(t, func() *Scenario { return conformanceScenario(t, randomDateCase(seed)) })
		})
	}
}
