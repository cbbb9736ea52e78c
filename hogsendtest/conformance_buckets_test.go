package hogsendtest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// tellsMembership notes which transition it runs for.
func tellsMembership(ctx workflow.Context, run hogsend.Run) error {
	m := run.Membership()
	return run.Checkpoint(ctx, fmt.Sprintf("%s %d %s %d", m.BucketID, m.EntryCount, m.Reason, m.DwellCount))
}

func lingers(ctx workflow.Context, run hogsend.Run) error {
	if err := tellsMembership(ctx, run); err != nil {
		return err
	}
	if err := run.Sleep(ctx, 3*day); err != nil {
		return err
	}
	return mailsOnce(ctx, run)
}

func listensForEntry(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: hogsend.AnyEntered, Timeout: 20 * day})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("heard ", e != nil))
}

func identifiesAsPro(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Identify(ctx, hogsend.Properties{"plan": "pro"}); err != nil {
		return err
	}
	if err := run.Sleep(ctx, day); err != nil {
		return err
	}
	return run.Identify(ctx, hogsend.Properties{"plan": nil})
}

func triggersForAnother(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "word", UserID: "carol", Email: "carol@example.com", ContactProperties: hogsend.Properties{"plan": "pro"}})
}

// b is a bucket with a reaction to everything that happens to its members.
func b(id string, criteria hogsend.Condition, changes ...func(b *hogsend.Bucket)) hogsend.Bucket {
	one := hogsend.Bucket{ID: id, Name: "Bucket " + id, Criteria: criteria, Reactions: []hogsend.Reaction{
		hogsend.OnEnter(tellsMembership), hogsend.OnLeave(tellsMembership),
		hogsend.OnDwell(hogsend.After(2*day), tellsMembership), hogsend.OnDwell(hogsend.Every(36*hour), tellsMembership),
	}}
	for _, change := range changes {
		change(&one)
	}
	return one
}

func reacts(reactions ...hogsend.Reaction) func(*hogsend.Bucket) {
	return func(b *hogsend.Bucket) { b.Reactions = reactions }
}

func entryLimit(l hogsend.EntryLimit, period time.Duration) func(*hogsend.Bucket) {
	return func(b *hogsend.Bucket) { b.EntryLimit, b.EntryPeriod = l, period }
}

func minDwell(d time.Duration) func(*hogsend.Bucket) {
	return func(b *hogsend.Bucket) { b.MinDwell = d }
}

func maxDwell(d time.Duration) func(*hogsend.Bucket) {
	return func(b *hogsend.Bucket) { b.MaxDwell = d }
}

// bucketCases are about criteria, memberships and what follows from them: B-8 to B-45,
// W-2 to W-16, W-19.
func bucketCases() []conformanceCase {
	app, word := hogsend.Event("app"), hogsend.Event("word")
	pro := hogsend.Prop("plan").Eq("pro")
	dormant := b("dormant", app.Within(7*day).NotExists())
	flaps := func(s *Scenario, ada *Contact) {
		for i := range 5 {
			ada.Changes(time.Duration(i)*30*hour, hogsend.Properties{"plan": []any{"pro", nil}[i%2]})
		}
		ada.Changes(9*day, hogsend.Properties{"plan": "pro"})
		ada.Changes(9*day+12*hour, hogsend.Properties{"plan": "free"})
		s.Until(12 * day)
	}
	return []conformanceCase{
		{name: "absence", buckets: []hogsend.Bucket{dormant}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.At(9*day, "app")
			ada.At(16*day, "app") // at the last instant of the window
			s.Until(26 * day)
		}},
		{name: "an expiring event", buckets: []hogsend.Bucket{b("active", app.Within(3*day).Exists())}, script: func(s *Scenario, ada *Contact) {
			ada.At(hour, "app")
			ada.At(3*day, "app")
			ada.At(6*day+time.Microsecond, "app") // at the edge itself
			ada.Does(12*day, Event{Name: "app", OccurredAt: Start().Add(10 * day)})
			ada.Does(20*day, Event{Name: "app", OccurredAt: Start().Add(16 * day)}) // has left the window already
			s.Until(24 * day)
		}},
		{name: "counts", buckets: []hogsend.Bucket{
			b("atleast", app.Within(2*day).AtLeast(3)), b("exactly", app.Within(2*day).Exactly(2)),
			b("few", hogsend.All(app.Within(2*day).AtMost(1), app.Exists())), b("ever", app.MoreThan(4)),
		}, script: func(s *Scenario, ada *Contact) {
			for i := range 6 {
				ada.At(time.Duration(i)*17*hour, "app")
			}
			s.Until(10 * day)
		}},
		{
			name: "properties", buckets: []hogsend.Bucket{b("pro", pro), b("rich", hogsend.Prop("n").Gt(10)), b("free", hogsend.All(hogsend.Prop("plan").Neq("pro"), app.Exists()))},
			journeys: []hogsend.Journey{j("a", "go", identifiesAsPro), j("c", "begin", triggersForAnother)}, script: func(s *Scenario, ada *Contact) {
				ada.Does(0, Event{Name: "app", ContactProperties: hogsend.Properties{"n": 11.5, "plan": "pro"}})
				ada.Does(hour, Event{Name: "other", Properties: hogsend.Properties{"plan": "free"}})
				ada.Changes(2*hour, hogsend.Properties{"plan": nil, "n": "eleven"})
				ada.At(3*hour, "go")
				ada.At(4*hour, "begin")
				s.Until(5 * day)
			},
		},
		// C-28, C-29: the script of C-29 and a few values besides.
		{name: "conditions on events", buckets: []hogsend.Bucket{
			b("great", app.Where(hogsend.Prop("total").Gt(260)).Within(30*day).Exists()), b("spent", app.Within(30*day).Sum("total").Gte(500)),
			b("some", app.Within(30*day).Sum("total").Gte(100)), b("nothing", hogsend.All(app.Exists(), app.Within(30*day).Sum("total").Lte(0))),
			b("varied", app.Distinct("sku").Gte(2)), b("lapsed", app.Where(hogsend.Prop("tags").Contains("vip")).Within(20*day).NotExists()),
		}, script: func(s *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "app", Properties: hogsend.Properties{"total": 300, "sku": 1, "tags": []string{"vip"}}})
			ada.Does(10*day, Event{Name: "app", Properties: hogsend.Properties{"total": 250, "sku": 1.0, "tags": []any{[]string{"vip"}}}})
			ada.Does(12*day, Event{Name: "app", Properties: hogsend.Properties{"total": -100, "sku": "1"}})
			ada.Does(13*day, Event{Name: "app", Properties: hogsend.Properties{"total": "80", "sku": []int{2}}})
			s.Until(50 * day)
		}},
		{name: "trees", buckets: []hogsend.Bucket{
			b("either", hogsend.Any(app.Within(2*day).NotExists(), word.Within(3*day).NotExists())),
			b("both", hogsend.All(pro, hogsend.Not(word.Within(day).Exists()))),
			b("complement", hogsend.Not(hogsend.Any(hogsend.Not(pro), app.Within(day).AtLeast(2)))),
		}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "word")
			ada.Changes(day, hogsend.Properties{"plan": "pro"})
			ada.At(4*day, "app")
			ada.At(4*day+hour, "app")
			ada.At(5*day, "word")
			s.Until(12 * day)
		}},
		{name: "members from the start", buckets: []hogsend.Bucket{b("free", hogsend.Prop("plan").Eq("free"), entryLimit(hogsend.Once, 0))}, script: func(s *Scenario, ada *Contact) {
			ada.Changes(3*day, hogsend.Properties{"plan": "pro"})
			ada.Changes(4*day, hogsend.Properties{"plan": "free"})
			s.Until(7 * day)
		}},
		{name: "entered once", buckets: []hogsend.Bucket{b("pro", pro, entryLimit(hogsend.Once, 0))}, script: flaps},
		{name: "entered once in a period", buckets: []hogsend.Bucket{b("pro", pro, entryLimit(hogsend.OncePerPeriod, 60*hour))}, script: flaps},
		{name: "entered without a limit", buckets: []hogsend.Bucket{b("pro", pro, reacts(
			hogsend.OnEnter(tellsMembership, hogsend.FirstEntryOnly()), hogsend.OnLeave(tellsMembership, hogsend.Reasons(hogsend.LeftByMaxDwell)),
		))}, script: flaps},
		{name: "a leave held back", buckets: []hogsend.Bucket{b("pro", pro, minDwell(40*hour))}, script: func(s *Scenario, ada *Contact) {
			ada.Changes(0, hogsend.Properties{"plan": "pro"})
			ada.Changes(hour, hogsend.Properties{"plan": "free"})
			ada.Changes(2*hour, hogsend.Properties{"plan": "pro"})
			ada.Changes(3*hour, hogsend.Properties{"plan": "free"})
			ada.Does(40*hour, Event{Name: "app", ContactProperties: hogsend.Properties{"plan": "pro"}}) // at the instant of the leave
			ada.Changes(5*day, hogsend.Properties{"plan": "free"})
			s.Until(8 * day)
		}},
		{name: "a greatest age", buckets: []hogsend.Bucket{b("active", app.Within(5*day).Exists(), maxDwell(50*hour), reacts(
			hogsend.OnEnter(tellsMembership), hogsend.OnLeave(tellsMembership, hogsend.Reasons(hogsend.LeftByMaxDwell)),
			hogsend.OnDwell(hogsend.After(50*hour), tellsMembership), hogsend.OnDwell(hogsend.Every(25*hour), tellsMembership),
		))}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.At(day, "app")
			ada.At(4*day, "app")
			ada.At(4*day+50*hour, "app") // at the instant of the end
			s.Until(16 * day)
		}},
		{name: "the least and the greatest age at one instant", buckets: []hogsend.Bucket{b("pro", pro, minDwell(2*day), maxDwell(2*day))}, script: flaps},
		{name: "reactions that overlap", buckets: []hogsend.Bucket{
			b("skips", pro, reacts(hogsend.OnEnter(lingers))), b("allows", pro, reacts(hogsend.OnEnter(lingers, hogsend.WithOverlap(hogsend.OverlapAllow)))),
			b("cancels", pro, reacts(hogsend.OnEnter(lingers, hogsend.WithOverlap(hogsend.OverlapCancelPrevious)), hogsend.OnDwell(hogsend.Every(20*hour), lingers, hogsend.WithOverlap(hogsend.OverlapCancelPrevious)))),
		}, script: flaps},
		{name: "exits of reactions", buckets: []hogsend.Bucket{b("pro", pro, reacts(hogsend.OnEnter(lingers, hogsend.ReactionExitsOn(hogsend.Exit{Event: hogsend.Left("pro")}))))}, script: flaps},
		{name: "listeners", buckets: []hogsend.Bucket{b("pro", pro, reacts()), b("active", app.Within(day).Exists(), reacts())}, journeys: []hogsend.Journey{
			j("waits", "go", listensForEntry), j("any", hogsend.AnyLeft, mailsOnce), j("one", hogsend.Entered("pro"), mailsAroundADay, exits(hogsend.AnyLeft)),
			j("dwells", hogsend.AnyDwell, nothingToDo),
		}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Changes(day, hogsend.Properties{"plan": "pro"})
			ada.At(30*hour, "app")
			ada.Changes(2*day+time.Hour, hogsend.Properties{"plan": "free"})
			s.Until(25 * day)
		}},
		{name: "no joins by the clock", buckets: []hogsend.Bucket{b("dormant", app.Within(2*day).NotExists(), func(b *hogsend.Bucket) {
			no := false
			b.ReconcileJoins = &no
		})}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.Does(5*day, Event{Name: "app", OccurredAt: Start().Add(2 * day)}) // evaluates it, and it holds
			ada.At(6*day, "app")
			s.Until(12 * day)
		}},
		{name: "a bucket that is off", buckets: []hogsend.Bucket{b("pro", pro, func(b *hogsend.Bucket) { b.Disabled = true })}, script: flaps},
		{name: "mails that are opened and clicked", buckets: []hogsend.Bucket{
			b("opened", hogsend.EmailEngagement("note").Opened()), b("ignored", hogsend.All(hogsend.EmailEngagement("note").NotClicked(), hogsend.Event("go").Exists())),
			b("readers", hogsend.Event("email.opened").Within(2*day).Exists()),
		}, journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Opens(hour, "note")
			ada.Opens(2*hour, "note")
			ada.Clicks(3*hour, "note", "https://example.com/a")
			ada.Clicks(4*hour, "note", "https://example.com/a")
			ada.At(2*day, "go")
			ada.Opens(4*day, "news")
			s.Until(8*day + hour)
		}},
		{
			name: "ends of journeys", buckets: []hogsend.Bucket{b("done", hogsend.Event("journey:completed").Within(day).AtLeast(2))},
			journeys: []hogsend.Journey{j("a", "go", nothingToDo), j("b", "go", fails)}, script: func(s *Scenario, ada *Contact) {
				ada.At(0, "go")
				ada.At(20*hour, "go")
				s.Until(6 * day)
			},
		},
		{name: "an outage over edges and dwells", buckets: []hogsend.Bucket{dormant, b("active", app.Within(3*day).Exists(), maxDwell(2*day)), b("pro", pro, minDwell(day))}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.Changes(day, hogsend.Properties{"plan": "pro"})
			s.Down(26*hour, 15*day)
			ada.Changes(30*hour, hogsend.Properties{"plan": "free"})
			ada.At(10*day, "app")
			s.Until(25 * day)
		}},
		{name: "schedules", buckets: []hogsend.Bucket{b("active", app.Within(10*day).Exists(), reacts())}, journeys: []hogsend.Journey{
			j("weekly", "", tellsWhen, func(j *hogsend.Journey) {
				j.Trigger = hogsend.OnSchedule(hogsend.Weekly(time.Tuesday, "8:00"), hogsend.Bucket{ID: "active"})
			}),
		}, script: func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			ada.At(0, "app")
			bob.At(day, "app")
			s.Due(22*hour, "weekly")
			s.Due(22*hour+7*day, "weekly")
			s.Due(22*hour+14*day, "weekly")
		}},
		{name: "schedules that come by themselves", buckets: []hogsend.Bucket{b("active", app.Within(10*day).Exists(), reacts())}, journeys: []hogsend.Journey{
			j("weekly", "", tellsWhen, func(j *hogsend.Journey) {
				j.Trigger = hogsend.OnSchedule(hogsend.Weekly(time.Tuesday, "8:00"), hogsend.Bucket{ID: "active"})
			}),
		}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.At(20*day, "app")
			s.Down(21*day, 37*day) // two instants were missed, one is made up for
			s.Until(45 * day)
		}},
		{name: "moved by the script", buckets: []hogsend.Bucket{b("vip", pro, minDwell(30*hour)), b("other", pro, maxDwell(4*day))}, script: func(s *Scenario, ada *Contact) {
			ada.Enters(hour, "vip")
			ada.Enters(2*hour, "vip")
			ada.Leaves(10*hour, "vip") // held back
			ada.Changes(3*day, hogsend.Properties{"plan": "pro"})
			ada.Enters(4*day, "vip")
			ada.LeavesBecause(6*day, "vip", hogsend.LeftByMaxDwell)
			s.Until(12 * day)
		}},
		{
			name: "deleted and revived", buckets: []hogsend.Bucket{b("active", app.Within(5*day).Exists()), b("free", hogsend.Prop("plan").Eq("free"))},
			journeys: []hogsend.Journey{j("a", "app", waitsForWord)}, script: func(s *Scenario, ada *Contact) {
				ada.At(0, "app")
				ada.Deleted(day)
				ada.Does(2*day, Event{Name: "app", OccurredAt: Start().Add(hour)}) // before the deletion
				ada.At(3*day, "app")
				s.Until(10 * day)
			},
		},
	}
}

// dateCases are about criteria that read dates (C-31).
func dateCases() []conformanceCase {
	soon, was := hogsend.Prop("renewsAt").InNext(3*day), hogsend.Prop("renewsAt").InLast(2*day)
	buckets := []hogsend.Bucket{
		b("soon", soon), b("was", was, maxDwell(30*hour)), b("around", hogsend.Any(soon, was), minDwell(4*day)), b("not", hogsend.All(hogsend.Event("app").Exists(), hogsend.Not(soon))),
		b("idle", hogsend.All(soon, hogsend.Event("app").Within(2*day).NotExists())), b("old", hogsend.Prop("born").Before(Start().Add(10*day))), b("new", hogsend.Prop("born").After(Start())),
		b("past", hogsend.Event("app").Where(hogsend.Prop("on").Before(Start().Add(5*hour)), hogsend.Prop("on").After(Start().Add(-20*hour))).AtLeast(1)),
	}
	date := func(at time.Duration) hogsend.Properties {
		return hogsend.Properties{"renewsAt": Start().Add(at).Format(time.RFC3339)}
	}
	c := func(name string, script func(s *Scenario, ada *Contact)) conformanceCase {
		return conformanceCase{name: name, buckets: buckets, journeys: []hogsend.Journey{
			j("a", hogsend.Entered("soon"), nothingToDo), j("b", "app", nothingToDo, audience(hogsend.Any(soon, hogsend.Prop("born").Before(Start())))), j("c", "go", asksAboutDates),
		}, script: func(s *Scenario, ada *Contact) {
			script(s, ada)
			s.Until(20 * day)
		}}
	}
	return []conformanceCase{
		c("a date that comes and goes", func(_ *Scenario, ada *Contact) {
			ada.Changes(hour, date(5*day))
			ada.At(day+7*time.Minute, "app")
			ada.At(2*day+time.Hour, "go")
			ada.At(3*day, "app")
			ada.At(6*day, "go")
		}),
		c("a date that moves and goes", func(_ *Scenario, ada *Contact) {
			ada.Changes(hour, date(5*day))
			ada.Changes(3*day, date(9*day))
			ada.Changes(8*day, date(3*day))
			ada.Changes(9*day, hogsend.Properties{"renewsAt": "soon"})
			ada.Changes(10*day, date(12*day))
			ada.Changes(11*day, hogsend.Properties{"renewsAt": nil})
			ada.Changes(12*day, hogsend.Properties{"renewsAt": 5})
		}),
		c("days and zones", func(_ *Scenario, ada *Contact) {
			ada.Changes(hour, hogsend.Properties{"renewsAt": "2026-01-12", "born": "2026-01-05"})
			ada.Does(2*hour, Event{Name: "app", Properties: hogsend.Properties{"on": "2026-01-05"}})
			ada.Moves(3*hour, "Pacific/Kiritimati")
			ada.Moves(5*hour, "America/Los_Angeles")
			ada.Moves(4*day+20*hour, "Asia/Tokyo")
			ada.Changes(7*day+hour, hogsend.Properties{"timezone": "Pacific/Honolulu"})
			ada.Moves(7*day+2*hour, "")
			ada.Changes(9*day+4*hour, hogsend.Properties{"timezone": "Nowhere/Land"})
		}),
		c("dates over an outage", func(s *Scenario, ada *Contact) {
			ada.Changes(hour, date(5*day))
			s.Down(day, 12*day+11*time.Minute)
		}),
		c("dates of somebody deleted and merged", func(s *Scenario, ada *Contact) {
			s.Contact(Person{AnonymousID: "browser-1", Properties: date(7 * day)}).At(2*hour, "app")
			ada.Changes(hour, date(5*day))
			ada.Deleted(day)
			ada.At(3*day+7*time.Minute, "app")
			ada.Does(6*day, Event{Name: "other", AnonymousID: "browser-1"})
		}),
	}
}

func asksAboutDates(ctx workflow.Context, run hogsend.Run) error {
	var answers string
	for _, tree := range []hogsend.Condition{
		hogsend.Prop("renewsAt").InNext(3 * day), hogsend.Prop("unnamed").InLast(day), hogsend.Not(hogsend.Prop("renewsAt").InLast(2 * day)), hogsend.Prop("renewsAt").After(Start()),
	} {
		holds, err := run.Matches(ctx, tree)
		if err != nil {
			return err
		}
		answers += fmt.Sprint(holds, " ")
	}
	return run.Checkpoint(ctx, answers)
}

// revivedCases are about what falls due while somebody is deleted, and is found only after
// they came back: it must do nothing (I-49, I-50).
func revivedCases() []conformanceCase {
	app := hogsend.Event("app")
	buckets := []hogsend.Bucket{
		// At 2 d one of two events has left the window, at 3 d both have.
		b("one", app.Within(2*day).Exactly(1)), b("quiet", hogsend.All(app.Exists(), app.Within(2*day).NotExists()), maxDwell(35*hour)),
		b("few", hogsend.All(app.Exists(), app.Within(60*hour).AtMost(1)), minDwell(25*hour)),
	}
	journeys := []hogsend.Journey{
		onDate("exact", hogsend.OnDate("renewsAt")),
		j("first", hogsend.Entered("one"), nothingToDo),
	}
	back := func(deleted, returns time.Duration, how func(ada *Contact, at time.Duration)) func(s *Scenario, ada *Contact) {
		return func(s *Scenario, ada *Contact) {
			ada.At(0, "app")
			ada.Changes(hour, hogsend.Properties{"renewsAt": Start().Add(61 * hour).Format(time.RFC3339)})
			ada.At(day, "app")
			ada.Deleted(deleted)
			how(ada, returns)
			ada.At(9*day, "app")
			s.Until(16 * day)
		}
	}
	event := func(ada *Contact, at time.Duration) { ada.At(at, "other") }
	update := func(ada *Contact, at time.Duration) { ada.Changes(at, hogsend.Properties{"n": 1}) }
	down := func(script func(s *Scenario, ada *Contact)) func(s *Scenario, ada *Contact) {
		return func(s *Scenario, ada *Contact) {
			s.Down(30*hour, 7*day+11*time.Minute)
			script(s, ada)
		}
	}
	return []conformanceCase{
		{name: "due while deleted", buckets: buckets, journeys: journeys, script: back(37*hour, 5*day+7*time.Minute, event)},
		{name: "due while deleted, found after an outage", buckets: buckets, journeys: journeys, script: down(back(37*hour, 5*day+7*time.Minute, event))},
		{name: "due before and while deleted", buckets: buckets, journeys: journeys, script: down(back(50*hour, 5*day+7*time.Minute, event))},
		{name: "due while deleted, back by an update", buckets: buckets, journeys: journeys, script: down(back(37*hour, 5*day+7*time.Minute, update))},
		{name: "back at the very edge", buckets: buckets, journeys: journeys, script: down(back(37*hour, 2*day+time.Microsecond, event))},
		{name: "back between two edges", buckets: buckets, journeys: journeys, script: down(back(37*hour, 60*hour+7*time.Minute, event))},
		{name: "back and merged", buckets: buckets, journeys: journeys, script: down(func(s *Scenario, ada *Contact) {
			back(37*hour, 5*day+7*time.Minute, event)(s, ada)
			s.Contact(Person{AnonymousID: "browser-1"}).At(2*hour, "app")
			ada.Does(6*day, Event{Name: "other", AnonymousID: "browser-1"})
		})},
		{name: "deleted and merged into one who is not", buckets: buckets, journeys: journeys, script: down(func(s *Scenario, ada *Contact) {
			ada.At(0, "other")
			who := s.Contact(Person{Email: "eve@example.com"})
			who.At(0, "app")
			who.At(day, "app")
			who.Deleted(37 * hour)
			ada.Does(5*day+7*time.Minute, Event{Name: "other", Email: "eve@example.com"})
			s.Until(16 * day)
		})},
	}
}

func tellsWhen(ctx workflow.Context, run hogsend.Run) error {
	at, _ := run.Event().Properties["dueAt"].(string) // always there
	return run.Checkpoint(ctx, at)
}

// mergeCases are about contacts that turn out to be one: I-20 to I-29, J-57.
func mergeCases() []conformanceCase {
	app := hogsend.Event("app")
	journeys := []hogsend.Journey{j("a", "go", waitsForWord), j("b", "begin", mailsAroundADay), j("c", "journey:exited", nothingToDo)}
	buckets := []hogsend.Bucket{
		b("active", app.Within(6*day).Exists()), b("twice", app.AtLeast(2)), b("pro", hogsend.Prop("plan").Eq("pro"), entryLimit(hogsend.Once, 0), minDwell(day)),
	}
	visitor := func(s *Scenario) *Contact {
		return s.Contact(Person{AnonymousID: "browser-1", Properties: hogsend.Properties{"plan": "pro", "seen": true}})
	}
	return []conformanceCase{
		{name: "an anonymous contact becomes known", journeys: journeys, buckets: buckets, script: func(s *Scenario, ada *Contact) {
			who := visitor(s)
			who.At(hour, "app")
			who.At(2*hour, "go")
			who.Does(3*hour, Event{Name: "begin", UserID: "zoe", Email: "zoe@example.com"})
			who.At(4*hour, "word", hogsend.Properties{"n": 2})
			s.Until(9 * day)
		}},
		{name: "an anonymous contact is merged", journeys: journeys, buckets: buckets, script: func(s *Scenario, ada *Contact) {
			who := visitor(s)
			ada.At(0, "app")
			ada.At(hour, "go")
			who.At(2*hour, "app")
			who.At(2*hour, "go")
			who.At(3*hour, "begin")
			ada.Does(10*hour, Event{Name: "other", AnonymousID: "browser-1"})
			who.At(11*hour, "word", hogsend.Properties{"n": 3}) // it is ada's now
			ada.At(12*hour, "word", hogsend.Properties{"n": 4})
			who.Changes(2*day, hogsend.Properties{"plan": nil})
			s.Until(12 * day)
		}},
		{name: "merged while one dwells and one is opted out", journeys: journeys, buckets: buckets, script: func(s *Scenario, ada *Contact) {
			who := s.Contact(Person{Email: "ada.home@example.com", Properties: hogsend.Properties{"plan": "pro"}})
			who.Unsubscribes(hour)
			who.At(day, "app")
			who.At(3*day, "app")
			ada.Does(4*day, Event{Name: "begin", Email: "ada.home@example.com"})
			ada.At(5*day, "begin")
			s.Until(13 * day)
		}},
		{name: "two addresses of one person", journeys: journeys, buckets: buckets, script: func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			ada.At(0, "begin")
			bob.Does(hour, Event{Name: "begin", Email: "ada@example.com"}) // shared, not merged
			bob.Unsubscribes(2 * hour)
			ada.At(3*day, "begin")
			ada.Does(4*day, Event{Name: "app", Email: "new@example.com"})
			ada.At(5*day, "begin")
			s.Until(10 * day)
		}},
	}
}

// I-49, I-50: between a deletion and what undoes it nothing begins and nothing ends.
func TestNothingHappensToSomebodyWhoIsDeleted(t *testing.T) {
	t.Parallel()
	back := map[string]time.Duration{"back at the very edge": 2 * day, "back between two edges": 60 * hour}
	for _, c := range revivedCases() {
		s := conformanceScenario(t, c)
		h, err := newHarness(s, s.inMemory)
		require.NoError(t, err)
		_, o, err := h.play(nil, nil)
		h.stop()
		require.NoError(t, err)
		require.NotEmpty(t, o.Memberships, c.name)
		for _, m := range o.Memberships {
			if m.Contact == "browser-1" {
				continue
			}
			for _, at := range []time.Time{m.EnteredAt, m.LeftAt} {
				offset := s.Offset(at)
				apart := offset <= 30*hour || offset > cmp.Or(back[c.name], 5*day) || m.LeaveReason == "deleted" && at.Equal(m.LeftAt)
				require.True(t, at.IsZero() || apart, "%s: %s %s#%d from %s to %s", c.name, m.Contact, m.BucketID, m.Epoch, m.EnteredAt, m.LeftAt)
			}
		}
	}
}

// T-4, T-42: buckets live in the kit as they do on Postgres.
func TestBucketsConform(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(bucketCases(), mergeCases(), revivedCases(), dateCases()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}
