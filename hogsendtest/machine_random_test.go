package hogsendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
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

// lifeLine is a line of a script: what it does to the machine and to a stage.
type lifeLine struct {
	at        time.Duration
	what      string
	onMachine func(m *machine)
	onStage   func(on stage) error
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
			l.onStage = func(on stage) error { return on.event(contact, Event{Name: name}) }
		case 6:
			l.what = "cancel of " + journey + " of " + contact
			l.onMachine = func(m *machine) { m.cancel(contact, journey) }
			l.onStage = func(on stage) error {
				if err := on.cancel(contact, journey); !errors.Is(err, pgx.ErrNoRows) {
					return err
				}
				return nil // nobody is there
			}
		case 7:
			l.what = "pause of " + journey
			l.onMachine = func(m *machine) { m.pause(journey) }
			l.onStage = func(on stage) error { return on.pause(journey) }
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
		onStage:   func(on stage) error { return on.resume(journey, policy) },
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

// J-58 to J-68, J-76 to J-87, J-100 to J-108: whatever comes in whichever order, with
// workers lost at any step, each enrollment goes through the states that the machine
// says, mails as often, leaves the same log and ends once.
func TestEnrollmentsLiveAsTheMachineSays(t *testing.T) {
	t.Parallel()
	p := newPostgres(t)
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
			s.items = append(s.items, item{at: l.at, what: l.what, apply: l.onStage, down: l.down})
		}
		m.run(lines, end)
		p.clear()
		p.open(s)
		require.NoError(rt, p.play(s, losses...))
		require.Equal(rt, m.outcome(), p.lives(), "%v until +%s, losses %v", lines, end, losses)
	})
}

// clear leaves nothing of an earlier script. Of small tables rows are deleted faster
// than tables are truncated.
func (p *postgres) clear() {
	p.exec(`do $$ declare t regclass; begin
		set local session_replication_role = replica;
		for t in select c.oid from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
			and c.relname not in ('hogsend_versions', 'registry_state', 'release_pace') loop
			execute 'delete from ' || t;
		end loop;
	end $$`)
}

// lives is what Postgres holds of enrollments, in the words of the machine.
func (p *postgres) lives() []string {
	var lives, decisions []string
	read := func(into *[]string, sql string) {
		rows, err := p.store.Pool.Query(p.t.Context(), sql, p.start)
		require.NoError(p.t, err, sql)
		*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var text string
			var ats []time.Duration
			var logged []string
			if err := row.Scan(&text, &logged, &ats); err != nil {
				return "", err
			}
			for i, at := range ats {
				logged[i] += " +" + at.Round(time.Millisecond).String() // an ingester begins a microsecond early
			}
			return text + strings.Join(logged, ", "), nil
		})
		require.NoError(p.t, err, sql)
		slices.Sort(*into)
	}
	read(&lives, `select concat(c.external_id, ' ', n.journey_id, '#', n.entry, ' ', n.status, ' at ', n.node, ', ',
			(select count(*) from mailbox b where b.key like n.id || ':%'), ' mails, ended ',
			(select count(*) from events e where e.name = 'journey:' || n.status and e.properties->>'stateId' = n.id::text), ' times: '),
			array_agg(concat_ws(' ', l.action, case when l.action <> 'wait_started' then coalesce(l.detail->>'outcome', l.detail->>'reason') end) order by l.seq),
			array_agg(l.at - $1 order by l.seq)
		from enrollments n join contacts c on c.id = n.contact_id join step_logs l on l.enrollment_id = n.id group by n.id, c.id`)
	read(&decisions, `select concat(c.external_id, ' ', d.journey_id, ' ', coalesce(d.reason, d.outcome)), array[''], array[d.at - $1]
		from decisions d join contacts c on c.id = d.contact_id`)
	return append(lives, decisions...)
}
