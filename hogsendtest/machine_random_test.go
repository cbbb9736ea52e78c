package hogsendtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/hogsendtest/onpostgres"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
)

// lifeJourneys are the journeys of the machine, in the order of their ids.
func lifeJourneys() []hogsend.Journey {
	return []hogsend.Journey{
		j("again", "go", performs, exits("go")), // J-74
		j("breaks", "begin", performs, limited(hogsend.OncePerPeriod), exits("stop")),
		j("follows", "journey:failed", performs),
		j("listens", "go", performs, exits("end")),
		j("mails", "go", performs, exits("stop")),
		j("once", "begin", performs, limited(hogsend.Once), exits("journey:exited", hogsend.Prop("journeyId").Eq("mails"))), // J-90
	}
}

func lifeProgram(journey string) []operation {
	return map[string][]operation{
		"again":   {{does: "listen", d: day}, {does: "mail"}},
		"breaks":  {{does: "sleep", d: 6 * hour}, {does: "mail"}, {does: "fail"}},
		"follows": {{does: "mail"}},
		"listens": {{does: "sleep", d: 2 * hour}, {does: "listen", d: day}, {does: "mail"}, {does: "listen", d: 12 * hour}, {does: "mail"}},
		"mails":   {{does: "mail"}, {does: "sleep", d: day}, {does: "mail"}},
		"once":    {{does: "sleep", d: 12 * hour}, {does: "mail"}, {does: "sleep", d: 12 * hour}},
	}[journey]
}

// performs is each of these journeys.
func performs(ctx workflow.Context, run hogsend.Run) error {
	for _, o := range lifeProgram(run.Enrollment().JourneyID) {
		switch o.does {
		case "mail":
			if _, err := run.Send(ctx, hogsend.Email{Template: "note"}); err != nil {
				return err
			}
		case "sleep":
			if err := run.Sleep(ctx, o.d); err != nil {
				return err
			}
		case "listen":
			e, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "word", Timeout: o.d})
			if err != nil {
				return err
			}
			if e == nil {
				return run.Exit(ctx, "silence")
			}
		case "fail":
			return errors.New("no luck")
		}
	}
	return nil
}

// lifeLine is a line of a script: what it does to the machine and to a backend.
type lifeLine struct {
	at        time.Duration
	what      string
	onMachine func(m *machine)
	action    backend.Action
	down      int
}

func (l lifeLine) String() string { return fmt.Sprintf("+%s %s", l.at, l.what) }

// drawLife draws a script of some days. Its instants are quarters of hours, so that
// events meet deadlines.
func drawLife(t *rapid.T) (lines []lifeLine, end time.Duration) {
	const quarter = 15 * time.Minute
	for range rapid.IntRange(1, 24).Draw(t, "lines") {
		l := lifeLine{at: time.Duration(rapid.IntRange(0, 4*96).Draw(t, "at")) * quarter}
		contact := rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "contact")
		journey := rapid.SampledFrom([]string{"again", "breaks", "listens", "mails", "once"}).Draw(t, "journey")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		default:
			name := rapid.SampledFrom([]string{"go", "go", "begin", "begin", "word", "word", "stop", "end"}).Draw(t, "event")
			l.what = "event " + name + " of " + contact
			l.onMachine = func(m *machine) { m.event(contact, name, "") }
			l.action = backend.Event{Contact: contact, Name: name}
		case 6:
			l.what = "cancel of " + journey + " of " + contact
			l.onMachine = func(m *machine) { m.cancel(contact, journey) }
			l.action = backend.Cancel{Contact: contact, JourneyID: journey}
		case 7:
			l.what = "pause of " + journey
			l.onMachine = func(m *machine) { m.pause(journey) }
			l.action = backend.Pause{JourneyID: journey, Entries: DropEntries}
			later := time.Duration(rapid.IntRange(0, 2*96).Draw(t, "length")) * quarter
			lines = append(lines, drawResume(t, l.at+later, journey))
		case 8:
			l = drawResume(t, l.at, journey)
		case 9:
			l.what, l.down, l.onMachine = "outage", 1, func(m *machine) { m.away++ }
			back := lifeLine{what: "end of outage", down: -1, onMachine: func(m *machine) { m.away-- }}
			back.at = l.at + time.Duration(rapid.IntRange(0, 96).Draw(t, "length"))*quarter
			lines = append(lines, back)
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b lifeLine) int { return int(a.at - b.at) })
	return lines, time.Duration(rapid.IntRange(4, 8*96).Draw(t, "end"))*quarter + time.Second
}

func drawResume(t *rapid.T, at time.Duration, journey string) lifeLine {
	policy := rapid.SampledFrom([]ResumePolicy{CatchUp, SkipLate, Reschedule}).Draw(t, "policy")
	return lifeLine{
		at: at, what: "resume of " + journey + ", " + string(policy),
		onMachine: func(m *machine) { m.resume(journey, policy) },
		action:    backend.Resume{JourneyID: journey, Policy: contract.ResumePolicy(policy)},
	}
}

func drawLosses(t *rapid.T) []loss {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) loss {
		return loss{
			at:   rapid.IntRange(1, 40).Draw(t, "step"),
			when: rapid.SampledFrom([]moment{lostBefore, lostAfter, lostRecorded}).Draw(t, "when"),
		}
	}), 0, 5).Draw(t, "losses")
}

// forgiving is a backend on which a cancel of nobody is nothing.
type forgiving struct{ backend.Backend }

func (f forgiving) Apply(action backend.Action) error {
	err := f.Backend.Apply(action)
	var nobody *backend.NotEnrolledError
	if errors.As(err, &nobody) {
		return nil
	}
	return err
}

// J-58 to J-68, J-76 to J-87, J-100 to J-108: whatever comes in whichever order, with
// workers lost at any step, each enrollment goes through the states that the machine
// says, mails as often, leaves the same log and ends once: in memory and on Postgres.
func TestEnrollmentsLiveAsTheMachineSays(t *testing.T) {
	t.Parallel()
	onPostgres := onpostgres.In(dbtest.URL(t))
	rapid.Check(t, func(rt *rapid.T) {
		lines, end := drawLife(rt)
		losses := drawLosses(rt)
		m := &machine{words: map[string][]point{}, pausedAt: map[string]time.Duration{}}
		s := New(t, hogsend.Registry{Journeys: lifeJourneys(), Templates: []hogsend.Template{{Key: "note", Subject: "A note", HTML: "<p>Hello</p>"}}})
		for _, who := range []string{"ada", "bob"} {
			s.Contact(Person{UserID: who, Email: who + "@example.com"})
		}
		s.Until(end)
		for _, l := range lines {
			s.items = append(s.items, item{at: l.at, what: l.what, action: l.action, down: l.down})
		}
		m.run(lines, end)
		for name, open := range map[string]backend.Open{"memory": s.inMemory, "postgres": onPostgres} {
			h, err := newHarness(s, func(setting backend.Setting) (backend.Backend, error) {
				b, err := open(setting)
				return forgiving{b}, err
			})
			require.NoError(rt, err)
			_, o, err := h.play(losses, nil)
			h.stop()
			require.NoError(rt, err)
			require.Equal(rt, m.outcome(), lives(rt, o, s.start), "%s: %v until +%s, losses %v", name, lines, end, losses)
		}
	})
}

// lives is what came of enrollments, in the words of the machine.
func lives(t require.TestingT, o *backend.Outcome, start time.Time) []string {
	since := func(at time.Time) string { return " +" + at.Sub(start).Round(time.Millisecond).String() } // an ingester begins a microsecond early
	all, decisions := []string{}, []string{}
	for _, n := range o.Enrollments {
		var log []string
		for _, row := range o.StepLogs {
			if row.EnrollmentID != n.ID {
				continue
			}
			var detail logDetail
			require.NoError(t, json.Unmarshal(row.Detail, &detail))
			words := row.Action
			if why := cmp.Or(detail.Outcome, detail.Reason); why != "" && row.Action != "wait_started" {
				words += " " + why
			}
			log = append(log, words+since(row.At))
		}
		mails, ends := 0, 0
		for _, s := range o.Sends {
			if strings.HasPrefix(s.Key, n.ID+":") && s.Status == contract.SendSent {
				mails++
			}
		}
		for _, e := range o.Events {
			if e.Name == "journey:"+string(n.Status) && e.Properties["stateId"] == n.ID {
				ends++
			}
		}
		all = append(all, fmt.Sprintf("%s %s#%d %s at %s, %d mails, ended %d times: %s", n.Contact, n.Journey, n.Entry, n.Status, n.Node, mails, ends, strings.Join(log, ", ")))
	}
	for _, d := range o.Decisions {
		decisions = append(decisions, fmt.Sprintf("%s %s %s%s", d.Contact, d.Journey, cmp.Or(d.Reason, "enrolled"), since(d.At)))
	}
	slices.Sort(all)
	slices.Sort(decisions)
	return append(all, decisions...)
}
