package hogsendtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

const (
	hour = time.Hour
	day  = hogsend.Day
)

func j(id, event string, run hogsend.JourneyFunc, changes ...func(j *hogsend.Journey)) hogsend.Journey {
	journey := hogsend.Journey{ID: id, Name: "Journey " + id, Trigger: hogsend.On(event), EntryLimit: hogsend.Unlimited, Run: run}
	for _, change := range changes {
		change(&journey)
	}
	return journey
}

func limited(l hogsend.EntryLimit) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.EntryLimit = l }
}

func exits(event string, where ...hogsend.Condition) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.ExitOn = append(j.ExitOn, hogsend.Exit{Event: event, Where: where}) }
}

func where(conditions ...hogsend.Condition) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Trigger = j.Trigger.Where(conditions...) }
}

func nothingToDo(workflow.Context, hogsend.Run) error { return nil }

func mailsOnce(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "note"})
	return err
}

func fails(workflow.Context, hogsend.Run) error { return errors.New("no luck") }

func mailsAroundADay(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
		return err
	}
	if err := run.Sleep(ctx, day); err != nil {
		return err
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "news"})
	return err
}

func waitsForWord(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour, "pause"); err != nil {
		return err
	}
	for range 2 {
		e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: day, Where: []hogsend.Condition{hogsend.Prop("n").Gt(1)}})
		if err != nil {
			return err
		}
		if e == nil {
			return run.Exit(ctx, "silence")
		}
		if err := run.Checkpoint(ctx, fmt.Sprint("heard ", e.Properties["n"])); err != nil {
			return err
		}
	}
	return nil
}

func looksBack(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: -1, Lookback: 2 * hour})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("found ", e != nil))
}

func callsB(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "b", Properties: hogsend.Properties{"from": "a"}})
}

func callsBLater(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	return callsB(ctx, run)
}

func callsA(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "a"})
}

func writesContact(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Trigger(ctx, hogsend.TriggerEvent{Event: "noted", ContactProperties: hogsend.Properties{"plan": "pro", "old": nil}}); err != nil {
		return err
	}
	c, err := run.Contact(ctx)
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint(c.Properties["plan"], c.Properties["old"]))
}

func asksSubscription(ctx workflow.Context, run hogsend.Run) error {
	for _, category := range []string{"", "news"} {
		var given []string
		if category != "" {
			given = []string{category}
		}
		on, err := run.IsSubscribed(ctx, given...)
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(category, on)); err != nil {
			return err
		}
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "news", SkipPreferenceCheck: true})
	return err
}

func waitsForEver(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: hogsend.Forever})
	return err
}

// callsTwice calls an activity before and after an hour.
func callsTwice(ctx workflow.Context, run hogsend.Run) error {
	for range 2 {
		var n int
		err := run.Do(ctx, hogsend.Call{Activity: "Count", Input: 1, Retry: hogsend.Retry{MaxAttempts: 3}}, &n)
		var failed *hogsend.CallError
		switch {
		case errors.As(err, &failed):
			err = run.Checkpoint(ctx, failed.Error())
		case err == nil:
			err = run.Checkpoint(ctx, fmt.Sprint("got ", n))
		}
		if err != nil {
			return err
		}
		if err := run.Sleep(ctx, hour); err != nil {
			return err
		}
	}
	return nil
}

// counts is an activity that fails some times before it succeeds.
func counts(s *Scenario, fails int, final bool) {
	s.Activity("Count", func(ctx context.Context, by int) (int, error) {
		step := hogsend.StepOf(ctx)
		if step.Attempt <= fails {
			err := fmt.Errorf("busy %d", step.Attempt)
			if final {
				err = hogsend.Final(err)
			}
			return 0, err
		}
		return by + step.Attempt, nil
	})
}

func twoAtOnce(ctx workflow.Context, run hogsend.Run) error {
	done := workflow.NewWaitGroup(ctx)
	for _, event := range []string{"word", "other"} {
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: event, Timeout: day}); err == nil {
				_ = run.Checkpoint(ctx, "after "+event)
			}
		})
	}
	done.Wait(ctx)
	return nil
}

func givesUpWaiting(ctx workflow.Context, run hogsend.Run) error {
	soon, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if workflow.Sleep(ctx, hour) == nil {
			cancel()
		}
	})
	_, err := run.WaitForEvent(soon, hogsend.Wait{Event: "word", Timeout: day})
	return run.Checkpoint(ctx, fmt.Sprint("gave up ", err != nil))
}

// waitsForAny waits three times for the first of several.
func waitsForAny(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour, "pause"); err != nil {
		return err
	}
	for range 3 {
		got, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{
			{Event: "word", Where: []hogsend.Condition{hogsend.Prop("n").Gt(1)}}, {Event: "word"}, {Event: "other", Lookback: 2 * hour},
		}, Timeout: day})
		if err != nil {
			return err
		}
		name := "nothing"
		if got.Event != nil {
			name = got.Event.Name
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(got.Index, " ", name)); err != nil {
			return err
		}
	}
	return nil
}

// collects tells what its digests have collected: their numbers.
func collects(ctx workflow.Context, run hogsend.Run, digests ...hogsend.Digest) error {
	for _, digest := range digests {
		got, err := run.Digest(ctx, digest)
		if err != nil {
			return err
		}
		line := fmt.Sprint(got.Total, ":")
		for _, e := range got.Events {
			line += fmt.Sprint(" ", e.Properties["n"])
		}
		if err := run.Checkpoint(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// restsAndCollects sleeps before each of its two digests, and after the last.
func restsAndCollects(ctx workflow.Context, run hogsend.Run) error {
	for range 2 {
		if err := run.Sleep(ctx, 2*hour); err != nil {
			return err
		}
		if err := collects(ctx, run, hogsend.Digest{Window: day, Max: 3}); err != nil {
			return err
		}
	}
	return run.Sleep(ctx, 2*hour)
}

func collectsOnce(ctx workflow.Context, run hogsend.Run) error {
	if err := collects(ctx, run, hogsend.Digest{Window: 3 * hour, Max: 3}); err != nil {
		return err
	}
	return run.Sleep(ctx, hour, "after")
}

func collectsTwice(ctx workflow.Context, run hogsend.Run) error {
	return collects(ctx, run,
		hogsend.Digest{Event: "word", Until: Start().Add(2 * hour), Lookback: -1},
		hogsend.Digest{Event: "word", Window: hour, Where: []hogsend.Condition{hogsend.Prop("n").Gt(2)}, Lookback: 10 * hour, Label: "other"},
		hogsend.Digest{Event: "word", Until: Start()},
	)
}

func asksMuch(ctx workflow.Context, run hogsend.Run) error {
	at, err := run.When(ctx).Next(time.Friday).At("09:00")
	if err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, at, "until friday"); err != nil {
		return err
	}
	zone, err := run.Timezone(ctx)
	if err != nil {
		return err
	}
	local, err := run.Local(ctx, at) // J-166
	if err != nil {
		return err
	}
	if _, err := run.When(ctx).On("2020-02-29").At("9:00"); !errors.Is(err, hogsend.ErrPast) { // S-40
		return fmt.Errorf("a date of the past: %w", err)
	}
	birthday, err := run.When(ctx).Yearly(time.February, 29).At("9:00") // S-41
	if err != nil {
		return err
	}
	words, err := run.History().Event(ctx, "word", 3*day)
	if err != nil {
		return err
	}
	entries, err := run.History().Journey(ctx, "a")
	if err != nil {
		return err
	}
	mails, err := run.History().Email(ctx, "note")
	if err != nil {
		return err
	}
	few, err := run.Throttle(ctx, hogsend.Throttle{Max: 1, Window: 7 * day, Category: "journey"})
	if err != nil {
		return err
	}
	arm, err := run.Variant(ctx, "subject", hogsend.Arm{Name: "a", Weight: 1}, hogsend.Arm{Name: "b", Weight: 3})
	if err != nil {
		return err
	}
	if err := run.Identify(ctx, hogsend.Properties{"arm": arm, "old": nil, "plan": "asked"}); err != nil {
		return err
	}
	if err := run.Capture(ctx, "asked", hogsend.Properties{"arm": arm}); err != nil {
		return err
	}
	if few {
		if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
			return err
		}
	}
	return run.Checkpoint(ctx, fmt.Sprint(zone, local.Format("Mon 15:04"), birthday.Format(time.RFC3339), words.Count, words.Found, entries.Entries, entries.Completed, mails.Count, mails.Sent, few, arm, run.Version(ctx, "change", 3)))
}

func mailsByTheClock(ctx workflow.Context, run hogsend.Run) error {
	at, err := run.When(ctx).NextLocal("06:30")
	if err != nil {
		return err
	}
	if err := run.Checkpoint(ctx, at.Format(time.RFC3339)); err != nil {
		return err
	}
	for _, mail := range []hogsend.Email{
		{Template: "note"},
		{Template: "note", Window: hogsend.Window{Start: "22:00", End: "06:00"}},
		{Template: "note", Window: hogsend.Window{Start: "00:00", End: "00:00"}},
		{Template: "note", Category: "transactional"},
		{Template: "note", SkipPreferenceCheck: true},
	} {
		v, err := run.Send(ctx, mail)
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(v.Status, " ", v.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// mailsOften sends three notes six hours apart and tells what became of each.
func mailsOften(ctx workflow.Context, run hogsend.Run) error {
	for _, mail := range []hogsend.Email{{Template: "note"}, {Template: "news"}, {Template: "note", Category: "transactional"}, {Template: "note", Label: "last"}} {
		v, err := run.Send(ctx, mail)
		if err != nil {
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprint(v.Status, " ", v.Reason)); err != nil {
			return err
		}
		if err := run.Sleep(ctx, 6*hour); err != nil {
			return err
		}
	}
	return nil
}

// defersItsMail defers even for the journey's own gap.
func defersItsMail(ctx workflow.Context, run hogsend.Run) error {
	v, err := run.Send(ctx, hogsend.Email{Template: "note", OnBlocked: hogsend.Defer})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint(v.Status, " ", v.Reason))
}

// mailsTwiceAtOnce sends from two coroutines.
func mailsTwiceAtOnce(ctx workflow.Context, run hogsend.Run) error {
	done := workflow.NewWaitGroup(ctx)
	for _, template := range []string{"note", "news"} {
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			if v, err := run.Send(ctx, hogsend.Email{Template: template}); err == nil {
				_ = run.Checkpoint(ctx, fmt.Sprint(template, " ", v.Status, " ", v.Reason))
			}
		})
	}
	done.Wait(ctx)
	return nil
}

// givesUpAMail takes its word back after two hours.
func givesUpAMail(ctx workflow.Context, run hogsend.Run) error {
	soon, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if workflow.Sleep(ctx, 2*hour) == nil {
			cancel()
		}
	})
	_, err := run.Send(soon, hogsend.Email{Template: "note"})
	return run.Checkpoint(ctx, fmt.Sprint("gave up ", err != nil))
}

func gap(g time.Duration) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.MinSendGap = g }
}

// heldCases are about caps, gaps and deferral: E-21 to E-27, J-133, J-134.
func heldCases() []conformanceCase {
	capped := hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{
		Count: 2, Window: day, ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 3 * day}},
	}}
	deferring := func(d hogsend.Defaults) hogsend.Defaults {
		d.OnBlocked = hogsend.Defer
		return d
	}
	nightly := deferring(hogsend.Defaults{SendWindow: hogsend.Window{Start: "18:00", End: "20:00"}})
	often := func(_ *Scenario, ada *Contact) {
		ada.At(0, "go")
		ada.At(hour, "also")
		ada.At(2*day, "go")
		ada.At(2*day+1, "also")
	}
	mails := []hogsend.Journey{j("a", "go", mailsOften), j("b", "also", mailsOften, gap(3*hour))}
	return []conformanceCase{
		{name: "caps", journeys: mails, script: often, defaults: capped},
		{name: "caps that defer", journeys: mails, script: often, defaults: deferring(capped)},
		{name: "caps that defer a day", journeys: mails, script: often, defaults: func() hogsend.Defaults {
			d := deferring(capped)
			d.MaxDefer = 20 * hour
			return d
		}()},
		{name: "a gap", journeys: []hogsend.Journey{j("a", "go", mailsOnce, gap(day)), j("b", "go", defersItsMail, gap(day))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(day-time.Millisecond, "go")
			ada.At(day, "go")
			ada.At(3*day, "go")
		}, defaults: hogsend.Defaults{OnBlocked: hogsend.Defer}},
		{name: "a gap between two coroutines", journeys: []hogsend.Journey{j("a", "go", mailsTwiceAtOnce, gap(day))}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(day, "go") }},
		{name: "deferred to the window", journeys: []hogsend.Journey{j("a", "go", mailsOften)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Moves(hour, "America/New_York") // the window opens five hours later, which is seen when it opens here
			ada.Moves(4*day, "")
			ada.At(4*day, "go")
			ada.Unsubscribes(4*day + hour)
			ada.Resubscribes(4*day + 9*hour)
		}, defaults: nightly},
		{name: "all in a coroutine of its own", journeys: []hogsend.Journey{j("a", "go", mailsTwiceAtOnce), j("b", "go", mailsOnce)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go") }, defaults: func() hogsend.Defaults {
			d := nightly
			d.FrequencyCap = hogsend.FrequencyCap{Count: 1, Window: hour}
			return d
		}()},
		{name: "exited, canceled and suppressed while deferred", journeys: []hogsend.Journey{j("a", "go", mailsOnce, exits("stop")), j("b", "go", mailsOnce), j("c", "go", mailsOnce)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "stop")
			ada.Cancel(2*hour, "b")
			ada.Suppress(3*hour, "complaint")
			ada.At(4*hour, "stop")
		}, defaults: nightly},
		{name: "paused while deferred", journeys: []hogsend.Journey{j("a", "go", mailsOften)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Pause(hour, "a")
			s.Resume(11*hour, "a")
			s.Pause(2*day, "a")
			s.Resume(4*day, "a", SkipLate)
		}, defaults: nightly},
		{name: "the worker is away when it is due", journeys: []hogsend.Journey{j("a", "go", mailsOften), j("b", "also", mailsOnce)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "also")
			s.Down(7*hour, 9*hour)
			s.Down(day+6*hour, 9*day) // longer than it may be deferred
		}, defaults: nightly},
		{name: "a mail given up while deferred", journeys: []hogsend.Journey{j("a", "go", givesUpAMail)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(7*hour, "go") }, defaults: nightly},
		{name: "events while deferred", journeys: []hogsend.Journey{j("a", "go", mailsThenListens)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(hour, "word") }, defaults: nightly},
	}
}

// mailsThenListens hears what came while its mail was on its way (J-125).
func mailsThenListens(ctx workflow.Context, run hogsend.Run) error {
	if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
		return err
	}
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: hour})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("heard ", e != nil))
}

// conformanceCase is a script that must come to the same in memory and on Postgres (T-4).
type conformanceCase struct {
	name     string
	journeys []hogsend.Journey
	script   func(s *Scenario, ada *Contact)
	defaults hogsend.Defaults
	buckets  []hogsend.Bucket
	lists    []hogsend.List
}

// tellsDate notes what its event says of a date.
func tellsDate(ctx workflow.Context, run hogsend.Run) error {
	p := run.Event().Properties
	return run.Checkpoint(ctx, fmt.Sprint(p["property"], " ", p["value"], " ", p["dueAt"], " ", p["year"]))
}

func onDate(id string, trigger hogsend.Trigger) hogsend.Journey {
	one := j(id, "", tellsDate)
	one.Trigger = trigger
	return one
}

func conformanceCases() []conformanceCase {
	plan := hogsend.Prop("plan").Eq("pro")
	return []conformanceCase{
		// J-156 to J-158: dates that move, with values and zones, and what is told once.
		{name: "dates", journeys: []hogsend.Journey{
			onDate("renewal", hogsend.OnDate("renewsAt").Before(2*day).At("9:00")), onDate("exact", hogsend.OnDate("renewsAt")),
			onDate("birthday", hogsend.OnDate("born").At("8:30").Yearly()),
		}, script: func(s *Scenario, ada *Contact) {
			ada.Changes(0, hogsend.Properties{"renewsAt": "2026-01-12", "born": "2000-02-29"})
			ada.Moves(hour, "America/New_York")
			ada.Changes(4*day, hogsend.Properties{"renewsAt": "2026-01-20T12:00:00+01:00"})
			ada.Moves(10*day, "Asia/Tokyo")
			ada.Changes(16*day, hogsend.Properties{"renewsAt": "2026-01-12", "born": "1999-01-30"})
			ada.Changes(17*day, hogsend.Properties{"renewsAt": "2026-02-10"})
			ada.Changes(20*day, hogsend.Properties{"renewsAt": nil})
			ada.Changes(21*day, hogsend.Properties{"renewsAt": "10.02.2026"})
			s.Until(450 * day)
		}},
		{name: "dates of somebody deleted", journeys: []hogsend.Journey{onDate("exact", hogsend.OnDate("renewsAt"))}, script: func(s *Scenario, ada *Contact) {
			ada.Changes(0, hogsend.Properties{"renewsAt": "2026-01-12"})
			ada.Deleted(day)
			s.Until(10 * day)
		}},
		// J-101, J-161 to J-163: activities of the author's, their errors and pauses.
		{name: "calls", journeys: []hogsend.Journey{j("a", "go", callsTwice)}, script: func(s *Scenario, ada *Contact) {
			counts(s, 0, false)
			ada.At(0, "go")
		}},
		{name: "calls that are repeated", journeys: []hogsend.Journey{j("a", "go", callsTwice)}, script: func(s *Scenario, ada *Contact) {
			counts(s, 2, false)
			ada.At(0, "go")
		}},
		{name: "calls that fail", journeys: []hogsend.Journey{j("a", "go", callsTwice)}, script: func(s *Scenario, ada *Contact) {
			counts(s, 3, false)
			ada.At(0, "go")
		}},
		{name: "calls that fail for good", journeys: []hogsend.Journey{j("a", "go", callsTwice)}, script: func(s *Scenario, ada *Contact) {
			counts(s, 1, true)
			ada.At(0, "go")
		}},
		{name: "an exit while a call is repeated", journeys: []hogsend.Journey{j("a", "go", callsTwice, exits("stop"))}, script: func(s *Scenario, ada *Contact) {
			counts(s, 2, false)
			ada.At(0, "go")
			ada.At(2*time.Second, "stop")
		}},
		{name: "a pause while a call is repeated", journeys: []hogsend.Journey{j("a", "go", callsTwice)}, script: func(s *Scenario, ada *Contact) {
			counts(s, 2, false)
			ada.At(0, "go")
			s.Pause(2*time.Second, "a") // the first call goes on, the second is held
			s.Resume(5*hour, "a", SkipLate)
		}},
		{name: "a call that a pause holds and an exit ends", journeys: []hogsend.Journey{j("a", "go", callsTwice, exits("stop"))}, script: func(s *Scenario, ada *Contact) {
			counts(s, 0, false)
			ada.At(0, "go")
			s.Pause(time.Minute, "a")
			ada.At(5*hour, "stop")
			s.Resume(6*hour, "a")
		}},
		// J-130: the earliest received wins, of one event the lowest index; what else came
		// is found by the next wait.
		{name: "any of several", journeys: []hogsend.Journey{j("a", "go", waitsForAny)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(2*hour, "word", hogsend.Properties{"n": 1})
			ada.At(2*hour, "word", hogsend.Properties{"n": 2})
			ada.At(3*hour, "nobody")
		}},
		{name: "any of what came before", journeys: []hogsend.Journey{j("a", "go", waitsForAny)}, script: func(_ *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "other", OccurredAt: Start().Add(-hour)})
			ada.At(0, "go")
			ada.At(10*time.Minute, "word", hogsend.Properties{"n": 2})
			ada.At(20*time.Minute, "other")
		}},
		{name: "any, then an exit", journeys: []hogsend.Journey{j("a", "go", waitsForAny, exits("other"))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(5*hour, "other")
			ada.At(6*hour, "word")
		}},
		{name: "any, with the worker down over both", journeys: []hogsend.Journey{j("a", "go", waitsForAny)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Down(2*hour, 3*day)
			ada.At(5*hour, "other")
			ada.At(6*hour, "word")
			ada.At(hour+day+time.Second, "word")
		}},
		// J-143: no event is in two digests, none falls between two.
		{name: "digests", journeys: []hogsend.Journey{j("a", "read", collectsOnce, where(hogsend.Prop("n").Gt(0)))}, script: func(_ *Scenario, ada *Contact) {
			for i, at := range []time.Duration{0, hour, 3 * hour, 3*hour + time.Second, 4 * hour, 20 * hour, 21 * hour, 30 * hour} {
				ada.At(at, "read", hogsend.Properties{"n": i + 1})
			}
			ada.At(2*hour, "read", hogsend.Properties{"n": 0})
			ada.Does(5*hour, Event{Name: "read", Properties: hogsend.Properties{"n": 99}, OccurredAt: Start().Add(-30 * hour)})
			ada.Does(20*hour+time.Minute, Event{Name: "read", Properties: hogsend.Properties{"n": 98}, OccurredAt: Start().Add(20*hour - 15*time.Minute)})
		}},
		{name: "digests of enrollments that rest before them", journeys: []hogsend.Journey{j("a", "read", restsAndCollects, where(hogsend.Prop("n").Gt(0)))}, script: func(_ *Scenario, ada *Contact) {
			n := 0
			for _, at := range []time.Duration{
				0, hour, 105 * time.Minute, 2 * hour, 5 * hour, 6 * hour, 26 * hour, 26*hour + time.Second, 28 * hour, 29 * hour,
				52 * hour, 53 * hour, 54*hour + time.Second, 55 * hour, 100 * hour, 7 * day, 7*day + hour,
			} {
				n++
				ada.At(at, "read", hogsend.Properties{"n": n})
				ada.At(at, "read", hogsend.Properties{"n": -n})
			}
			ada.Does(8*day, Event{Name: "read", Properties: hogsend.Properties{"n": 100}, OccurredAt: Start().Add(2 * day)}) // late
		}},
		{name: "a digest given up by an exit, with the worker down", journeys: []hogsend.Journey{j("a", "read", restsAndCollects, exits("stop"))}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "read", hogsend.Properties{"n": 1})
			ada.At(3*hour, "read", hogsend.Properties{"n": 2})
			ada.At(4*hour, "stop")
			ada.At(5*hour, "read", hogsend.Properties{"n": 3})
			s.Down(20*hour, 2*day)
			ada.At(31*hour, "read", hogsend.Properties{"n": 4})
			ada.At(31*hour+time.Second, "read", hogsend.Properties{"n": 5})
		}},
		{name: "digests of another event", journeys: []hogsend.Journey{j("a", "go", collectsTwice)}, script: func(_ *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "word", Properties: hogsend.Properties{"n": 1}, OccurredAt: Start().Add(-5 * hour)})
			ada.At(0, "go")
			ada.At(hour, "word", hogsend.Properties{"n": 2})
			ada.At(2*hour, "word", hogsend.Properties{"n": 3})
			ada.At(3*hour, "word", hogsend.Properties{"n": 4})
			ada.At(4*hour, "word", hogsend.Properties{"n": 5})
			ada.At(10*hour, "go")
		}},
		// Entry limits: J-24 to J-30.
		{name: "unlimited", journeys: []hogsend.Journey{j("a", "go", nothingToDo)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(0, "go"); ada.At(hour, "go") }},
		{name: "once", journeys: []hogsend.Journey{j("a", "go", nothingToDo, limited(hogsend.Once))}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(400*day, "go") }},
		{name: "once, failed", journeys: []hogsend.Journey{j("a", "go", fails, limited(hogsend.Once))}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(day, "go") }},
		{name: "once per period", journeys: []hogsend.Journey{j("a", "go", nothingToDo, limited(hogsend.OncePerPeriod))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(day-time.Millisecond, "go")
			ada.At(day, "go")
			ada.At(2*day-time.Microsecond, "go")
		}},
		{name: "once per week", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay, limited(hogsend.OncePerPeriod), func(j *hogsend.Journey) { j.EntryPeriod = 7 * day })}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "go")
			ada.At(6*day, "go")
			ada.At(7*day, "go")
		}},
		// Guards: J-32 to J-43.
		{name: "disabled in code", journeys: []hogsend.Journey{j("a", "go", nothingToDo, func(j *hogsend.Journey) { j.Disabled = true })}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Disable(hour, "a")
			ada.At(2*hour, "go")
		}},
		{name: "switched off and on", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay), j("b", "go", nothingToDo)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Disable(hour, "a")
			ada.At(2*hour, "go")
			s.Enable(3*hour, "a")
			ada.At(2*day, "go")
		}},
		{name: "a late event", journeys: []hogsend.Journey{j("a", "go", nothingToDo), j("b", "begin", waitsForWord, exits("stop"))}, script: func(_ *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "go", OccurredAt: Start().Add(-day)})
			ada.Does(0, Event{Name: "go", OccurredAt: Start().Add(-day - time.Second)})
			ada.At(0, "begin")
			ada.Does(2*hour, Event{Name: "word", Properties: hogsend.Properties{"n": 2}, OccurredAt: Start().Add(-2 * day)})
			ada.Does(3*hour, Event{Name: "stop", OccurredAt: Start().Add(-2 * day)})
		}},
		{name: "conditions", journeys: []hogsend.Journey{j("a", "go", nothingToDo, where(plan, hogsend.Prop("n").Gte(2)))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(0, "go", hogsend.Properties{"plan": "pro", "n": "2"})
			ada.At(0, "go", hogsend.Properties{"plan": "pro", "n": 2})
			ada.At(0, "go", hogsend.Properties{"plan": []any{"pro"}, "n": 2})
		}},
		{name: "unsubscribed", journeys: []hogsend.Journey{
			j("a", "go", mailsOnce), j("b", "go", mailsOnce, func(j *hogsend.Journey) { j.EnrollUnsubscribed = true }), j("c", "go", mailsAroundADay, limited(hogsend.Once)),
		}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Unsubscribes(hour)
			ada.At(2*hour, "go")
			ada.Resubscribes(3*hour + 2*day)
			ada.At(3*hour+2*day, "go")
		}},
		{name: "already active", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "go")
			ada.At(day, "go")
			ada.At(day+hour, "go")
		}},
		// Exits: J-71 to J-78.
		{name: "exit rules", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay, exits("stop", plan), exits("end"))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "stop", hogsend.Properties{"plan": "free"})
			ada.At(2*hour, "stop", hogsend.Properties{"plan": "pro"})
			ada.At(3*hour, "go")
			ada.At(4*hour, "end")
			ada.At(5*hour, "end")
		}},
		{name: "exit and trigger by one event", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay, exits("go")), j("b", "go", mailsAroundADay, exits("go"), limited(hogsend.Once))}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour, "go")
			ada.At(2*hour, "go")
		}},
		{name: "journeys follow journeys", journeys: []hogsend.Journey{
			j("a", "go", fails), j("b", "journey:failed", mailsOnce, where(hogsend.Prop("journeyId").Eq("a"))),
			j("c", "journey:completed", nothingToDo, where(hogsend.Prop("journeyId").Eq("b"))), j("d", "begin", waitsForEver, exits("journey:completed", hogsend.Prop("journeyId").Eq("c"))),
		}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "begin"); ada.At(hour, "go") }},
		{name: "an exit by hand, and an operator's", journeys: []hogsend.Journey{j("a", "go", waitsForWord)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(3*day, "go")
			ada.Cancel(3*day+hour/2, "a")
		}},
		// Waits: J-122 to J-130.
		{name: "waits", journeys: []hogsend.Journey{j("a", "go", waitsForWord)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour/2, "word", hogsend.Properties{"n": 9}) // before the first wait ended
			ada.At(2*hour, "word", hogsend.Properties{"n": 1})
			ada.At(3*hour, "word", hogsend.Properties{"n": 2})
			ada.At(3*hour+day, "word", hogsend.Properties{"n": 3}) // at the deadline
		}},
		{name: "a word a moment late", journeys: []hogsend.Journey{j("a", "go", waitsForWord)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(hour+day+time.Millisecond, "word", hogsend.Properties{"n": 2})
		}},
		{name: "look-back", journeys: []hogsend.Journey{j("a", "go", looksBack)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "word")
			ada.At(2*hour, "go")
			ada.At(4*hour+time.Second, "go")
		}},
		{name: "two waits at once", journeys: []hogsend.Journey{j("a", "go", twoAtOnce)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(hour, "other"); ada.At(2*hour, "word") }},
		{name: "a wait given up", journeys: []hogsend.Journey{j("a", "go", givesUpWaiting)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(2*hour, "word") }},
		{name: "waits for ever", journeys: []hogsend.Journey{j("a", "go", waitsForEver)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "go"); ada.At(300*day, "word") }},
		{name: "two at one instant", journeys: []hogsend.Journey{j("a", "go", waitsForWord)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(2*hour, "word", hogsend.Properties{"n": 2})
			ada.At(2*hour, "word", hogsend.Properties{"n": 3})
		}},
		// Effects and the gate: J-131 to J-140, E-13.
		{name: "the contact changes", journeys: []hogsend.Journey{j("a", "go", writesContact)}, script: func(_ *Scenario, ada *Contact) {
			ada.Does(0, Event{Name: "go", ContactProperties: hogsend.Properties{"old": "x", "plan": "free", "n": 1.5}})
			ada.Changes(hour, hogsend.Properties{"plan": "free", "n": nil})
			ada.Moves(hour, "Europe/Berlin")
			ada.At(2*hour, "go")
		}},
		{name: "opt-outs between two mails", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Unsubscribes(hour, "news")
			ada.At(2*day, "go")
			ada.Resubscribes(2*day+hour, "news")
			ada.Suppress(4*day, "bounce")
			ada.At(4*day, "go")
			ada.Unsuppress(4*day + hour)
		}},
		{name: "asking for subscriptions", journeys: []hogsend.Journey{j("a", "go", asksSubscription, func(j *hogsend.Journey) { j.EnrollUnsubscribed = true })}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Unsubscribes(hour, "news")
			ada.At(hour, "go")
			ada.Unsubscribes(2 * hour)
			ada.At(2*hour, "go")
			ada.Suppress(3*hour, "complaint")
			ada.At(3*hour, "go")
		}},
		{name: "no address", journeys: []hogsend.Journey{j("a", "go", mailsOnce)}, script: func(s *Scenario, _ *Contact) { s.Contact(Person{UserID: "bob"}).At(0, "go") }},
		{name: "questions", journeys: []hogsend.Journey{j("a", "go", asksMuch)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "word")
			ada.At(0, "go")
			ada.At(2*day, "word")
			ada.At(4*day, "go")
			ada.Changes(5*day, hogsend.Properties{"$timezone": "America/New_York", "timezone": "nowhere"})
			ada.At(12*day, "go")
			ada.Moves(20*day, "Asia/Kathmandu")
			ada.At(20*day, "go")
		}},
		{name: "windows", journeys: []hogsend.Journey{j("a", "go", mailsByTheClock)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.Moves(hour, "America/New_York") // 10:00 in London is 5:00 there
			ada.At(day, "go")
			ada.At(day+4*hour, "go")
			ada.At(day+12*hour, "go")
			ada.Moves(2*day, "Pacific/Auckland")
			ada.At(2*day+10*hour, "go")
		}, defaults: hogsend.Defaults{Timezone: "Europe/London", SendWindow: hogsend.Window{Start: "09:00", End: "17:00"}, Window: hogsend.Window{Start: "08:00", End: "20:00"}}},
		// Loop guard: J-146, J-147.
		{name: "a loop that takes an hour", journeys: []hogsend.Journey{j("a", "a", callsBLater), j("b", "b", callsA)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "a")
			s.Until(30 * hour)
		}},
		{name: "a loop", journeys: []hogsend.Journey{j("a", "a", callsB), j("b", "b", callsA)}, script: func(_ *Scenario, ada *Contact) { ada.At(0, "a") }},
		// Pause: J-100 to J-108.
		{name: "paused and resumed", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Pause(hour, "a")
			ada.At(2*hour, "go")
			s.Resume(3*day, "a")
			ada.At(3*day+hour, "go")
		}},
		{name: "late mails left out", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Pause(hour, "a")
			s.Resume(3*day, "a", SkipLate)
		}},
		{name: "rescheduled, and paused again", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Pause(12*hour, "a")
			s.Resume(2*day, "a", Reschedule)
			s.Pause(2*day+hour, "a")
			s.Resume(5*day, "a", Reschedule)
		}},
		{name: "exited while held", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay, exits("stop"))}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Pause(hour, "a")
			ada.At(2*day, "stop")
			s.Resume(3*day, "a")
		}},
		{name: "an event held", journeys: []hogsend.Journey{j("a", "a", callsB), j("b", "b", nothingToDo)}, script: func(s *Scenario, ada *Contact) {
			s.Pause(0, "b")
			ada.At(0, "a")
			s.Resume(hour, "b")
			s.Pause(hour, "a")
			ada.At(2*hour, "a")
			s.Resume(3*hour, "a")
			ada.At(3*hour, "a")
		}},
		// Outages: J-97d, J-126.
		{name: "the worker is away over a deadline", journeys: []hogsend.Journey{j("a", "go", waitsForWord)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(2*hour, "word", hogsend.Properties{"n": 2})
			s.Down(20*hour, 3*day)
			ada.At(2*hour+day, "word", hogsend.Properties{"n": 3})
			ada.At(2*day, "go")
		}},
		{name: "several people", journeys: []hogsend.Journey{j("a", "go", mailsAroundADay, exits("stop")), j("b", "go", waitsForWord)}, script: func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			ada.At(0, "go")
			bob.At(0, "go")
			bob.At(hour, "stop")
			ada.At(2*hour, "word", hogsend.Properties{"n": 2})
		}},
	}
}

func conformanceScenario(t *testing.T, c conformanceCase) *Scenario {
	t.Helper()
	s := New(t, hogsend.Registry{Journeys: c.journeys, Defaults: c.defaults, Buckets: c.buckets, Lists: c.lists, Addresses: map[string]string{"desk": "desk@acme.example"}, Templates: []hogsend.Template{
		{Key: "note", Subject: "A note", HTML: "<p>Hello {{.Name}}{{if ne .About.ID .Contact.ID}}, about {{.About.ExternalID}}{{end}}</p>"},
		{Key: "ask", Subject: "Well?", HTML: `<p>{{range 3}}<a href="{{answer "said" "n" .}}">{{.}}</a> {{end}}</p>`},
		{Key: "news", Subject: "News", HTML: "<p>Well {{.Name}}</p>", Category: "news"},
	}})
	s.lax = true // what is wrong is to be wrong alike
	c.script(s, s.Contact(Person{UserID: "ada", Email: "ada@example.com", Properties: hogsend.Properties{"plan": "free"}}))
	return s
}

// T-4: the kit decides as production does.
func TestTheKitAgreesWithPostgres(t *testing.T) {
	t.Parallel()
	for _, c := range append(conformanceCases(), heldCases()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

// J-146, J-147: a cycle without a wait ends after 11 enrollments; one that takes an
// hour goes on: 30 times both, and the one under way.
func TestALoopEndsUnlessItTakesAnHour(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ enrollments, guarded int }{"a loop": {11, 1}, "a loop that takes an hour": {61, 0}} {
		for _, c := range conformanceCases() {
			if c.name != name {
				continue
			}
			s := conformanceScenario(t, c)
			s.Quick()
			got := s.Run()
			guarded := 0
			for _, d := range got.Decisions {
				if d.Reason == "loop_guard" {
					guarded++
				}
			}
			require.Equal(t, want.guarded, guarded, name)
			require.Len(t, got.Enrollments, want.enrollments, name)
		}
	}
}
