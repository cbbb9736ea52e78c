package hogsendtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// beginsAndHears tells when it begins, and hears what came while it was held.
func beginsAndHears(ctx workflow.Context, run hogsend.Run) error {
	began := workflow.Now(ctx).Sub(Start()).Round(time.Second)
	if err := run.Checkpoint(ctx, fmt.Sprint("began ", began)); err != nil {
		return err
	}
	if err := hears(ctx, run, hogsend.Wait{Timeout: -time.Minute}); err != nil {
		return err
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "note"})
	return err
}

// pauseCases are about entries during pauses (J-168).
func pauseCases() []conformanceCase {
	script := func(policy ResumePolicy) func(s *Scenario, ada *Contact) {
		return func(s *Scenario, ada *Contact) {
			bob := s.Contact(Person{UserID: "bob", Email: "bob@example.com"})
			s.Pause(0, "a")
			ada.At(hour, "go")
			ada.At(2*hour, "word", hogsend.Properties{"n": 1})
			ada.At(2*hour, "go")
			bob.At(3*hour+30*time.Minute, "go")
			s.Resume(4*hour, "a", policy)
			ada.At(3*day, "go")
		}
	}
	a := j("a", "go", beginsAndHears, limited(hogsend.Once))
	return []conformanceCase{
		{name: "held entries catch up", journeys: []hogsend.Journey{a}, script: script(CatchUp)},
		{name: "held entries that are late leave", journeys: []hogsend.Journey{a, j("b", "journey:exited", nothingToDo)}, script: script(SkipLate)},
		{name: "held entries are rescheduled", journeys: []hogsend.Journey{a}, script: script(Reschedule)},
		{name: "dropped entries", journeys: []hogsend.Journey{a}, script: func(s *Scenario, ada *Contact) {
			s.Pause(0, "a", DropEntries)
			ada.At(hour, "go")
			s.Pause(2*hour, "a")
			ada.At(3*hour, "go")
			s.Pause(4*hour, "a", DropEntries)
			ada.At(5*hour, "go")
			s.Resume(6*hour, "a")
		}},
		{name: "a held entry that ends", journeys: []hogsend.Journey{j("a", "go", beginsAndHears, exits("stop"))}, script: func(s *Scenario, ada *Contact) {
			bob, cleo := s.Contact(Person{UserID: "bob"}), s.Contact(Person{UserID: "cleo", Email: "cleo@example.com"})
			s.Pause(0, "a")
			ada.At(hour, "go")
			bob.At(hour, "go")
			cleo.At(hour, "go")
			ada.At(2*hour, "stop")
			ada.At(2*hour, "go")
			bob.Cancel(2*hour, "a")
			cleo.Unsubscribes(2 * hour)
			s.Resume(3*hour, "a")
		}},
		{name: "a held entry that is paused again", journeys: []hogsend.Journey{a}, script: func(s *Scenario, ada *Contact) {
			s.Pause(0, "a")
			ada.At(hour, "go")
			s.Resume(2*hour, "a", Reschedule)
			s.Pause(2*hour+30*time.Minute, "a", DropEntries)
			s.Resume(9*hour, "a", Reschedule)
		}},
		{name: "held entries of people who turn out to be one", journeys: []hogsend.Journey{a}, script: func(s *Scenario, ada *Contact) {
			guest := s.Contact(Person{AnonymousID: "browser"})
			s.Pause(0, "a")
			guest.At(hour, "go")
			ada.At(2*hour, "go")
			ada.Does(3*hour, Event{Name: "seen", AnonymousID: "browser"})
			s.Resume(4*hour, "a")
		}},
		{name: "reactions that are held", journeys: []hogsend.Journey{
			j("due", "go", beginsAndHears, func(j *hogsend.Journey) {
				j.Trigger = hogsend.OnSchedule(hogsend.Weekly(time.Tuesday, "12:00"), hogsend.Bucket{ID: "rich"})
			}),
		}, buckets: []hogsend.Bucket{b("rich", hogsend.Prop("money").Gt(10), reacts(
			hogsend.OnEnter(beginsAndHears), hogsend.OnDwell(hogsend.After(2*hour), beginsAndHears), hogsend.OnDwell(hogsend.Every(20*hour), beginsAndHears),
		))}, script: func(s *Scenario, ada *Contact) {
			for _, id := range []string{"due", "bucket-rich-on-enter", "bucket-rich-on-dwell-after-7200000", "bucket-rich-on-dwell-every-72000000"} {
				s.Pause(0, id)
				s.Resume(29*hour, id, Reschedule)
			}
			ada.Changes(hour, hogsend.Properties{"money": 11})
			ada.At(4*hour, "word", hogsend.Properties{"n": 1})
			ada.Changes(3*day, hogsend.Properties{"money": 1})
		}},
		{name: "dwells that are late and leave", buckets: []hogsend.Bucket{b("rich", hogsend.Prop("money").Gt(10), reacts(
			hogsend.OnDwell(hogsend.After(2*hour), beginsAndHears),
		))}, script: func(s *Scenario, ada *Contact) {
			s.Pause(0, "bucket-rich-on-dwell-after-7200000")
			ada.Changes(hour, hogsend.Properties{"money": 11})
			s.Resume(9*hour, "bucket-rich-on-dwell-after-7200000", SkipLate)
			ada.Changes(10*hour, hogsend.Properties{"money": 1})
			ada.Changes(11*hour, hogsend.Properties{"money": 12})
			ada.Changes(14*hour, hogsend.Properties{"money": 1})
		}},
	}
}

// T-4
func TestHeldEntriesConform(t *testing.T) {
	t.Parallel()
	for _, c := range pauseCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			play := conforms
			if len(c.buckets) > 0 { // much happens at one instant
				play = conformsApart
			}
			play(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

// J-168
func TestWhatBecomesOfHeldEntries(t *testing.T) {
	t.Parallel()
	outcome := func(name string) *Result {
		for _, c := range pauseCases() {
			if c.name == name {
				s := conformanceScenario(t, c)
				s.Quick()
				return s.Run()
			}
		}
		t.Fatal(name)
		return nil
	}
	nodes := func(got *Result, who string) []string { return checkpoints(got.Enrollment(who, "a")) }

	got := outcome("held entries catch up")
	require.Equal(t, []string{"paused:start", "began 4h0m0s", "heard 1"}, nodes(got, "ada"))
	require.Equal(t, []string{"paused:start", "began 4h0m0s", "silence"}, nodes(got, "bob"))
	require.Equal(t, []string{"a: enrolled", "a: already_active", "a: already_entered_once"}, got.DecisionsOf("ada"))

	got = outcome("held entries that are late leave")
	require.Equal(t, "paused_late", got.Enrollment("ada", "a").ExitReason)
	require.Equal(t, []string{"paused:start", "began 4h0m0s", "silence"}, nodes(got, "bob"))
	require.Equal(t, []string{"a: enrolled", "a: already_active", "b: enrolled", "a: already_entered_once"}, got.DecisionsOf("ada"))

	got = outcome("held entries are rescheduled")
	require.Equal(t, []string{"paused:start", "began 5h0m0s", "heard 1"}, nodes(got, "ada"))
	require.Equal(t, []string{"paused:start", "began 7h30m0s", "silence"}, nodes(got, "bob"))

	require.Equal(t, []string{"a: journey_paused", "a: enrolled", "a: journey_paused"}, outcome("dropped entries").DecisionsOf("ada"))
}
