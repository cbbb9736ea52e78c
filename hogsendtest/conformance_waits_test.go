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

// hears waits for a word and tells its number, or that none came.
func hears(ctx workflow.Context, run hogsend.Run, wait hogsend.Wait) error {
	wait.Event = "word"
	e, err := run.WaitForEvent(ctx, wait)
	if err != nil {
		return err
	}
	if e == nil {
		return run.Checkpoint(ctx, "silence")
	}
	return run.Checkpoint(ctx, fmt.Sprint("heard ", e.Properties["n"]))
}

// sleepsThenHears sleeps in each way there is and hears what came meanwhile, one by one.
func sleepsThenHears(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
		return err
	}
	if err := run.SleepUntil(ctx, Start().Add(3*hour)); err != nil {
		return err
	}
	for range 3 {
		if err := hears(ctx, run, hogsend.Wait{Timeout: hour}); err != nil {
			return err
		}
	}
	return nil
}

// onlyLooksBack hears nothing by looking back, which moves nothing, and then hears.
func onlyLooksBack(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	high := []hogsend.Condition{hogsend.Prop("n").Gt(5)}
	for _, wait := range []hogsend.Wait{{Timeout: -1, Where: high}, {Until: Start(), Where: high}, {Timeout: -1}, {Timeout: hour}, {Timeout: 2 * hour}} {
		if err := hears(ctx, run, wait); err != nil {
			return err
		}
	}
	return nil
}

// hearsOnlyNews sleeps and then wants what is new, alone and among others.
func hearsOnlyNews(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	if err := hears(ctx, run, hogsend.Wait{Timeout: hour, Fresh: true}); err != nil {
		return err
	}
	if err := run.Sleep(ctx, hour); err != nil {
		return err
	}
	got, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "word", Fresh: true}, {Event: "other"}}, Timeout: hour})
	if err != nil {
		return err
	}
	if err := run.Checkpoint(ctx, fmt.Sprint("any ", got.Index)); err != nil {
		return err
	}
	return hears(ctx, run, hogsend.Wait{Timeout: -1})
}

// sleepsThenDigests collects what came during its sleep, and later only what is new.
func sleepsThenDigests(ctx workflow.Context, run hogsend.Run) error {
	for _, lookback := range []time.Duration{0, -1} {
		if err := run.Sleep(ctx, 3*hour); err != nil {
			return err
		}
		if err := collects(ctx, run, hogsend.Digest{Event: "word", Window: hour, Lookback: lookback, Label: fmt.Sprint("of ", lookback)}); err != nil {
			return err
		}
	}
	return nil
}

// twoAtWork has one coroutine hear words while another one is busy with something else:
// afterwards nothing was hidden by what the other one waited for.
func twoAtWork(ctx workflow.Context, run hogsend.Run) error {
	done := workflow.NewWaitGroup(ctx)
	done.Add(2)
	var failed error
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer done.Done()
		if _, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "other", Timeout: day}); err != nil {
			failed = err
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer done.Done()
		for range 2 {
			if err := run.Sleep(ctx, 2*hour); err != nil {
				failed = err
				return
			}
			if err := hears(ctx, run, hogsend.Wait{Timeout: hour}); err != nil {
				failed = err
				return
			}
		}
	})
	done.Wait(ctx)
	if failed != nil {
		return failed
	}
	if err := collects(ctx, run, hogsend.Digest{Event: "word", Window: hour, Where: []hogsend.Condition{hogsend.Prop("n").Lt(7)}}); err != nil {
		return err
	}
	for range 2 {
		if err := hears(ctx, run, hogsend.Wait{Timeout: hour}); err != nil {
			return err
		}
	}
	return nil
}

// givesUpThenHears cancels a wait, which moves no mark, and hears afterwards.
func givesUpThenHears(ctx workflow.Context, run hogsend.Run) error {
	soon, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if workflow.Sleep(ctx, 2*hour) == nil {
			cancel()
		}
	})
	_, err := run.WaitForEvent(soon, hogsend.Wait{Event: "other", Timeout: day})
	if err := run.Checkpoint(ctx, fmt.Sprint("gave up ", err != nil)); err != nil {
		return err
	}
	return hears(ctx, run, hogsend.Wait{Timeout: hour})
}

var longName = strings.Repeat("ü", 199) + "!"

// listensToLongNames uses names that are as long as they may be.
func listensToLongNames(ctx workflow.Context, run hogsend.Run) error {
	e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: longName, Timeout: hour})
	if err != nil {
		return err
	}
	if err := run.Checkpoint(ctx, fmt.Sprint("heard ", e != nil)); err != nil {
		return err
	}
	return collects(ctx, run, hogsend.Digest{Event: longName, Window: hour})
}

// waitCases are about what waits look back to.
func waitCases() []conformanceCase {
	words := func(ada *Contact, at ...time.Duration) {
		for i, at := range at {
			ada.At(at, "word", hogsend.Properties{"n": i + 1})
		}
	}
	return []conformanceCase{
		// J-117, J-125: neither a sleep nor a mail moves the mark, and each event counts once.
		{name: "what came during sleeps", journeys: []hogsend.Journey{j("a", "go", sleepsThenHears)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, 30*time.Minute, 2*hour)
		}},
		{name: "what came while the worker was down", journeys: []hogsend.Journey{j("a", "go", sleepsThenHears)}, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			s.Down(15*time.Minute, 5*hour)
			words(ada, 30*time.Minute, 4*hour)
		}},
		{name: "what came with the trigger and before", journeys: []hogsend.Journey{j("a", "word", sleepsThenHears)}, script: func(_ *Scenario, ada *Contact) {
			words(ada, 0, 0, hour)
		}},
		{name: "waits that only look back", journeys: []hogsend.Journey{j("a", "go", onlyLooksBack)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, 10*time.Minute, 20*time.Minute)
			ada.At(3*hour, "word", hogsend.Properties{"n": 3})
		}},
		{name: "a wait that was given up", journeys: []hogsend.Journey{j("a", "go", givesUpThenHears)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, hour)
		}},
		// J-160
		{name: "only what is new", journeys: []hogsend.Journey{j("a", "go", hearsOnlyNews)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, 30*time.Minute, 90*time.Minute, 2*hour)
			ada.At(3*hour, "other")
		}},
		// J-143: a digest collects what came since the mark.
		{name: "a digest behind a sleep", journeys: []hogsend.Journey{j("a", "go", sleepsThenDigests)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, hour, 170*time.Minute, 3*hour+30*time.Minute, 5*hour, 6*hour+59*time.Minute, 7*hour+30*time.Minute)
		}},
		// J-159
		{name: "two coroutines", journeys: []hogsend.Journey{j("a", "go", twoAtWork)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			words(ada, time.Hour, 90*time.Minute, 150*time.Minute, 4*hour)
			ada.At(100*time.Minute, "other")
			ada.At(6*hour, "word", hogsend.Properties{"n": 7})
		}},
		// J-169
		{name: "long names", journeys: []hogsend.Journey{j("a", longName, listensToLongNames)}, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, longName)
			ada.At(30*time.Minute, longName)
			ada.At(45*time.Minute, longName)
		}},
	}
}

// T-4: what waits see is the same in the kit.
func TestWaitsConform(t *testing.T) {
	t.Parallel()
	for _, c := range waitCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

// What the scripts come to, in words.
func TestNothingIsMissedBetweenWaits(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"what came during sleeps":               {"heard 1", "heard 2", "silence"},
		"what came while the worker was down":   {"heard 1", "heard 2", "silence"},
		"what came with the trigger and before": {"heard 2", "heard 3", "silence"},
		"waits that only look back":             {"silence", "silence", "heard 1", "heard 2", "heard 3"},
		"a wait that was given up":              {"gave up true", "heard 1"},
		"only what is new":                      {"heard 2", "any 1", "silence"},
		"a digest behind a sleep":               {"3: 1 2 3", "1: 6"},
		"two coroutines":                        {"heard 1", "heard 2", "2: 3 4", "heard 7", "silence"},
		"long names":                            {"heard true", "3: <nil> <nil> <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range waitCases() {
				if c.name != name {
					continue
				}
				s := conformanceScenario(t, c)
				s.Quick()
				got := s.Run()
				require.Equal(t, want, checkpoints(got.Enrollment("ada", "a")))
			}
		})
	}
}

// checkpoints are the nodes that the journey itself names.
func checkpoints(e Enrollment) []string {
	var found []string
	for _, node := range e.Nodes {
		given := true
		for _, prefix := range []string{"start", "wait", "send:", "digest:", "of "} {
			given = given && !strings.HasPrefix(node, prefix)
		}
		if given {
			found = append(found, node)
		}
	}
	return found
}
