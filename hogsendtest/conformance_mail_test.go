package hogsendtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// tellsTheOutcome mails and notes what became of it, the error included.
func tellsTheOutcome(ctx workflow.Context, run hogsend.Run) error {
	for _, e := range []hogsend.Email{
		{Template: "note", Subject: "First"}, {Template: "news", Label: "second"}, {Template: "note", Label: "third", Category: "transactional"},
	} {
		verdict, err := run.Send(ctx, e)
		var failed *hogsend.SendError
		if err != nil && !errors.As(err, &failed) {
			return err
		}
		if failed != nil {
			err = run.Checkpoint(ctx, fmt.Sprint(e.Template, " ", failed.Kind, " ", failed.Reason))
		} else {
			err = run.Checkpoint(ctx, fmt.Sprint(e.Template, " ", verdict.Status, " ", verdict.Reason))
		}
		if err != nil {
			return err
		}
	}
	return run.Sleep(ctx, day)
}

// asks mails a question and notes what was said.
func asks(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "ask"}); err != nil {
		return err
	}
	said, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "said", Timeout: day})
	if err != nil || said == nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("said ", said.Properties["n"]))
}

// tellsOthers mails whoever the contact names, somebody it is told, and a desk.
func tellsOthers(ctx workflow.Context, run hogsend.Run) error {
	for _, e := range []hogsend.Email{
		{Template: "note", To: hogsend.Recipient{Property: "boss"}},
		{Template: "news", To: hogsend.Recipient{UserID: "bob"}},
		{Template: "note", To: hogsend.Recipient{Address: "desk"}},
		{Template: "note"},
	} {
		verdict, err := run.Send(ctx, e)
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(e.Template, " ", verdict.Status, " ", verdict.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// keeps keeps values of its own, asks for one again, and one that it cannot have.
func keeps(ctx workflow.Context, run hogsend.Run) error {
	var first, again int
	for i, out := range []*int{&first, &again} {
		if err := run.Once(ctx, "n", out, func() (any, error) { return 7 + i, nil }); err != nil {
			return err
		}
	}
	var none string
	err := run.Once(ctx, "none", &none, func() (any, error) { return nil, errors.New("nothing to be had") })
	if err := run.Checkpoint(ctx, fmt.Sprint("kept ", first, " ", again, " ", err != nil)); err != nil {
		return err
	}
	return run.Sleep(ctx, hour)
}

// asksAroundAMail looks at what may be sent and what was, before and after a mail.
func asksAroundAMail(ctx workflow.Context, run hogsend.Run) error {
	for range 2 {
		ours, err := run.IsSubscribed(ctx, "news")
		if err != nil {
			return err
		}
		few, err := run.Throttle(ctx, hogsend.Throttle{Max: 1, Window: day, Category: "news"})
		if err != nil {
			return err
		}
		mails, err := run.History().Email(ctx, "news")
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(ours, few, mails.Count, mails.Sent)); err != nil {
			return err
		}
		if _, err := run.Send(ctx, hogsend.Email{Template: "news"}); err != nil {
			return err
		}
		if err := run.Sleep(ctx, 2*hour); err != nil {
			return err
		}
	}
	return nil
}

// tellsAnybody triggers events that nobody can be told of, and one that somebody is.
func tellsAnybody(ctx workflow.Context, run hogsend.Run) error {
	for _, e := range []hogsend.TriggerEvent{
		{Event: "go", Properties: hogsend.Properties{"n": 1}}, {Event: "note", ContactProperties: hogsend.Properties{"plan": "told", "gone": nil}},
	} {
		if err := run.Trigger(ctx, e); err != nil {
			return run.Checkpoint(ctx, fmt.Sprint("refused ", err))
		}
	}
	return nil
}

// limitsItself asks by journey and by template, in steps of their own.
func limitsItself(ctx workflow.Context, run hogsend.Run) error {
	for _, throttle := range []hogsend.Throttle{
		{Max: 1, Window: day, Journey: "a"}, {Max: 2, Window: 2 * day, Template: "note", Label: "by template"}, {Max: 1, Window: hour, Label: "all"},
	} {
		few, err := run.Throttle(ctx, throttle)
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(throttle.Journey, throttle.Template, " ", few)); err != nil {
			return err
		}
	}
	return mailsOnce(ctx, run)
}

// listensToAnything waits for an event of whatever content, then for one of two.
func listensToAnything(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: day})
	if err != nil {
		return err
	}
	if e != nil {
		if err := run.Checkpoint(ctx, fmt.Sprint("heard ", len(e.Properties), e.Truncated)); err != nil {
			return err
		}
	}
	got, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "word"}, {Event: "other", Where: []hogsend.Condition{hogsend.Prop("n").Eq(1)}}}, Timeout: day})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("then ", got.Index))
}

// givesUpWhatIsHeld gives its mail up after two hours, whether a pause holds it or not.
func givesUpWhatIsHeld(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	return givesUpAMail(ctx, run)
}

// triggersOddly triggers what is no event, and events of nobody.
func triggersOddly(ctx workflow.Context, run hogsend.Run) error {
	long := strings.Repeat("k", 201)
	for i, e := range []hogsend.TriggerEvent{
		{Event: "note", UserID: "undefined"},
		{Event: "note", Properties: hogsend.Properties{long: 1}},
		{Event: "note", Properties: hogsend.Properties{"": 1}},
		{Event: strings.Repeat("n", 201)},
		{Event: "email.clicked"},
		{Event: "note", UserID: "bob"},
		{Event: "note", Email: "eve@example.com"},
	} {
		err := run.Trigger(ctx, e)
		if err := run.Checkpoint(ctx, fmt.Sprint("said ", i, " ", err != nil)); err != nil {
			return err
		}
	}
	for i, properties := range []hogsend.Properties{{long: 1}, {"": 1}, {"n": math.Inf(1)}, {"n": strings.Repeat("9", 41)}, {"n": json.Number(strings.Repeat("9", 41))}} {
		err := run.Identify(ctx, properties)
		if err := run.Checkpoint(ctx, fmt.Sprint("wrote ", i, " ", err == nil)); err != nil {
			return err
		}
	}
	return nil
}

func mailCases() []conformanceCase {
	outcomes := []hogsend.Journey{j("a", "go", tellsTheOutcome)}
	goes := func(more func(s *Scenario, ada *Contact)) func(s *Scenario, ada *Contact) {
		return func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			more(s, ada)
		}
	}
	return []conformanceCase{
		// E-14, E-31: what the provider says.
		{name: "refused by the provider", journeys: outcomes, script: goes(func(s *Scenario, ada *Contact) {
			s.OnSend("note").Return(Refused("no such mailbox"))
			ada.At(2*day, "go")
		})},
		{name: "taken at the third try", journeys: outcomes, script: goes(func(s *Scenario, ada *Contact) {
			s.OnSend("note").Return(Retried(2))
			s.OnSend("news").Return(Retried(1))
			ada.At(2*day, "go")
		})},
		{name: "a cap counts no refusal", journeys: outcomes, script: goes(func(s *Scenario, ada *Contact) {
			s.OnSend("note").Return(Refused("no such mailbox"))
			ada.At(hour, "go")
			ada.At(day, "go")
		}), defaults: hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{Count: 2, Window: day}}},
		// E-14, E-16, E-18: who may not be written to, in each of the ways, and is again.
		{name: "suppressed and not any more", journeys: outcomes, script: func(_ *Scenario, ada *Contact) {
			ada.Suppress(0, "bounce")
			ada.At(hour, "go")
			ada.Unsuppress(2 * hour)
			ada.At(2*day, "go")
		}},
		{name: "out of one category", journeys: append(outcomes, j("b", "go", asksAroundAMail)), script: func(_ *Scenario, ada *Contact) {
			ada.Unsubscribes(0, "news")
			ada.At(hour, "go")
			ada.Resubscribes(2*hour, "news")
			ada.Unsubscribes(4 * hour)
			ada.At(5*hour, "go")
			ada.Resubscribes(6 * hour)
			ada.At(2*day, "go")
		}},
		// E-86: the first answer stays, and so does the first comment.
		{name: "answers", journeys: []hogsend.Journey{j("a", "go", asks), j("b", "said.comment", mailsOnce)}, script: goes(func(_ *Scenario, ada *Contact) {
			ada.Answers(hour, "ask", hogsend.Properties{"n": 2})
			ada.Answers(2*hour, "ask", hogsend.Properties{"n": 1}, "fine")
			ada.Answers(3*hour, "ask", hogsend.Properties{"n": 0}, "not fine")
			ada.At(day, "go")
			ada.Answers(day+hour, "ask", hogsend.Properties{"n": 0}, "both at once")
		})},
		// E-83: mails to others, whose opt-outs, caps and zones count, and who may not be there.
		{name: "to somebody else", journeys: []hogsend.Journey{j("a", "go", tellsOthers)}, script: func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com", Timezone: "Asia/Tokyo"})
			ada.At(0, "go")
			ada.Changes(hour, hogsend.Properties{"boss": "bob"})
			ada.At(2*hour, "go")
			ada.Unsubscribes(day)
			ada.At(3*day, "go")
			bob.Suppress(4*day, "bounce")
			ada.At(5*day, "go")
			bob.Unsuppress(6 * day)
			bob.Unsubscribes(6*day, "news")
			ada.Changes(6*day, hogsend.Properties{"boss": 12})
			ada.At(7*day, "go")
			ada.Changes(8*day, hogsend.Properties{"boss": "ada"})
			ada.At(9*day, "go")
			bob.Deleted(10 * day)
			ada.At(11*day, "go")
		}, defaults: hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{Count: 3, Window: 12 * hour}}},
		{name: "to somebody else, deferred", journeys: []hogsend.Journey{j("a", "go", tellsOthers, gap(hour)), j("b", "go", defersItsMail)}, script: func(s *Scenario, ada *Contact) {
			s.Contact(Person{UserID: "bob", Email: "bob@example.com", Timezone: "Asia/Tokyo"})
			ada.Changes(0, hogsend.Properties{"boss": "bob"})
			ada.At(hour, "go")
			ada.At(2*hour, "go")
		}, defaults: hogsend.Defaults{OnBlocked: hogsend.Defer, SendWindow: hogsend.Window{Start: "9:00", End: "11:00"}}},
		{name: "nobody to write to", journeys: outcomes, script: func(s *Scenario, ada *Contact) {
			s.Contact(Person{UserID: "bob"}).At(0, "go")
			s.Contact(Person{UserID: "cat", Email: "not an address"}).At(0, "go")
			ada.At(0, "go")
		}},
		// J-139.
		{name: "values that are kept", journeys: []hogsend.Journey{j("a", "go", keeps)}, script: goes(func(s *Scenario, ada *Contact) {
			s.Pause(hour/2, "a")
			s.Resume(2*hour, "a")
			ada.At(2*day, "go")
		})},
		{name: "told by journeys", journeys: []hogsend.Journey{j("a", "start", tellsAnybody), j("b", "go", nothingToDo), j("c", "note", mailsOnce)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "start")
			ada.At(hour, "start")
		}},
		// I-48, J-104: people who go while something is pending, and come back.
		{name: "deleted amid a wait, and back", journeys: []hogsend.Journey{j("a", "go", waitsForWord), j("b", "go", mailsAroundADay)}, script: goes(func(_ *Scenario, ada *Contact) {
			ada.Deleted(2 * hour)
			ada.At(3*hour, "word", hogsend.Properties{"n": 5})
			ada.At(4*hour, "go")
		})},
		{name: "deleted while held, and while deferred", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay), j("b", "go", defersItsMail)}, script: goes(func(s *Scenario, ada *Contact) {
			s.Pause(hour, "a")
			ada.Deleted(2 * day)
			s.Resume(3*day, "a")
		}), defaults: hogsend.Defaults{OnBlocked: hogsend.Defer, SendWindow: hogsend.Window{Start: "18:00", End: "19:00"}}},
		{name: "canceled while held", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: goes(func(s *Scenario, ada *Contact) {
			s.Pause(hour, "a")
			ada.Cancel(2*day, "a")
			s.Resume(3*day, "a")
			ada.At(3*day, "go")
		})},
		// E-59: the channel as a whole, and a list that people have to join.
		{
			name: "out of the channel, and not on a list", journeys: outcomes, lists: []hogsend.List{{ID: "email", Name: "E-mail", Kind: hogsend.Channel, DefaultOptIn: true}, {ID: "news", Name: "News"}},
			script: goes(func(_ *Scenario, ada *Contact) {
				ada.Resubscribes(hour, "news")
				ada.At(2*day, "go")
				ada.Unsubscribes(3*day, "email")
				ada.At(4*day, "go")
			}),
		},
		// E-57, E-59: choices that come with an event.
		{
			name: "off a list by an event", journeys: append(outcomes, j("b", "email.unsubscribed", nothingToDo), j("c", "email.resubscribed", nothingToDo)),
			lists: []hogsend.List{{ID: "news", Name: "News", DefaultOptIn: true}},
			script: goes(func(s *Scenario, ada *Contact) {
				ada.Does(hour, Event{Name: "word", Lists: map[string]bool{"news": false}})
				ada.At(2*day, "go")
				ada.Does(3*day, Event{Name: "go", Lists: map[string]bool{"news": true}})
				ada.Does(4*day, Event{Name: "word", Lists: map[string]bool{"news": true}})
				bob := s.Contact(Person{UserID: "bob", Email: "ada@example.com"})
				bob.Does(5*day, Event{Name: "word", Lists: map[string]bool{"news": false}})
				ada.At(6*day, "go")
			}),
		},
		{name: "few mails", journeys: []hogsend.Journey{j("a", "go", limitsItself), j("b", "also", mailsOnce)}, script: goes(func(_ *Scenario, ada *Contact) {
			ada.At(hour, "also")
			ada.At(hour+time.Minute, "go")
			ada.At(day, "go")
			ada.At(3*day, "go")
		})},
		{name: "anything", journeys: []hogsend.Journey{j("a", "go", listensToAnything)}, script: goes(func(_ *Scenario, ada *Contact) {
			ada.At(hour, "word", hogsend.Properties{"text": strings.Repeat("x", 40_000), "list": []any{strings.Repeat("y", 40_000)}})
			ada.At(2*hour, "other", hogsend.Properties{"n": 2})
			ada.At(3*hour, "other", hogsend.Properties{"n": 1})
		})},
		{name: "given up while a pause holds it", journeys: []hogsend.Journey{j("a", "go", givesUpWhatIsHeld)}, script: goes(func(s *Scenario, ada *Contact) {
			s.Pause(hour/2, "a")
			s.Resume(day, "a")
			ada.At(2*day, "go")
		})},
		{name: "odd events of journeys", journeys: []hogsend.Journey{j("a", "start", triggersOddly), j("c", "note", mailsOnce)}, script: func(s *Scenario, ada *Contact) {
			s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			ada.At(0, "start")
		}},
		// I-25: two who turn out to be one, each in the middle of something.
		{name: "two become one amid waits", journeys: []hogsend.Journey{j("a", "go", waitsForWord), j("b", "also", mailsAroundADay, limited(hogsend.Once))}, script: func(s *Scenario, ada *Contact) {
			anon := s.Contact(Person{AnonymousID: "browser-1"})
			anon.At(0, "go")
			anon.At(0, "also")
			ada.At(hour, "also")
			ada.At(hour, "go")
			ada.Does(2*hour, Event{Name: "seen", AnonymousID: "browser-1"})
			ada.At(3*hour, "word", hogsend.Properties{"n": 2})
			anon.At(4*hour, "word", hogsend.Properties{"n": 3})
		}},
	}
}

// T-4: what the provider and the people say comes to the same in memory and on Postgres.
func TestMailsConform(t *testing.T) {
	t.Parallel()
	for _, c := range mailCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}
