package hogsendtest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

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

// 90 days, 3 buckets, 40 events and the 48 runs of reactions that come of them. The aim is
// 20 ms; most of what it takes is the own work of the SDK for each run.
func BenchmarkNinetyDaysOfBuckets(b *testing.B) {
	app := hogsend.Event("app")
	registry := registryOf()
	for id, criteria := range map[string]hogsend.Condition{
		"active": app.Within(3 * hogsend.Day).Exists(), "dormant": app.Within(7 * hogsend.Day).NotExists(),
		"busy": hogsend.All(app.Within(14*hogsend.Day).AtLeast(5), hogsend.Prop("plan").Eq("free")),
	} {
		registry.Buckets = append(registry.Buckets, hogsend.Bucket{
			ID: id, Name: id, Criteria: criteria, MinDwell: time.Hour, Reactions: []hogsend.Reaction{hogsend.OnEnter(tellsMembership), hogsend.OnDwell(hogsend.Every(10*hogsend.Day), tellsMembership)},
		})
	}
	slices.SortFunc(registry.Buckets, func(a, b hogsend.Bucket) int { return strings.Compare(a.ID, b.ID) })
	for b.Loop() {
		s := hogsendtest.New(quiet{b}, registry)
		s.Quick()
		person := s.Contact(ada())
		for i := range 40 {
			person.At(time.Duration(i*i)*80*time.Minute, "app")
		}
		s.Until(90 * hogsend.Day)
		if got := s.Run(); len(got.Memberships) < 10 {
			b.Fatal(got.Memberships)
		}
	}
}
