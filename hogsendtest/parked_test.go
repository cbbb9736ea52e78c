package hogsendtest_test

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
	"github.com/hogsend/hogsend/internal/replay"
)

// The ways to stand somewhere.

func standsInWait(ctx workflow.Context, run hogsend.Run) error { return waits(ctx, run, "parked") }

func standsInAny(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.WaitForAny(ctx, hogsend.AnyOf{Waits: []hogsend.Wait{{Event: "used"}, {Event: "left"}}, Timeout: hogsend.Day, Label: "parked"})
	return err
}

func standsInSleep(ctx workflow.Context, run hogsend.Run) error {
	return run.Sleep(ctx, hogsend.Day, "parked")
}

func standsInDigest(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Digest(ctx, hogsend.Digest{Event: "go", Window: hogsend.Day, Label: "parked"})
	return err
}

func waits(ctx workflow.Context, run hogsend.Run, label string) error {
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "used", Timeout: hogsend.Day, Label: label})
	return err
}

// The code with which people came there.

func mailsAndWaits(ctx workflow.Context, run hogsend.Run) error {
	return inOrder(ctx, run, mailsNote, standsInWait)
}

func mailsAndWaitsForAny(ctx workflow.Context, run hogsend.Run) error {
	return inOrder(ctx, run, mailsNote, standsInAny)
}

func mailsAndSleeps(ctx workflow.Context, run hogsend.Run) error {
	return inOrder(ctx, run, mailsNote, standsInSleep)
}

func mailsAndCollects(ctx workflow.Context, run hogsend.Run) error {
	return inOrder(ctx, run, mailsNote, standsInDigest)
}

func inOrder(ctx workflow.Context, run hogsend.Run, steps ...hogsend.JourneyFunc) error {
	for _, step := range steps {
		if err := step(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// standing is a registry in which everybody who goes comes into a journey and two reactions
// of the same code.
func standing(code hogsend.JourneyFunc) hogsend.Registry {
	r := registryOf(path(code))
	r.Buckets = []hogsend.Bucket{{
		ID: "goers", Name: "Goers", Criteria: hogsend.Event("go").Exists(),
		Reactions: []hogsend.Reaction{hogsend.OnEnter(code), hogsend.OnDwell(hogsend.After(time.Hour), code)},
	}}
	return r
}

// T-32, T-33: a step that is put before the place where somebody stands, or taken away there, is
// told, of a journey, an enter and a dwell reaction alike. It sets a flag of the process.
func TestAStepPutBeforeWhereSomebodyStandsIsTold(t *testing.T) { //nolint:paralleltest // see above
	was := flag.Lookup("update").Value.String()
	require.NoError(t, flag.Set("update", "true"))
	defer func() { require.NoError(t, flag.Set("update", was)) }()
	before := map[string]struct {
		step hogsend.JourneyFunc
		want replay.Verdict
	}{
		"a send":     {mailsNote, replay.Broken},
		"a call":     {callsFirst, replay.Broken},
		"a trigger":  {triggersFirst, replay.Broken},
		"a property": {identifiesFirst, replay.Broken},
		"a reading":  {readsFirst, replay.Broken},
		// These ask Temporal for what the step asked for at which people stand: they go on, in
		// the new step, until what they came to there has ended.
		"a sleep":  {sleepsFirst, replay.Changed},
		"a wait":   {standsBefore, replay.Changed},
		"a digest": {collectsFirst, replay.Changed},
	}
	for name, stand := range map[string][2]hogsend.JourneyFunc{
		"a wait for an event":   {mailsAndWaits, standsInWait},
		"a wait for any":        {mailsAndWaitsForAny, standsInAny},
		"a sleep that is there": {mailsAndSleeps, standsInSleep},
		"a window of a digest":  {mailsAndCollects, standsInDigest},
	} {
		came, park := stand[0], stand[1]
		dir := t.TempDir()
		s := hogsendtest.New(t, standing(came))
		s.Quick()
		s.Until(2 * time.Hour)
		s.Unheard("used")
		s.Contact(ada()).At(0, "go")
		hogsendtest.Store(t, s.Run(), dir)
		found, err := replay.Files(dir)
		require.NoError(t, err)
		require.Len(t, found, 3, name)
		check := func(what string, want replay.Verdict, code hogsend.JourneyFunc) {
			t.Helper()
			r, err := replay.New(replay.Config{Registry: standing(code)})
			require.NoError(t, err)
			for _, file := range found {
				history, err := replay.ReadFile(file)
				require.NoError(t, err)
				out := r.Replay(history)
				require.Equal(t, want, out.Verdict, "%s, %s, in %s: %s", name, what, filepath.Base(filepath.Dir(file)), out.Difference)
			}
		}
		put := func(steps ...hogsend.JourneyFunc) hogsend.JourneyFunc {
			return func(ctx workflow.Context, run hogsend.Run) error { return inOrder(ctx, run, steps...) }
		}
		check("nothing", replay.OK, came)
		check("a step after", replay.OK, put(mailsNote, park, mailsNote))
		for what, step := range before {
			if what != "a send" {
				check(what+" first of all", replay.Broken, put(step.step, mailsNote, park))
			}
			check(what, step.want, put(mailsNote, step.step, park))
			check(what+" behind a version", replay.OK, put(mailsNote, versioned(step.step), park))
		}
		check("no send", replay.Broken, put(park))
		check("no wait", replay.Broken, put(mailsNote))
		check("another order", replay.Broken, put(park, mailsNote))
		check("another template", replay.Changed, put(mailsOther, park))
	}
}

// The steps that are put before it.

func sleepsFirst(ctx workflow.Context, run hogsend.Run) error { return run.Sleep(ctx, time.Hour) }

func standsBefore(ctx workflow.Context, run hogsend.Run) error { return waits(ctx, run, "before") }

func collectsFirst(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Digest(ctx, hogsend.Digest{Event: "go", Window: time.Hour})
	return err
}

func callsFirst(ctx workflow.Context, run hogsend.Run) error {
	return run.Do(ctx, hogsend.Call{Activity: "Tell"}, nil)
}

func triggersFirst(ctx workflow.Context, run hogsend.Run) error {
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "x"})
}

func identifiesFirst(ctx workflow.Context, run hogsend.Run) error {
	return run.Identify(ctx, hogsend.Properties{"x": 1})
}

func readsFirst(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Contact(ctx)
	return err
}

func mailsOther(ctx workflow.Context, run hogsend.Run) error { return send(ctx, run, "other") }

func versioned(step hogsend.JourneyFunc) hogsend.JourneyFunc {
	return func(ctx workflow.Context, run hogsend.Run) error {
		if run.Version(ctx, "step", 1) < 1 {
			return nil
		}
		return step(ctx, run)
	}
}
