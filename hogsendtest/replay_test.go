package hogsendtest_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

func rangesOverAMap(ctx workflow.Context, run hogsend.Run) error {
	for template := range map[string]bool{"note": true, "other": true} {
		if err := send(ctx, run, template); err != nil {
			return err
		}
		if err := run.Sleep(ctx, time.Hour); err != nil {
			return err
		}
	}
	return nil
}

func branchesOnTheTime(ctx workflow.Context, run hogsend.Run) error {
	if time.Now().UnixNano()%2 == 0 {
		return send(ctx, run, "note")
	}
	return send(ctx, run, "other")
}

func branchesOnTheYear(ctx workflow.Context, run hogsend.Run) error {
	if time.Since(run.Event().ReceivedAt) > 0 {
		return send(ctx, run, "note")
	}
	return send(ctx, run, "other")
}

func branchesOnChance(ctx workflow.Context, run hogsend.Run) error {
	if rand.IntN(2) == 0 { // that is what is tested
		return run.Sleep(ctx, time.Hour)
	}
	return run.Sleep(ctx, 2*time.Hour)
}

const plantedVariable = "HOGSENDTEST_PLANTED"

func branchesOnTheEnvironment(ctx workflow.Context, run hogsend.Run) error {
	label := "unset"
	if os.Getenv(plantedVariable) != "" {
		label = "set"
	}
	if err := run.Checkpoint(ctx, label); err != nil {
		return err
	}
	return os.Setenv(plantedVariable, "changed in between") // it is a journey that does so
}

var plantedCount int

func branchesOnAVariable(ctx workflow.Context, run hogsend.Run) error {
	if plantedCount++; plantedCount%2 == 0 {
		return send(ctx, run, "other")
	}
	return send(ctx, run, "note")
}

func callsFromAGoroutine(ctx workflow.Context, run hogsend.Run) error {
	go func() { _ = send(ctx, run, "note") }()
	return run.Sleep(ctx, time.Hour)
}

func addsAStep(ctx workflow.Context, run hogsend.Run) error {
	if err := send(ctx, run, "note"); err != nil {
		return err
	}
	if plantedStep++; plantedStep%2 == 0 {
		if err := run.Checkpoint(ctx, "one more"); err != nil {
			return err
		}
	}
	return run.Sleep(ctx, time.Hour)
}

var plantedStep int

// T-13: what is not deterministic is caught, one case each.
func TestWhatIsNotDeterministicIsCaught(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { require.NoError(t, os.Unsetenv(plantedVariable)) })
	for name, tt := range map[string]struct {
		run  hogsend.JourneyFunc
		want []string
	}{
		"a map range":            {rangesOverAMap, []string{"journey-path asks for something else", "(activity Send) at setup_test.go:"}},
		"time.Now":               {branchesOnTheTime, []string{"recorded: send:", "asked for: send:", `"template":"note"`, `"template":"other"`}},
		"time.Since":             {branchesOnTheYear, []string{"recorded: send:note#1", "asked for: send:other#1"}},
		"math/rand":              {branchesOnChance, []string{"recorded: sleep:wait:", "at replay_test.go:", "wait:1h", "wait:2h"}},
		"the environment":        {branchesOnTheEnvironment, []string{"recorded: node:unset#1", "asked for: node:set#1"}},
		"a package variable":     {branchesOnAVariable, []string{"step 2", "recorded: send:", "asked for: send:"}},
		"a bare goroutine":       {callsFromAGoroutine, []string{"by a goroutine of its own", "setup_test.go:"}},
		"a step more, or a less": {addsAStep, []string{"node:one more#1 (local activity Checkpoint)", "sleep:wait:1h#1 (local activity BeginWait)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failureOf(t, tt.run)
			for _, want := range tt.want {
				require.Contains(t, got, want)
			}
		})
	}
}

func usesEverything(ctx workflow.Context, run hogsend.Run) error {
	version := workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 2)
	if err := run.Checkpoint(ctx, "version "+string(rune('0'+version))); err != nil {
		return err
	}
	var number int
	if err := run.Once(ctx, "number", &number, func() (any, error) { return rand.Int(), nil }); err != nil { // any number
		return err
	}
	done := workflow.NewWaitGroup(ctx)
	for _, pause := range []time.Duration{2 * time.Hour, time.Hour} {
		done.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer done.Done()
			if run.Sleep(ctx, pause) == nil {
				_ = run.Checkpoint(ctx, pause.String())
			}
		})
	}
	done.Wait(ctx)
	if err := workflow.Sleep(ctx, time.Minute); err != nil {
		return err
	}
	on, err := run.IsSubscribed(ctx, "news")
	if err != nil || !on {
		return err
	}
	c, err := run.Contact(ctx)
	if err != nil {
		return err
	}
	_, err = run.Send(ctx, hogsend.Email{Template: "note", Props: noteProps{Word: c.ExternalID}})
	return err
}

// T-12, T-14: what is deterministic passes both modes, chance inside of Once included.
func TestAJourneyThatUsesEverythingPasses(t *testing.T) {
	t.Parallel()
	s := hogsendtest.New(t, registryOf(path(usesEverything)))
	s.Contact(ada()).At(0, "go")
	got := s.Run()
	require.Equal(t, []string{"start", "version 2", "wait:2h", "wait:1h", "1h0m0s", "wait:2h", "2h0m0s", "send:note"}, got.Enrollment("ada", "path").Nodes)
}

// T-8: the timeline is the same each time, whatever the SDK does at once.
func TestATimelineIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	var first string
	for i := range 20 {
		s := hogsendtest.New(t, registryOf(path(usesEverything)))
		s.Contact(ada()).At(0, "go")
		s.Quick()
		timeline := s.Run().Timeline("ada")
		if i == 0 {
			first = timeline
		}
		require.Equal(t, first, timeline)
	}
}

func greets(ctx workflow.Context, run hogsend.Run) error {
	var text string
	options := workflow.ActivityOptions{StartToCloseTimeout: time.Minute}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "Greet", run.Enrollment().ID).Get(ctx, &text); err != nil {
		return err
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "child-of-" + run.Enrollment().ID})
	if err := workflow.ExecuteChildWorkflow(child, "Aside", text).Get(ctx, &text); err != nil {
		return err
	}
	return run.Checkpoint(ctx, text)
}

func aside(ctx workflow.Context, text string) (string, error) {
	return text + "!", workflow.Sleep(ctx, time.Hour)
}
