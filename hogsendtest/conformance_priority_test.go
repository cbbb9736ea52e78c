package hogsendtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

func priority(p int) func(*hogsend.Journey) {
	return func(j *hogsend.Journey) { j.Priority = p }
}

// defersNews has its mail deferred, and tells what came of it.
func defersNews(ctx workflow.Context, run hogsend.Run) error {
	v, err := run.Send(ctx, hogsend.Email{Template: "news", OnBlocked: hogsend.Defer})
	if err != nil {
		return err
	}
	return run.Checkpoint(ctx, fmt.Sprint("mail ", v.Status, " ", v.Reason))
}

func priorityCases() []conformanceCase {
	window := hogsend.Window{Start: "12:00", End: "14:00"}
	promo, notice := j("promo", "go", defersItsMail), j("notice", "renews", defersItsMail, priority(10))
	one := hogsend.Defaults{SendWindow: window, FrequencyCap: hogsend.FrequencyCap{Count: 1, Window: day}, MaxDefer: 5 * day}
	two := one
	two.FrequencyCap.Count = 2
	news := one
	news.FrequencyCap.ByCategory = map[string]hogsend.CategoryCap{"news": {Count: 1, Window: 2 * day}}
	return []conformanceCase{
		{name: "a promo gives way to a notice", journeys: []hogsend.Journey{promo, notice}, defaults: one, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(time.Minute, "renews")
		}},
		{name: "in the other order", journeys: []hogsend.Journey{promo, notice}, defaults: one, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "renews")
			ada.At(time.Minute, "go")
		}},
		{name: "two places", journeys: []hogsend.Journey{promo, notice}, defaults: two, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(time.Minute, "renews")
		}},
		{name: "a mail within the window leaves the last place", journeys: []hogsend.Journey{promo, j("late", "renews", defersNews, priority(10)), j("skips", "now", mailsOnce)}, defaults: news, script: func(_ *Scenario, ada *Contact) {
			ada.At(2*hour, "renews")
			ada.At(3*hour, "renews") // deferred for its own cap
			ada.At(3*hour, "now")
			ada.At(26*hour, "now")
		}},
		{name: "of a paused journey", journeys: []hogsend.Journey{promo, notice}, defaults: one, script: func(s *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(time.Minute, "renews")
			s.Pause(hour, "notice")
			s.Resume(5*hour, "notice")
		}},
		{name: "to one address of two people", journeys: []hogsend.Journey{promo, notice}, defaults: one, script: func(s *Scenario, ada *Contact) {
			twin := s.Contact(Person{UserID: "twin", Email: "ADA@example.com"})
			ada.At(0, "go")
			twin.At(time.Minute, "renews")
		}},
		{name: "a notice that exits", journeys: []hogsend.Journey{promo, j("notice", "renews", defersItsMail, priority(10), exits("renewed"))}, defaults: one, script: func(_ *Scenario, ada *Contact) {
			ada.At(0, "go")
			ada.At(time.Minute, "renews")
			ada.At(hour, "renewed")
		}},
	}
}

// T-4
func TestPrioritiesConform(t *testing.T) {
	t.Parallel()
	for _, c := range priorityCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conforms(t, func() *Scenario { return conformanceScenario(t, c) })
		})
	}
}

// E-82, E-27
func TestAPromoGivesWayToANotice(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"a promo gives way to a notice": {"notice 2h", "promo 26h"},
		"in the other order":            {"notice 2h", "promo 26h"},
		"two places":                    {"notice 2h", "promo 2h"},
		"of a paused journey":           {"promo 2h", "notice 26h"},
		"to one address of two people":  {"notice 2h", "promo 26h"},
		"a notice that exits":           {"promo 2h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range priorityCases() {
				if c.name != name {
					continue
				}
				s := conformanceScenario(t, c)
				s.Quick()
				got := s.Run()
				var mails []string
				for _, m := range got.Mailbox.Sent() {
					mails = append(mails, fmt.Sprint(m.Journey, " ", m.At.Sub(got.Start).Truncate(time.Hour)/time.Hour, "h"))
				}
				for i := range mails {
					mails[i] = fmt.Sprintf("%s %dh", got.Mailbox.Sent()[i].Journey, got.Mailbox.Sent()[i].At.Sub(got.Start)/time.Hour)
				}
				require.ElementsMatch(t, want, mails)
			}
		})
	}
}
