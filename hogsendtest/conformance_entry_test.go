package hogsendtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func keyed(property string) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Key = property }
}

func audience(c hogsend.Condition) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Audience = c }
}

func period(d time.Duration) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.EntryLimit, j.EntryPeriod = hogsend.OncePerPeriod, d }
}

// chases tells its key and then waits for the payment of its invoice, or of an order that
// another property names.
func chases(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Checkpoint(ctx, "about "+run.Enrollment().Key); err != nil {
		return err
	}
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "paid", Timeout: day, Where: []hogsend.Condition{
		hogsend.Any(hogsend.SameAsTrigger("invoice"), hogsend.SameAsTrigger("for", "order")),
	}})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("paid ", e != nil))
}

// chasesAll takes the first of several that are about its invoice, or about none.
func chasesAll(ctx workflow.Context, run hogsend.Run) error {
	got, err := run.WaitForAny(ctx, hogsend.AnyOf{Timeout: day, Waits: []hogsend.Wait{
		{Event: "paid", Where: []hogsend.Condition{hogsend.SameAsTrigger("invoice")}},
		{Event: "paid", Where: []hogsend.Condition{hogsend.Not(hogsend.SameAsTrigger("invoice"))}},
	}})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("first ", got.Index))
}

// collectsItsOwn collects the trigger's events, and others of its invoice.
func collectsItsOwn(ctx workflow.Context, run hogsend.Run) error {
	return collects(ctx, run,
		hogsend.Digest{Window: 2 * hour},
		hogsend.Digest{Event: "word", Window: 2 * hour, Where: []hogsend.Condition{hogsend.SameAsTrigger("invoice")}},
	)
}

// hearsOfItsOwn waits for a word with the number of its trigger.
func hearsOfItsOwn(ctx workflow.Context, run hogsend.Run) error {
	return hears(ctx, run, hogsend.Wait{Timeout: 2 * day, Where: []hogsend.Condition{hogsend.SameAsTrigger("n")}})
}

// hearsEntry waits for the bucket that its own trigger's cause has entered already.
func hearsEntry(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: hogsend.Entered("rich"), Timeout: day})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("entered ", e != nil))
}

// entryCases are about who enters, and what an enrollment is about.
func entryCases() []conformanceCase {
	invoice := func(v any) hogsend.Properties { return hogsend.Properties{"invoice": v} }
	related := exits("paid", hogsend.SameAsTrigger("invoice"))
	return []conformanceCase{
		// J-153: two invoices are two enrollments, of one each by itself.
		{name: "keys", journeys: []hogsend.Journey{j("a", "failed", chases, keyed("invoice"), related)}, script: func(_ *Scenario, ada *Contact) {
			for _, v := range []any{"I-1", "I-2", "I-1", 77, "77", 77.0, "i-1", " ", "", nil, true, []any{"I-1"}, strings.Repeat("x", 200), strings.Repeat("x", 201)} {
				ada.At(0, "failed", invoice(v))
			}
			ada.At(0, "failed")
			ada.At(hour, "paid", invoice("I-1"))
			ada.At(hour, "failed", invoice("I-1"))
			ada.At(2*hour, "paid", invoice(77))
			ada.At(2*hour, "paid")
			ada.At(3*hour, "paid", invoice("77"))
		}},
		{name: "keys, once each", journeys: []hogsend.Journey{j("a", "failed", mailsOnce, keyed("invoice"), limited(hogsend.Once)), j("b", "failed", nothingToDo, limited(hogsend.Once))}, script: func(_ *Scenario, ada *Contact) {
			for i, at := range []time.Duration{0, hour, day, 400 * day} {
				ada.At(at, "failed", invoice("I-1"))
				ada.At(at, "failed", invoice(i))
			}
		}},
		{name: "keys, once in a period", journeys: []hogsend.Journey{j("a", "failed", nothingToDo, keyed("invoice"), period(2*day))}, script: func(_ *Scenario, ada *Contact) {
			for _, at := range []time.Duration{0, day, 2*day - time.Microsecond, 2 * day} {
				ada.At(at, "failed", invoice("I-1"))
			}
			ada.At(day, "failed", invoice("I-2"))
			ada.At(3*day, "failed", invoice("I-2"))
		}},
		{name: "keys of people who turn out to be one", journeys: []hogsend.Journey{j("a", "failed", chases, keyed("invoice"), related)}, script: func(s *Scenario, ada *Contact) {
			guest := s.Contact(Person{AnonymousID: "browser"})
			ada.At(0, "failed", invoice("I-1"))
			guest.At(hour, "failed", invoice("I-1"))
			guest.At(hour, "failed", invoice("I-2"))
			ada.Does(2*hour, Event{Name: "seen", AnonymousID: "browser"})
			ada.At(3*hour, "paid", invoice("I-2"))
			ada.At(3*hour, "failed", invoice("I-2"))
		}},
		{name: "who follows a journey with keys", journeys: []hogsend.Journey{
			j("a", "failed", nothingToDo, keyed("invoice")), j("b", "journey:completed", chases, keyed("key"), where(hogsend.Prop("journeyId").Eq("a"))),
		}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "failed", invoice("I-1"))
			ada.At(0, "failed", invoice(2))
			ada.At(0, "failed", invoice("I-1"))
		}},
		{name: "digests with keys", journeys: []hogsend.Journey{j("a", "failed", collectsItsOwn, keyed("invoice"))}, script: func(_ *Scenario, ada *Contact) {
			for i, at := range []time.Duration{0, time.Hour, time.Hour, 90 * time.Minute, 3 * hour, 3 * hour} {
				ada.At(at, []string{"failed", "failed", "failed", "failed", "word", "word"}[i], hogsend.Properties{"n": i, "invoice": i % 2})
			}
		}},
		// J-155
		{name: "like the trigger", journeys: []hogsend.Journey{
			j("a", "failed", chases, exits("paid", hogsend.SameAsTrigger("exit"))), j("b", "failed", chasesAll),
		}, script: func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			ada.At(0, "failed", hogsend.Properties{"invoice": "I-1", "order": 12345678901234567890.0, "exit": nil})
			bob.At(0, "failed", hogsend.Properties{"order": true})
			for _, p := range []hogsend.Properties{{"invoice": "i-1"}, {"for": "true"}, {"exit": nil}, {}, {"invoice": 1}, {"for": true}} {
				ada.At(hour, "paid", p)
				bob.At(hour, "paid", p)
			}
			ada.At(2*hour, "paid", invoice("I-1"))
		}},
		{name: "a deferred mail and what ends it", journeys: []hogsend.Journey{j("a", "failed", defersItsMail, keyed("invoice"), related)}, defaults: hogsend.Defaults{
			SendWindow: hogsend.Window{Start: "12:00", End: "13:00"},
		}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "failed", invoice("I-1"))
			ada.At(0, "failed", invoice("I-2"))
			ada.At(hour, "paid", invoice("I-1"))
		}},
		// J-165
		{name: "what holds for the contact", journeys: []hogsend.Journey{j("a", "go", asksWhatHolds), j("b", "go", mailsOnce)}, buckets: []hogsend.Bucket{
			b("rich", hogsend.Prop("money").Gt(10)), b("idle", hogsend.Event("go").Within(day).NotExists()),
		}, script: func(s *Scenario, ada *Contact) {
			s.Allow(LateScript, "bought")
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			for _, who := range []*Contact{ada, bob} {
				who.At(0, "go")
			}
			ada.Changes(hour, hogsend.Properties{"money": 11})
			ada.Opens(2*hour, "note")
			ada.At(3*hour, "bought")
			bob.Deleted(4 * hour)
			ada.Changes(30*hour, hogsend.Properties{"money": nil})
			s.Until(3 * day)
		}},
		// J-151
		{name: "audience", journeys: []hogsend.Journey{
			j("a", "go", nothingToDo, limited(hogsend.Once), audience(hogsend.All(hogsend.Prop("plan").Eq("pro"), hogsend.Event("go").AtLeast(2), hogsend.Not(hogsend.InBucket("rich"))))),
			j("b", "go", nothingToDo, audience(hogsend.Event("bought").Exactly(0))),
			j("c", "go", nothingToDo, audience(hogsend.Event("bought").Within(day).NotExists())),
			j("d", "go", nothingToDo, audience(hogsend.Any(hogsend.InBucket("rich"), hogsend.EmailEngagement("note").Opened()))),
			j("e", hogsend.Entered("rich"), nothingToDo, audience(hogsend.InBucket("rich"))),
			j("f", hogsend.Left("rich"), nothingToDo, audience(hogsend.InBucket("rich"))),
		}, buckets: []hogsend.Bucket{b("rich", hogsend.Prop("money").Gt(10))}, script: func(s *Scenario, ada *Contact) {
			s.Allow(LateScript, "bought") // only audiences listen
			ada.At(0, "go")
			ada.Does(hour, Event{Name: "go", ContactProperties: hogsend.Properties{"plan": "pro"}})
			ada.Does(2*hour, Event{Name: "go", ContactProperties: hogsend.Properties{"money": 11}})
			ada.At(3*hour, "bought")
			ada.At(4*hour, "go")
			ada.At(3*hour+day, "go")
			ada.At(3*hour+day+time.Millisecond, "go")
			ada.Does(2*day, Event{Name: "go", ContactProperties: hogsend.Properties{"money": 9}})
			ada.At(3*day, "go")
		}},
		{name: "audience and other guards", journeys: []hogsend.Journey{
			j("a", "go", mailsAroundADay, keyed("invoice"), limited(hogsend.Once), where(hogsend.Prop("n").Gt(1)), audience(hogsend.Prop("plan").Eq("pro"))),
		}, script: func(_ *Scenario, ada *Contact) {
			for i, at := range []time.Duration{0, hour, 2 * hour, 3 * hour, 3 * day} {
				ada.At(at, "go", hogsend.Properties{"n": i, "invoice": "I-1"})
				ada.At(at, "go", hogsend.Properties{"n": i})
			}
			ada.Changes(150*time.Minute, hogsend.Properties{"plan": "pro"})
			ada.Unsubscribes(2 * day)
			ada.At(2*day+hour, "go", hogsend.Properties{"n": 4, "invoice": "I-2"})
		}},
		// J-117: what came of the trigger's cause is behind the mark.
		{name: "what came with the trigger, of one cause", journeys: []hogsend.Journey{j("a", hogsend.Entered("old"), hearsEntry)}, buckets: []hogsend.Bucket{
			b("old", hogsend.Prop("money").Gt(10)), b("rich", hogsend.Prop("money").Gt(10)),
		}, script: func(_ *Scenario, ada *Contact) {
			ada.Changes(0, hogsend.Properties{"money": 11})
			ada.Changes(hour, hogsend.Properties{"money": 1})
		}},
		// J-41, E-16: a receipt reaches who is unsubscribed from everything, a suppressed address nothing.
		{name: "transactional", journeys: []hogsend.Journey{
			j("receipt", "bought", mailsOnce, func(j *hogsend.Journey) { j.Category = "transactional" }),
			j("other", "bought", mailsOnce, func(j *hogsend.Journey) { j.Category = "Transactional" }),
			j("mixed", "bought", mailsNews, func(j *hogsend.Journey) { j.Category = "transactional" }),
		}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "bought")
			ada.Unsubscribes(hour)
			ada.At(2*hour, "bought")
			ada.Suppress(3*hour, "complaint")
			ada.At(4*hour, "bought")
		}},
		{name: "a transactional reaction", buckets: []hogsend.Bucket{b("rich", hogsend.Prop("money").Gt(10), reacts(hogsend.OnEnter(mailsOnce, func(r *hogsend.Reaction) { r.Category = "transactional" }), hogsend.OnLeave(mailsOnce)))}, script: func(_ *Scenario, ada *Contact) {
			ada.Unsubscribes(0)
			ada.Changes(hour, hogsend.Properties{"money": 11})
			ada.Changes(2*hour, hogsend.Properties{"money": 1})
		}},
	}
}

func mailsNews(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "news", Category: "news"})
	return err
}

// T-4: who enters and leaves is the same in the kit.
func TestEntriesConform(t *testing.T) {
	t.Parallel()
	for _, c := range entryCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

func entryOutcome(t *testing.T, name string) *Result {
	t.Helper()
	for _, c := range entryCases() {
		if c.name == name {
			s := conformanceScenario(t, c)
			s.Quick()
			return s.Run()
		}
	}
	t.Fatalf("no case %q", name)
	return nil
}

// J-153, J-154, J-150
func TestOneEnrollmentForEachKey(t *testing.T) {
	t.Parallel()
	got := entryOutcome(t, "keys")
	reasons := got.DecisionsOf("ada")
	require.Equal(t, []string{
		"a: enrolled", "a: enrolled", "a: already_active", "a: enrolled", "a: already_active", "a: already_active", "a: enrolled",
		"a: key_missing", "a: key_missing", "a: key_missing", "a: key_missing", "a: key_missing", "a: enrolled", "a: key_missing", "a: key_missing", "a: enrolled",
	}, reasons)
	keys := map[string]int{}
	for _, d := range got.Decisions {
		if d.Reason == "" {
			keys[d.Key]++
		}
	}
	require.Equal(t, map[string]int{"I-1": 2, "I-2": 1, "77": 1, "i-1": 1, strings.Repeat("x", 200): 1}, keys)

	got = entryOutcome(t, "keys of people who turn out to be one")
	var merged []string
	for _, n := range got.Enrollments {
		merged = append(merged, fmt.Sprint(n.Key, " ", n.Entry, " ", n.Status, " ", n.ExitReason))
	}
	require.ElementsMatch(t, []string{"I-1 1 completed ", "I-1 2 exited merged", "I-2 3 exited event:paid", "I-2 4 completed "}, merged)
}

// J-151, J-150
func TestWhoIsNotInTheAudienceUsesNothingUp(t *testing.T) {
	t.Parallel()
	got := entryOutcome(t, "audience")
	of := map[string][]string{}
	for _, d := range got.Decisions {
		of[d.Journey] = append(of[d.Journey], d.Reason)
	}
	not := "not_in_audience"
	require.Equal(t, []string{not, "", not, not, not, not, "already_entered_once", "already_entered_once"}, of["a"])
	require.Equal(t, []string{"", "", "", not, not, not, not, not}, of["b"])
	require.Equal(t, []string{not, not, not, not, not, "", "", ""}, of["c"])
	require.Equal(t, []string{not, not, "", "", "", "", not, not}, of["d"])
	require.Equal(t, []string{""}, of["e"])
	require.Equal(t, []string{not}, of["f"])
}

// E-16, J-41
func TestAReceiptReachesWhoIsUnsubscribedFromEverything(t *testing.T) {
	t.Parallel()
	got := entryOutcome(t, "transactional")
	var mails []string
	for _, m := range got.Mailbox {
		mails = append(mails, fmt.Sprint(m.Journey, " ", m.Verdict.Status, " ", m.Verdict.Reason))
	}
	require.ElementsMatch(t, []string{
		"receipt sent ", "other sent ", "mixed sent ",
		"receipt sent ", "mixed unsubscribed unsubscribed_all",
		"receipt suppressed complaint", "mixed suppressed complaint",
	}, mails)
}

// J-117, J-73
func TestWhatCameWithTheTriggerEndsNoWait(t *testing.T) {
	t.Parallel()
	require.Contains(t, entryOutcome(t, "what came with the trigger, of one cause").Enrollment("ada", "a").Nodes, "entered false")
}

// asksWhatHolds notes what is true of its contact, at three instants, and what is refused.
func asksWhatHolds(ctx workflow.Context, run hogsend.Run) error {
	for range 3 {
		var answers string
		for _, tree := range []hogsend.Condition{
			hogsend.Prop("money").Gt(10), hogsend.All(hogsend.InBucket("rich"), hogsend.Event("go").AtLeast(1)), hogsend.Event("bought").Within(day).NotExists(),
			hogsend.Not(hogsend.Any(hogsend.EmailEngagement("note").Opened(), hogsend.InBucket("idle"))), hogsend.Event("bought").Exactly(0),
		} {
			holds, err := run.Matches(ctx, tree)
			if err != nil {
				return err
			}
			answers += fmt.Sprint(holds, " ")
		}
		in, err := run.InBucket(ctx, "rich")
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(answers, in)); err != nil {
			return err
		}
		if err := run.Sleep(ctx, 20*hour); err != nil {
			return err
		}
	}
	var refused string
	for _, tree := range []hogsend.Condition{nil, hogsend.Prop("money").Gt("10"), hogsend.InBucket("poor"), hogsend.EmailEngagement("no such").Opened()} {
		_, err := run.Matches(ctx, tree)
		refused += fmt.Sprint(err, "; ")
	}
	for _, id := range []string{"", "poor"} {
		_, err := run.InBucket(ctx, id)
		refused += fmt.Sprint(err, "; ")
	}
	return run.Checkpoint(ctx, refused)
}
