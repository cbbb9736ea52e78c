package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

// S-5, J-115: the zone is read anew by each chain, and an instant that was computed
// stays.
func TestWhenFollowsTheContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // Monday 10:00 in UTC
	w.contact.Timezone = "Europe/Berlin"
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		chain := run.When(ctx).Next(time.Friday)
		friday, err := chain.At("9:00")
		require.NoError(t, err)
		require.Equal(t, time.Date(2026, 1, 9, 8, 0, 0, 0, time.UTC), friday.UTC())
		pure, err := hogsend.At(workflow.Now(ctx), "Europe/Berlin").Next(time.Friday).At("9:00")
		require.NoError(t, err)
		require.True(t, pure.Equal(friday), "the same builder (S.2)")

		w.contact.Timezone = "America/New_York"
		require.Equal(t, time.Date(2026, 1, 9, 8, 0, 0, 0, time.UTC), friday.UTC())
		if err := run.SleepUntil(ctx, friday); err != nil {
			return err
		}
		next, err := run.When(ctx).Next(time.Friday).At("9:00")
		require.NoError(t, err)
		require.Equal(t, time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC), next.UTC(), "counted from workflow time")
		zone, err := run.Timezone(ctx)
		require.Equal(t, hogsend.Zone{Name: "America/New_York", Source: hogsend.ZoneColumn}, zone)
		require.NoError(t, err)
		local, err := run.Local(ctx, friday) // J-166
		require.Equal(t, "Fri 03:00", local.Format("Mon 15:04"))
		require.True(t, local.Equal(friday))
		require.NoError(t, err)
		_, err = run.When(ctx).On("2026-01-01").At("9:00")
		require.ErrorIs(t, err, hogsend.ErrPast) // S-40
		return nil
	})
	require.Equal(t, 94*time.Hour, w.timers[0])
	require.Len(t, w.asked, 9, "each answer is asked for once")
}

// S-2: a zone that is none is the author's error, known from the database of zones.
func TestWhenInAnUnknownZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
		_, err := run.When(ctx).TZ("Mars/Phobos").Tomorrow().At("9:00")
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, "zone", invalid.Field)
		return err
	})
	require.Error(t, err)
	require.Equal(t, `failed zone: "Mars/Phobos" is not the name of a time zone`, string(w.row.status)+" "+w.row.errorText)
}

// J-115, J-141: what is asked, from workflow time, and what is committed then.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(time.Hour, "used")
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		past, err := run.History().Event(ctx, "used", 0)
		require.NoError(t, err)
		require.Zero(t, past)
		require.NoError(t, run.Sleep(ctx, 3*time.Hour))
		past, err = run.History().Event(ctx, "used", 2*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, past.Count, "exactly two hours ago")
		require.True(t, w.start.Add(time.Hour).Equal(past.LastAt))
		past, err = run.History().Event(ctx, "used", 2*time.Hour-1)
		require.NoError(t, err)
		require.False(t, past.Found)

		entries, err := run.History().Journey(ctx, "j")
		require.NoError(t, err)
		require.Equal(t, 2, entries.Entries)
		mails, err := run.History().Email(ctx, "hello")
		require.NoError(t, err)
		require.Zero(t, mails)
		_, err = run.Send(ctx, hogsend.Email{Template: "hello"})
		require.NoError(t, err)
		mails, err = run.History().Email(ctx, "hello")
		require.True(t, mails.Sent)
		return err
	})
}

// J-142: chosen for the contact by the name that a rename keeps.
func TestVariant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arms := []hogsend.Arm{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}, {Name: "c", Weight: 1}}
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for _, name := range []string{"subject", "button", "subject"} {
			arm, err := run.Variant(ctx, name, arms...)
			require.NoError(t, err)
			require.Equal(t, steps.ChooseArm("first", name, contactID, arms), arm)
		}
		return nil
	})
}

// J-144
func TestThrottle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for _, want := range []bool{true, true, false} {
			allowed, err := run.Throttle(ctx, hogsend.Throttle{Max: 2, Window: time.Hour})
			require.NoError(t, err)
			require.Equal(t, want, allowed)
			if _, err := run.Send(ctx, hogsend.Email{Template: "hello"}); err != nil {
				return err
			}
		}
		return nil
	})
}

// J-116, J-137: keys, a nil that removes, and that nothing to write is nothing.
func TestIdentifyAndCapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		return errors.Join(
			run.Identify(ctx, nil), run.Identify(ctx, hogsend.Properties{}),
			run.Identify(ctx, hogsend.Properties{"plan": "pro", "old": nil}), run.Identify(ctx, hogsend.Properties{"n": 1}),
			run.Capture(ctx, "seen", nil), run.Capture(ctx, "email.anything", hogsend.Properties{"n": 1}),
		)
	})
	require.Equal(t, []string{"identify:contact#1", "identify:contact#2", "capture:seen#1", "capture:email.anything#1"}, w.keys())
	require.JSONEq(t, `"pro"`, string(w.learned[0]["plan"]))
	require.Equal(t, "null", string(w.learned[0]["old"]))
}

// J-145
func TestVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete(func(ctx workflow.Context, run hogsend.Run) error {
		for range 2 {
			require.Equal(t, 3, run.Version(ctx, "new mail", 3))
		}
		require.Equal(t, 0, run.Version(ctx, "other", 0))
		return nil
	})
	for _, wrong := range []struct {
		change string
		newest int
	}{{"", 1}, {"x", -1}} {
		w := newWorld(t)
		_, err := w.run(func(ctx workflow.Context, run hogsend.Run) error {
			run.Version(ctx, wrong.change, wrong.newest)
			return nil
		})
		require.ErrorContains(t, err, "Version needs the name of a change")
		require.Empty(t, w.finishes, "a panic fails no enrollment (J-95)")
	}
}
