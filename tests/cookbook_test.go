package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kitchen is a rig whose server and worker have the recipes of the cookbook.
type kitchen struct{ *rig }

func newKitchen(t *testing.T) kitchen {
	t.Helper()
	folder, err := os.MkdirTemp("/var/tmp", "hogsend-cookbook-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	program := filepath.Join(folder, "cookbook")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/cookbook").CombinedOutput()
	require.NoError(t, err, string(out))
	r := newRig(t)
	for _, p := range []*process{r.api, r.worker} {
		require.NoError(t, p.stop())
		p.program = program
	}
	for _, p := range []*process{r.api, r.worker} {
		require.NoError(t, p.start())
	}
	r.eventually(2, `select count(*) from date_triggers where filled`) // J-157: what has passed by then does nothing
	return kitchen{r}
}

// does posts an event of a person.
func (k kitchen) does(person, name string, properties map[string]any) {
	k.t.Helper()
	k.mustPost(event{Name: name, UserID: person, Email: person + "@example.com", Properties: properties})
}

// knows writes what is known of a person.
func (k kitchen) knows(person string, properties map[string]any) {
	k.t.Helper()
	k.mustPost(event{Name: "profile.updated", UserID: person, Email: person + "@example.com", ContactProperties: properties})
}

// mailed waits until a person has got so many mails of a template.
func (k kitchen) mailed(person, template string, mails int) {
	k.t.Helper()
	k.until(fmt.Sprintf("%s does not have %d mails %s", person, mails, template), func() bool {
		return k.resend.perRecipient(template)[person+"@example.com"] == mails
	})
}

// becomes waits until so many enrollments of a person in a journey have a status.
func (k kitchen) becomes(person, journey, status string, enrollments int) {
	k.t.Helper()
	k.eventually(enrollments, `select count(*) from enrollments e join contacts c on c.id = e.contact_id
		where c.external_id = $1 and e.journey_id = $2 and e.status = $3`, person, journey, status)
}

// zonesAround are two time zones: in one it is hour o'clock at a moment that has just
// passed, in the other in about two hours; and the day on which it is that in both.
func zonesAround(now time.Time, hour int) (passed, ahead string, day time.Time) {
	offset := hour - now.Hour()
	day = now
	if offset < -10 { // so that there is a zone two hours behind it
		offset, day = offset+24, now.AddDate(0, 0, 1)
	}
	// The signs of these names are those of POSIX.
	return fmt.Sprintf("Etc/GMT%+d", -offset), fmt.Sprintf("Etc/GMT%+d", -(offset - 2)), day
}

// Each recipe lives, on the built programs: it enrolls, mails, and reacts to the event
// that matters to it.
func TestTheRecipesOfTheCookbookLive(t *testing.T) {
	t.Parallel()
	k := newKitchen(t)
	for name, recipe := range map[string]func(k kitchen){
		"trial": func(k kitchen) {
			k.does("tina", "trial.started", nil)
			k.mailed("tina", "trial-started", 1)
			k.does("tina", "subscription.started", nil)
			k.becomes("tina", "trial", "exited", 1)
		},
		"cart": func(k kitchen) {
			k.does("carl", "cart.updated", nil)
			k.mailed("carl", "cart-reminder", 1)
			k.does("carl", "order.completed", nil)
			k.becomes("carl", "cart", "exited", 1)
		},
		"onboarding": func(k kitchen) {
			k.does("otto", "project.created", nil)
			k.does("otto", "teammate.invited", nil)
			k.does("otto", "user.created", nil)
			k.mailed("otto", "checklist", 1)
			k.eventually(1, `select count(*) from sends where template_key = 'checklist' and subject = '1 steps to go'`)
		},
		"win-back": func(k kitchen) { // one of ten is held out
			const people = 6
			for i := range people {
				k.mustPost(event{Name: "app.opened", UserID: fmt.Sprint("will", i), Email: fmt.Sprintf("will%d@example.com", i), Timestamp: occurred(31 * day)})
			}
			k.eventually(people, `select count(*) from enrollments where journey_id = 'bucket-dormant-on-enter' and status = 'waiting'`)
			require.Len(k.t, k.resend.perRecipient("come-back"), k.count(`select count(*) from step_logs where action = 'variant' and detail ->> 'arm' = 'mail'`))
			require.NotEmpty(k.t, k.resend.perRecipient("come-back"))
			for i := range people {
				k.does(fmt.Sprint("will", i), "app.opened", nil)
			}
			k.eventually(people, `select count(*) from enrollments where journey_id = 'bucket-dormant-on-enter' and status = 'completed'`)
		},
		"nps": func(k kitchen) {
			k.does("nora", "subscription.started", nil)
			k.mailed("nora", "nps", 1)
			k.does("nora", "nps.answered", map[string]any{"score": 9})
			k.becomes("nora", "nps", "completed", 1)
			k.eventually(1, `select count(*) from events where name = 'nps.promoter' and (properties ->> 'score')::int = 9`)
		},
		"adoption": func(k kitchen) {
			k.knows("adam", map[string]any{"plan": "pro"})
			for range 3 {
				k.does("adam", "app.opened", nil)
			}
			k.mailed("adam", "try-reports", 1)
			k.does("adam", "report.created", nil)
			k.eventually(1, `select count(*) from memberships where bucket_id = 'without-reports' and status = 'left'`)
		},
		"member": func(k kitchen) {
			k.does("olga", "team.created", nil)
			k.does("mia", "comment.created", map[string]any{"ownerId": "olga", "authorId": "mia", "text": "first"})
			k.mailed("olga", "team-news", 1)
			k.becomes("olga", "team-digest", "completed", 1)
		},
		"waitlist": func(k kitchen) {
			k.does("wade", "waitlist.joined", nil)
			k.mailed("wade", "waitlist", 1)
			k.does("wade", "waitlist.place", nil)
			k.mailed("wade", "invited", 1)
		},
		"dunning": func(k kitchen) {
			k.does("dora", "invoice.failed", map[string]any{"invoiceId": "I-1"})
			k.does("dora", "invoice.failed", map[string]any{"invoiceId": "I-2"})
			k.mailed("dora", "invoice-unpaid", 2)
			k.does("dora", "invoice.paid", map[string]any{"invoiceId": "I-1"})
			k.becomes("dora", "dunning", "exited", 1)
			k.becomes("dora", "dunning", "waiting", 1)
		},
		"review": func(k kitchen) {
			k.does("rosa", "order.delivered", map[string]any{"orderId": 1})
			k.does("rosa", "order.delivered", map[string]any{"orderId": 2})
			k.mailed("rosa", "ask-review", 2)
			k.does("rosa", "order.reviewed", map[string]any{"orderId": 1})
			k.becomes("rosa", "review", "completed", 1)
			k.does("rosa", "order.returned", map[string]any{"orderId": 2})
			k.becomes("rosa", "review", "exited", 1)
		},
		"renewal": func(k kitchen) {
			passed, ahead, day := zonesAround(time.Now().UTC(), 9)
			k.knows("rita", map[string]any{"timezone": ahead, "renewsAt": day.AddDate(0, 0, 30).Format(time.DateOnly), "autoRenew": true})
			k.knows("rita", map[string]any{"timezone": passed}) // what she has moved past is due at once
			k.mailed("rita", "renewal", 1)
			k.does("rita", "subscription.canceled", nil)
			k.becomes("rita", "renewal", "exited", 1)
		},
		"birthday": func(k kitchen) {
			passed, ahead, day := zonesAround(time.Now().UTC(), 8)
			k.knows("bert", map[string]any{"timezone": ahead, "birthday": day.AddDate(-40, 0, 0).Format(time.DateOnly)})
			k.knows("bert", map[string]any{"timezone": passed})
			k.mailed("bert", "birthday", 1)
			k.does("bert", "gift.opened", nil)
			k.becomes("bert", "birthday", "completed", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := *k.rig
			own.t = t
			recipe(kitchen{&own})
		})
	}
}

// It is that hour of the day in both zones, whatever the hour is here.
func TestTheZonesAroundAnHour(t *testing.T) {
	t.Parallel()
	for hour := range 24 {
		for _, at := range []int{8, 9} {
			now := time.Date(2026, 11, 30, hour, 59, 59, 0, time.UTC)
			passed, ahead, day := zonesAround(now, at)
			for name, want := range map[string]time.Time{passed: now.Truncate(time.Hour), ahead: now.Truncate(time.Hour).Add(2 * time.Hour)} {
				zone, err := time.LoadLocation(name)
				require.NoError(t, err)
				require.Equal(t, want, time.Date(day.Year(), day.Month(), day.Day(), at, 0, 0, 0, zone).UTC())
			}
		}
	}
}
