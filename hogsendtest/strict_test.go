package hogsendtest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func hasNoLuck(workflow.Context, hogsend.Run) error { return errors.New("no luck") }

func goesInCircles(ctx workflow.Context, run hogsend.Run) error {
	next := map[string]string{"go": "back", "back": "go"}[run.Event().Name]
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: next})
}

// back is the other half of a circle.
func back() hogsend.Journey {
	return hogsend.Journey{ID: "back", Name: "Back", Trigger: hogsend.On("back"), EntryLimit: hogsend.Unlimited, Run: goesInCircles}
}

func listensInEveryWay(ctx workflow.Context, run hogsend.Run) error {
	for _, wait := range []hogsend.Wait{{Event: "waited", Timeout: time.Hour}, {Event: "glimpsed", Timeout: -1}} {
		if _, err := run.WaitForEvent(ctx, wait); err != nil {
			return err
		}
	}
	if _, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "either"}, {Event: "or"}}, Timeout: time.Hour}); err != nil {
		return err
	}
	if _, err := run.Digest(ctx, hogsend.Digest{Event: "collected", Window: time.Hour}); err != nil {
		return err
	}
	_, err := run.History().Event(ctx, "remembered", 0)
	return err
}

// T-43: each mistake has a planted case, and what allows it.
func TestMistakesOfAScriptFailIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		journey hogsend.Journey
		script  func(s *hogsendtest.Scenario)
		want    string
		allow   func(s *hogsendtest.Scenario)
	}{
		{
			"a failed enrollment", path(hasNoLuck), func(s *hogsendtest.Scenario) { s.Contact(ada()).At(0, "go") },
			"a failed enrollment: path failed for ada at start: no luck; Fails says that it is to", func(s *hogsendtest.Scenario) { s.Fails("path") },
		},
		{
			"no failed enrollment", path(mailsNote), func(s *hogsendtest.Scenario) { s.Fails("path"); s.Contact(ada()).At(0, "go") },
			"a failed enrollment: path was to fail, and did not", func(s *hogsendtest.Scenario) { s.Allow(hogsendtest.FailedEnrollment, "path") },
		},
		{"an unheard event", path(listensInEveryWay), func(s *hogsendtest.Scenario) {
			person := s.Contact(ada())
			person.At(0, "go")
			for _, event := range []string{"waited", "glimpsed", "either", "or", "collected", "remembered", "wiated"} {
				person.At(time.Minute, event)
			}
		}, `an event that nothing listens to: nothing listens to "wiated", did you mean "waited"?; Unheard says that nothing is to`, func(s *hogsendtest.Scenario) { s.Unheard("wiated") }},
		{
			"a loop", path(goesInCircles), func(s *hogsendtest.Scenario) { s.Contact(ada()).At(0, "go") },
			"an endless loop: back would have enrolled ada again and again: its event back comes of itself", func(s *hogsendtest.Scenario) { s.Allow(hogsendtest.LoopGuard, "back") },
		},
		{
			"an unknown contact", path(choosesAnArm), func(s *hogsendtest.Scenario) { s.Contact(ada()).At(0, "go"); s.Variant("adda", "subject", "a") },
			`an unknown contact: Variant names "adda", whom the script does not have, did you mean "ada"?`, func(s *hogsendtest.Scenario) { s.Allow(hogsendtest.UnknownContact, "adda") },
		},
		{
			"no address", path(mailsNote), func(s *hogsendtest.Scenario) { s.Contact(hogsendtest.Person{UserID: "ada"}).At(0, "go") },
			"a mail without an address: ada has no address, so that note of path did not go", func(s *hogsendtest.Scenario) { s.Allow(hogsendtest.NoAddress, "ada") },
		},
	} {
		play := func(change func(s *hogsendtest.Scenario)) string {
			return failure(t, func(x hogsendtest.T) {
				s := hogsendtest.New(x, registryOf(tt.journey, back()))
				s.Quick()
				tt.script(s)
				change(s)
				s.Run()
			})
		}
		require.Contains(t, play(func(*hogsendtest.Scenario) {}), tt.want, tt.name)
		require.Empty(t, play(tt.allow), tt.name)
	}
}

func mailsNote(ctx workflow.Context, run hogsend.Run) error { return send(ctx, run, "note") }

func TestAScriptThatCannotBeFailsAtItsLine(t *testing.T) {
	t.Parallel() // T-3, T-43, T-45
	for want, line := range map[string]func(s *hogsendtest.Scenario, person *hogsendtest.Contact){
		"event go of ada at -1s: an offset must not be negative": func(_ *hogsendtest.Scenario, person *hogsendtest.Contact) { person.At(-time.Second, "go") },
		"pause of path at -1s: an offset must not be negative":   func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) { s.Pause(-time.Second, "path") },
		"Down: the offset -1s must not be negative":              func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) { s.Down(-time.Second, 0) },
		"move of ada: ": func(_ *hogsendtest.Scenario, person *hogsendtest.Contact) { person.Moves(0, "Berlin") },
		"bob: ": func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) {
			s.Contact(hogsendtest.Person{UserID: "bob", Timezone: "Berlin"})
		},
		`Env: the kit does not read "DEFAULT_TIMZONE", did you mean`: func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) {
			s.Env("DEFAULT_TIMZONE", "UTC")
		},
		"Env DEFAULT_TIMEZONE: ": func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) {
			s.Env("DEFAULT_TIMEZONE", "Berlin")
		},
		`Env EMAIL_FROM_DOMAINS: "not a domain" is no domain`: func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) {
			s.Env("EMAIL_FROM_DOMAINS", "a.example,not a domain")
		},
	} {
		require.Contains(t, failure(t, func(x hogsendtest.T) {
			s := hogsendtest.New(x, registryOf(path(mailsNote)))
			line(s, s.Contact(ada()))
		}), want)
	}
}

func mailsFromNewsAtNine(ctx workflow.Context, run hogsend.Run) error {
	at, err := run.When(ctx).NextLocal("9:00")
	if err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, at); err != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: "note", From: "news@news.example"})
	return err
}

func TestTheEnvironmentOfAScriptIsThatOfProduction(t *testing.T) {
	t.Parallel() // T-45
	s := hogsendtest.New(t, registryOf(path(mailsFromNewsAtNine)))
	s.Env("EMAIL_FROM_DOMAINS", "other.example, news.example")
	s.Env("DEFAULT_TIMEZONE", "America/New_York")
	s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"}).At(0, "go")
	got := s.Run()
	require.Equal(t, "news@news.example", got.Mailbox[0].From)
	require.Equal(t, got.Start.Add(4*time.Hour), got.Mailbox[0].At, "nine in New York")
}

func TestATemplateIsRenderedAsASendWould(t *testing.T) {
	t.Parallel() // T-45, E-5
	person := hogsend.Contact{Email: "ada@example.com", Properties: hogsend.Properties{"firstName": "Ada"}}
	got := hogsendtest.Render(t, registryOf(), "note", noteProps{Word: "<you>"}, person)
	require.Contains(t, got.HTML, "Hello Ada &lt;you&gt;")
	require.Contains(t, got.Text, "Hello Ada <you>")
	require.NotEmpty(t, got.Subject)
	for want, render := range map[string]func(x hogsendtest.T){
		`there is no template "nope"`: func(x hogsendtest.T) { hogsendtest.Render(x, registryOf(), "nope", nil, person) },
		`unknown field "wrod"`:        func(x hogsendtest.T) { hogsendtest.Render(x, registryOf(), "note", map[string]any{"wrod": 1}, person) },
	} {
		require.Contains(t, failure(t, render), want)
	}
}
