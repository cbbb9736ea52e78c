package hogsendtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hogsend/hogsend"
)

// identityJourneys greet, wait, and end by what others do who turn out to be the same.
func identityJourneys() []hogsend.Journey {
	return []hogsend.Journey{
		j("greet", "go", mailsOnce, limited(hogsend.Once)), j("wait", "go", waitsForWord, exits("stop")),
		j("each", "go", hearsOfItsOwn, keyed("n")), j("member", "begin", mailsAroundADay, audience(hogsend.Prop("plan").Eq("pro"))),
	}
}

// identityCases are about who is who, and what becomes of what they were doing.
func identityCases() []conformanceCase {
	n := func(n int) hogsend.Properties { return hogsend.Properties{"n": n} }
	plan := func(p any) hogsend.Properties { return hogsend.Properties{"plan": p} }
	one := func(name string, script func(s *Scenario, ada *Contact)) conformanceCase {
		return conformanceCase{name: name, journeys: identityJourneys(), script: script}
	}
	return []conformanceCase{
		// I-20: the name spaces do not meet.
		one("a browser called like somebody", func(s *Scenario, ada *Contact) {
			squatter := s.Contact(Person{AnonymousID: "user_43"})
			squatter.At(0, "go", n(1))
			squatter.Does(hour, Event{Name: "word", Email: "v@example.com"})
			ada.Does(2*hour, Event{Name: "go", UserID: "user_43", Email: "v@example.com", Properties: n(2)})
			ada.Does(3*hour, Event{Name: "word", UserID: "user_43"})
			squatter.At(4*hour, "stop")
		}),
		one("a new account with somebody's address", func(_ *Scenario, ada *Contact) {
			ada.At(0, "go", n(1))
			ada.Does(hour, Event{Name: "go", UserID: "bob", Email: "ADA@example.com", Properties: n(1)})
			ada.Does(2*hour, Event{Name: "stop", UserID: "bob"})
			ada.At(3*hour, "word")
		}),
		// I-25: taking, attaching and reviving are no writes.
		one("the value written last stays", func(s *Scenario, ada *Contact) {
			lead, browser := s.Contact(Person{Email: "lead@example.com", Properties: plan("lead")}), s.Contact(Person{AnonymousID: "browser"})
			browser.Does(hour, Event{Name: "seen", ContactProperties: plan("pro")})
			lead.Does(2*hour, Event{Name: "begin", AnonymousID: "other"})
			ada.Does(3*hour, Event{Name: "begin", UserID: "new", Email: "lead@example.com", AnonymousID: "browser"})
		}),
		one("a lead that was deleted comes back by the event that merges it", func(s *Scenario, ada *Contact) {
			lead := s.Contact(Person{Email: "lead@example.com", Properties: plan("pro")})
			lead.At(0, "go", n(1))
			lead.Deleted(hour)
			ada.Does(2*hour, Event{Name: "begin", Email: "lead@example.com"})
			ada.At(3*hour, "go", n(1))
		}),
		one("what was doing the same goes on once", func(s *Scenario, ada *Contact) {
			browser := s.Contact(Person{AnonymousID: "browser"})
			browser.At(0, "go", n(1))
			ada.At(time.Minute, "go", n(1))
			browser.At(2*time.Minute, "go", n(2))
			ada.Does(hour, Event{Name: "seen", AnonymousID: "browser"})
			browser.At(2*hour, "word", n(1))
			ada.At(3*hour, "word", n(2))
		}),
		// I-22, I-49
		one("an address alone after a deletion", func(s *Scenario, ada *Contact) {
			guest := s.Contact(Person{Email: "guest@example.com"})
			ada.At(0, "go", n(1))
			ada.Deleted(hour)
			guest.Does(2*hour, Event{Name: "go", Email: "ada@example.com", Properties: n(1), OccurredAt: Start().Add(time.Minute)})
			guest.Does(3*hour, Event{Name: "go", Email: "ada@example.com", Properties: n(1)})
			ada.At(4*hour, "word")
		}),
		one("a browser after its account was deleted", func(s *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "go", AnonymousID: "browser", Properties: n(1)})
			ada.Deleted(hour)
			s.Contact(Person{AnonymousID: "browser"}).At(2*hour, "go", n(1))
			ada.At(3*hour, "go", n(1))
		}),
		// I-55
		one("spellings of an address", func(s *Scenario, _ *Contact) {
			lead := s.Contact(Person{Email: "eve@münchen.de"})
			lead.At(0, "go", n(1))
			lead.Does(hour, Event{Name: "go", Email: "\ufeffEve@xn--mnchen-3ya.de", Properties: n(1)})
			lead.Does(2*hour, Event{Name: "go", UserID: "eve", Email: "eve@mu\u0308nchen.DE ", Properties: n(2)})
			lead.Does(3*hour, Event{Name: "word", UserID: "eve", Properties: n(2)})
		}),
	}
}

// T-4, I-19 to I-25, I-48, I-49, I-55: in memory people are who they are on Postgres, and
// so is what they were doing.
func TestPeopleConform(t *testing.T) {
	t.Parallel()
	for _, c := range identityCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

// randomPeopleCase is a script of some forty events that come with all sorts of keys.
func randomPeopleCase(seed uint64) conformanceCase {
	r := rand.New(rand.NewPCG(seed, 3))
	return conformanceCase{name: fmt.Sprint("seed ", seed), journeys: identityJourneys(), script: func(s *Scenario, ada *Contact) {
		people := []*Contact{
			ada, s.Contact(Person{Email: "lead@example.com", Properties: hogsend.Properties{"plan": "pro"}}),
			s.Contact(Person{AnonymousID: "browser"}), s.Contact(Person{UserID: "bob"}),
		}
		for i := range 40 {
			at := time.Duration(i)*2*hour + time.Duration(r.IntN(120))*time.Minute + time.Duration(i)*time.Millisecond
			who := people[r.IntN(len(people))]
			switch r.IntN(12) {
			case 0:
				who.Deleted(at)
			case 1:
				who.Changes(at, hogsend.Properties{"plan": []any{"pro", "free", nil}[r.IntN(3)]})
			default:
				e := Event{
					Name: []string{"go", "go", "begin", "word", "stop", "other"}[r.IntN(6)], Properties: hogsend.Properties{"n": r.IntN(3)},
					UserID: []string{"", "", "", "bob", "eve"}[r.IntN(5)], AnonymousID: []string{"", "", "browser", "phone"}[r.IntN(4)],
					Email: []string{"", "", "lead@example.com", "Ada@Example.com", "eve@example.com"}[r.IntN(5)],
				}
				if r.IntN(4) == 0 {
					e.ContactProperties = hogsend.Properties{"plan": []any{"pro", "free"}[r.IntN(2)]}
				}
				if r.IntN(6) == 0 {
					e.OccurredAt = Start().Add(at - time.Duration(r.IntN(60))*hour)
				}
				who.Does(at, e)
			}
		}
	}}
}

// T-4: and for people whom nobody thought up.
func TestPeopleConformInRandomScripts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*randomScripts) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			conformsApart(t, func() *Scenario { return conformanceScenario(t, randomPeopleCase(seed)) })
		})
	}
}
