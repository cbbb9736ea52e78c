package hogsendtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/hogsendtest"
)

func TestWelcomeNudgesOnce(t *testing.T) {
	t.Parallel() // T-1
	s := hogsendtest.New(t, saas.Registry())
	person := s.Contact(ada())
	person.At(0, "user.created", hogsend.Properties{"plan": "free"})
	got := s.Run()
	require.Equal(t, []string{"welcome", "nudge"}, got.Mailbox.Templates("ada"))
	require.Equal(t, []string{"activation-welcome: enrolled"}, got.DecisionsOf("ada"))
	require.Equal(t, []string{"user.created", "journey:completed"}, got.EventsOf("ada"))
	require.Equal(t, "Welcome to Acme Boards, ada", got.Mailbox[0].Subject)
	require.Contains(t, got.Mailbox[0].HTML, "<")
	require.NotEmpty(t, got.Mailbox[0].Text)
	require.Equal(t, hogsendtest.Start().Add(2*hogsend.Day), got.Mailbox[1].At)
}

func twentyWaits(ctx workflow.Context, run hogsend.Run) error {
	for range 20 {
		if err := run.Sleep(ctx, 20*hogsend.Day); err != nil {
			return err
		}
	}
	return nil
}

// T-2.
//
//nolint:paralleltest // it measures time
func TestFourHundredDaysTakeLessThanASecond(t *testing.T) {
	for _, start := range []time.Time{{}, time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)} {
		s := hogsendtest.New(t, registryOf(path(twentyWaits)))
		s.Quick()
		want := hogsendtest.Start()
		if !start.IsZero() {
			s.StartAt(start)
			want = start
		}
		s.Contact(ada()).At(0, "go")
		began := hogsendtest.Spent(t)
		got := s.Run()
		require.Less(t, hogsendtest.Spent(t)-began, time.Second)
		require.Equal(t, want.Add(400*hogsend.Day), got.Enrollment("ada", "path").EndedAt)
		require.Equal(t, want.Add(400*hogsend.Day), got.End)
	}
	require.Equal(t, time.Monday, hogsendtest.Start().Weekday())
}

func countsWords(ctx workflow.Context, run hogsend.Run) error {
	for {
		e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: hogsend.Day})
		if err != nil || e == nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(e.Properties["word"])); err != nil {
			return err
		}
	}
}

func TestWhatHappensAtOneInstantHappensInTheOrderOfTheScript(t *testing.T) {
	t.Parallel() // T-3
	s := hogsendtest.New(t, registryOf(path(countsWords)))
	person := s.Contact(ada())
	for _, word := range []string{"b", "a", "c"} {
		person.At(time.Hour, "word", hogsend.Properties{"word": word})
	}
	person.At(0, "go")
	person.At(s.Offset(hogsendtest.Start().Add(2*time.Hour)), "word", hogsend.Properties{"word": "d"})
	got := s.Run()
	require.Equal(t, []string{"start", "wait-event:word", "b", "wait-event:word", "a", "wait-event:word", "c", "wait-event:word", "d", "wait-event:word"}, got.Enrollment("ada", "path").Nodes)
}

func TestAnOutageDelaysAndLosesNothing(t *testing.T) {
	t.Parallel() // T-3, J-97d
	s := hogsendtest.New(t, saas.Registry())
	person := s.Contact(ada())
	s.Down(0, hogsend.Day)
	person.At(time.Hour, "user.created")
	got := s.Run()
	require.Equal(t, []time.Duration{24 * time.Hour, 3 * hogsend.Day}, offsets(got, "ada"))
}

func offsets(got *hogsendtest.Result, contact string) []time.Duration {
	var found []time.Duration
	for _, mail := range got.Mailbox.Of(contact).Sent() {
		found = append(found, mail.At.Sub(got.Start))
	}
	return found
}

func mailsProps(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "note", Props: noteProps{Word: "<you>"}, Subject: "Mine", Category: "tips", ReplyTo: "me@example.com", From: "Me <me@example.com>"})
	return err
}

func TestAMailIsRenderedAsItWouldBeSent(t *testing.T) {
	t.Parallel() // T-5
	s := hogsendtest.New(t, registryOf(path(mailsProps)))
	s.Contact(ada()).At(0, "go")
	mail := s.Run().Mailbox[0]
	require.Equal(t, []string{"ada", "ada@example.com", "Me <me@example.com>", "me@example.com", "path", "note", "tips", "Mine", `{"word":"\u003cyou\u003e"}`},
		[]string{mail.Contact, mail.To, mail.From, mail.ReplyTo, mail.Journey, mail.Template, mail.Category, mail.Subject, string(mail.Props)})
	require.Contains(t, mail.HTML, "Hello ada &lt;you&gt;")
	require.Contains(t, mail.Text, "Hello ada <you>")
	require.True(t, mail.Verdict.Sent())
}

func mailsUnknown(ctx workflow.Context, run hogsend.Run) error {
	_ = send(ctx, run, "nope") // what a journey ignores fails the test all the same
	return nil
}

func mailsMisspelt(ctx workflow.Context, run hogsend.Run) error {
	_, _ = run.Send(ctx, hogsend.Email{Template: "note", Props: map[string]any{"wrod": "x"}})
	return nil
}

func mailsElsewhere(ctx workflow.Context, run hogsend.Run) error {
	_, _ = run.Send(ctx, hogsend.Email{Template: "note", From: "x@elsewhere.example"})
	return nil
}

func TestAMailThatCannotBeMadeFailsTheTest(t *testing.T) {
	t.Parallel() // T-5
	require.Contains(t, failureOf(t, mailsUnknown), `there is no template "nope", did you mean "note"?`)
	require.Contains(t, failureOf(t, mailsMisspelt), `unknown field "wrod"`)
	require.Contains(t, failureOf(t, mailsElsewhere), "elsewhere.example")
	require.Contains(t, failure(t, func(t hogsendtest.T) {
		r := registryOf(path(mailsProps))
		r.Templates[0].HTML = "{{.Props.Wrod}}"
		hogsendtest.New(t, r)
	}), "Wrod")
}

func mailsThrice(ctx workflow.Context, run hogsend.Run) error {
	for range 3 {
		v, err := run.Send(ctx, hogsend.Email{Template: "note"})
		var failed *hogsend.SendError
		switch {
		case errors.As(err, &failed):
			err = run.Checkpoint(ctx, string(failed.Kind)+" "+failed.Reason)
		case err == nil:
			err = run.Checkpoint(ctx, string(v.Status)+" "+v.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestSendsDoAsTheScriptSays(t *testing.T) {
	t.Parallel() // T-6
	for _, tt := range []struct {
		outcomes []hogsendtest.Outcome
		nodes    string
		at       []time.Duration
	}{
		{nil, "sent |sent |sent ", []time.Duration{0, 0, 0}},
		{[]hogsendtest.Outcome{hogsendtest.Suppressed("bounce"), hogsendtest.Unsubscribed(), hogsendtest.Skipped("frequency_capped")}, "suppressed bounce|unsubscribed unsubscribed_all|skipped frequency_capped", nil},
		{[]hogsendtest.Outcome{hogsendtest.Refused("blocked"), hogsendtest.UnknownOutcome()}, "permanent blocked|unknown_outcome unknown_outcome|sent ", []time.Duration{0}},
		{[]hogsendtest.Outcome{hogsendtest.Retried(3), hogsendtest.Retried(1)}, "sent |sent |sent ", []time.Duration{7 * time.Second, 8 * time.Second, 8 * time.Second}},
	} {
		s := hogsendtest.New(t, registryOf(path(mailsThrice)))
		s.Contact(ada()).At(0, "go")
		s.OnSend("note").Return(tt.outcomes...)
		got := s.Run()
		var nodes []string
		for _, node := range got.Enrollment("ada", "path").Nodes {
			if node != "start" && node != "send:note" {
				nodes = append(nodes, node)
			}
		}
		require.Equal(t, tt.nodes, strings.Join(nodes, "|"))
		require.Equal(t, tt.at, offsets(got, "ada"))
	}
	s := hogsendtest.New(t, registryOf(path(mailsThrice)))
	s.Contact(ada()).At(0, "go")
	s.OnSend("note").Always(hogsendtest.Refused("blocked"))
	require.Empty(t, s.Run().Mailbox.Sent())
}

func writesAndTells(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "noted", ContactProperties: hogsend.Properties{"plan": "pro"}}); err != nil {
		return err
	}
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "invited", UserID: "bob", Email: "bob@example.com"}); err != nil {
		return err
	}
	return errors.New("no luck")
}

func TestTheResultTellsWhatCameOfEverybody(t *testing.T) {
	t.Parallel() // T-7
	s := hogsendtest.New(t, registryOf(path(writesAndTells)))
	s.Fails("path")
	s.Contact(ada()).At(0, "go")
	got := s.Run()
	e := got.Enrollment("ada", "path")
	require.Equal(t, []any{"failed", "no luck", "", 1, []string{"noted", "invited"}}, []any{e.Status, e.Error, e.ExitReason, e.Entry, e.Events})
	require.Equal(t, hogsend.Properties{"plan": "pro"}, got.Contact("ada").Properties)
	require.Equal(t, []hogsendtest.Change{{At: got.Start, Contact: "ada", Property: "plan", Value: "pro"}}, got.Changes)
	require.Equal(t, "bob@example.com", got.Contact("bob").Email)
	require.Equal(t, []string{"invited"}, got.EventsOf("bob"))
}

func waitsForEver(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: hogsend.Forever})
	return err
}

func exitsUnheard(ctx workflow.Context, run hogsend.Run) error {
	_ = run.Exit(ctx, "enough")
	return nil
}

func discards(ctx workflow.Context, run hogsend.Run) error {
	_, _ = run.Send(ctx, hogsend.Email{})
	return nil
}

func overwrites(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{}) //nolint:ineffassign,staticcheck,wastedassign // that is what is tested
	_, err = run.Send(ctx, hogsend.Email{Template: "note"})
	return err
}

func handles(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{}); err != nil {
		return send(ctx, run, "note")
	}
	return nil
}

func TestTheKitIsStrict(t *testing.T) {
	t.Parallel() // T-9
	tests := map[string]struct {
		journey hogsend.JourneyFunc
		script  func(s *hogsendtest.Scenario, person *hogsendtest.Contact)
		want    string
		kind    hogsendtest.Problem
		name    string
	}{
		"an event after the end": {
			mailsProps, func(s *hogsendtest.Scenario, person *hogsendtest.Contact) {
				s.Unheard("word")
				person.At(time.Hour, "word")
			},
			"word comes at +1h0m0s, after the end of all enrollments of ada", hogsendtest.LateScript, "word",
		},
		"an unknown journey": {
			mailsProps, func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) { s.Pause(time.Hour, "pth") },
			`there is no journey "pth", did you mean "path"?`, hogsendtest.UnknownJourney, "pth",
		},
		"an unknown template": {
			mailsProps, func(s *hogsendtest.Scenario, _ *hogsendtest.Contact) { s.OnSend("notes") },
			`"notes", which is not registered, did you mean "note"?`, hogsendtest.UnknownTemplate, "notes",
		},
		"an endless wait":              {waitsForEver, nil, "path of ada still waits at wait-event:word for word, without a deadline", hogsendtest.OpenWait, "path"},
		"an exit that is not returned": {exitsUnheard, nil, "path takes no notice of the error of Exit at kit_test.go:", hogsendtest.DiscardedError, "path"},
		"a discarded error":            {discards, nil, "path takes no notice of the error of Send at kit_test.go:", hogsendtest.DiscardedError, "path"},
		"an overwritten error":         {overwrites, nil, "path takes no notice of the error of Send at kit_test.go:", hogsendtest.DiscardedError, "path"},
		"an error that is handled":     {handles, nil, "", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play := func(allowed bool) string {
				return failure(t, func(t hogsendtest.T) {
					s := hogsendtest.New(t, registryOf(path(tt.journey)))
					person := s.Contact(ada())
					person.At(0, "go")
					if tt.script != nil {
						tt.script(s, person)
					}
					if allowed {
						s.Allow(tt.kind, tt.name)
					}
					s.Run()
				})
			}
			require.Contains(t, play(false), tt.want)
			require.Empty(t, play(true))
		})
	}
}

func TestAScriptThatCannotBeIsRefused(t *testing.T) {
	t.Parallel() // T-9
	for want, script := range map[string]func(s *hogsendtest.Scenario){
		"a Person needs":              func(s *hogsendtest.Scenario) { s.Contact(hogsendtest.Person{}) },
		"two people named ada":        func(s *hogsendtest.Scenario) { s.Contact(ada()); s.Contact(ada()) },
		`cannot be named "journey:x"`: func(s *hogsendtest.Scenario) { s.Contact(ada()).At(0, "journey:x") },
		`there is no bucket "b"`:      func(s *hogsendtest.Scenario) { s.Contact(ada()).Enters(0, "b") },
		"+1h0m0s is before +2h0m0s":   func(s *hogsendtest.Scenario) { s.Down(2*time.Hour, time.Hour) },
		"ada is not enrolled in path": func(s *hogsendtest.Scenario) { s.Contact(ada()).Cancel(0, "path"); s.Run() },
		"was never enrolled":          func(s *hogsendtest.Scenario) { s.Contact(ada()); s.Run().Enrollment("ada", "path") },
		"there is no contact bob":     func(s *hogsendtest.Scenario) { s.Contact(ada()); s.Run().Contact("bob") },
	} {
		require.Contains(t, failure(t, func(t hogsendtest.T) { script(hogsendtest.New(t, registryOf(path(mailsProps)))) }), want)
	}
	require.Contains(t, failure(t, func(t hogsendtest.T) { hogsendtest.New(t, hogsend.Registry{Journeys: []hogsend.Journey{{ID: "A"}}}) }), "the registry is not valid")
}

func panicsLate(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, time.Hour); err != nil {
		return err
	}
	panic("oh no")
}

func blocks(workflow.Context, hogsend.Run) error {
	<-make(chan int)
	return nil
}

func spins(workflow.Context, hogsend.Run) error {
	for began := time.Now(); time.Since(began) < time.Minute; { // it does nothing, for long
	}
	return nil
}

// turns is how long something takes, counted in turns of 10 ms that this process had.
func turns(do func()) time.Duration {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for took := time.Duration(0); ; took += 10 * time.Millisecond {
		select {
		case <-done:
			return took
		case <-ticker.C:
		}
	}
}

func TestWhatHangsOrPanicsFailsTheTestSoonWithItsStack(t *testing.T) {
	t.Parallel() // T-10
	for name, run := range map[string]hogsend.JourneyFunc{"panicsLate": panicsLate, "blocks": blocks, "spins": spins} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			took := turns(func() { got = failureOf(t, run) })
			require.Less(t, took, 5*time.Second)
			require.Contains(t, got, "hogsendtest_test."+name)
		})
	}
}

func neverEnds(ctx workflow.Context, run hogsend.Run) error {
	for {
		if err := send(ctx, run, "note"); err != nil {
			return err
		}
		if err := run.Sleep(ctx, 7*hogsend.Day); err != nil {
			return err
		}
	}
}

func TestUntilEndsWhatHasNoEnd(t *testing.T) {
	t.Parallel() // T-2
	s := hogsendtest.New(t, registryOf(path(neverEnds)))
	s.Contact(ada()).At(0, "go")
	s.Until(30 * hogsend.Day)
	got := s.Run()
	require.Equal(t, []time.Duration{0, 7 * hogsend.Day, 14 * hogsend.Day, 21 * hogsend.Day, 28 * hogsend.Day}, offsets(got, "ada"))
	require.Equal(t, "waiting", got.Enrollment("ada", "path").Status)
	require.Equal(t, got.Start.Add(30*hogsend.Day), got.End)
}

func calls(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "called", Properties: hogsend.Properties{"n": 1}})
}

func TestJourneysTriggerEachOther(t *testing.T) {
	t.Parallel() // T-11
	answer := hogsend.Journey{ID: "answer", Name: "Answer", Trigger: hogsend.On("called").Where(hogsend.Prop("n").Eq(1)), EntryLimit: hogsend.Once, Run: mailsProps}
	follow := hogsend.Journey{
		ID: "follow", Name: "Follow", Trigger: hogsend.On("journey:completed").Where(hogsend.Prop("journeyId").Eq("answer")), EntryLimit: hogsend.Once, Run: mailsThrice,
	}
	s := hogsendtest.New(t, registryOf(path(calls), answer, follow))
	for _, name := range []string{"ada", "bob"} {
		s.Contact(hogsendtest.Person{UserID: name, Email: name + "@example.com"}).At(0, "go")
	}
	got := s.Run()
	for _, name := range []string{"ada", "bob"} {
		require.Equal(t, []string{"note", "note", "note", "note"}, got.Mailbox.Templates(name))
		require.Equal(t, []string{
			"path: enrolled", "answer: enrolled", "follow: trigger_conditions_not_met", "follow: enrolled", "follow: trigger_conditions_not_met",
		}, got.DecisionsOf(name))
		require.Contains(t, got.Timeline(name), "+0s answer sent send:note\n")
	}
}

func TestALongRunSaysThatItIsQuick(t *testing.T) {
	t.Parallel() // T-16
	x := &trial{t: t}
	s := hogsendtest.New(x, registryOf(path(mailsProps)))
	s.Contact(ada()).At(0, "go")
	s.Quick()
	s.Run()
	require.Equal(t, []string{"hogsendtest: quick, without replay and crash mode"}, x.logs)
}
