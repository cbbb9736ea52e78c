package hogsendtest_test

import (
	"testing"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

// thirtyDays is a journey of six steps over thirty days.
func thirtyDays(ctx workflow.Context, run hogsend.Run) error {
	for range 3 {
		if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
			return err
		}
		if err := run.Sleep(ctx, 10*hogsend.Day); err != nil {
			return err
		}
	}
	return nil
}

// The bar: at most 50 ms plain, at most 500 ms with both modes on.
func BenchmarkThirtyDayJourney(b *testing.B) {
	registry := registryOf(path(thirtyDays))
	play := func(b *testing.B, quick bool) {
		b.Helper()
		for b.Loop() {
			s := hogsendtest.New(quiet{b}, registry)
			if quick {
				s.Quick()
			}
			s.Contact(hogsendtest.Person{UserID: "ada", Email: "ada@example.com"}).At(0, "go")
			if got := s.Run(); len(got.Mailbox) != 3 {
				b.Fatal(got.Timeline("ada"))
			}
		}
	}
	b.Run("plain", func(b *testing.B) { play(b, true) })
	b.Run("modes", func(b *testing.B) { play(b, false) })
}

// quiet keeps the lines about quick runs out of the figures.
type quiet struct{ *testing.B }

func (quiet) Logf(string, ...any) {}
