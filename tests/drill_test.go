package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/replay"
)

// drill is a rig whose server and worker are builds of the drill.
type drill struct {
	*rig
	folder string // of the builds
}

func newDrill(t *testing.T) *drill {
	t.Helper()
	folder, err := os.MkdirTemp("/var/tmp", "hogsend-drill-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", folder+"/",
		"./testdata/drill/a", "./testdata/drill/b", "./testdata/drill/broken").CombinedOutput()
	require.NoError(t, err, string(out))
	d := &drill{rig: newRig(t), folder: folder}
	d.deploy("a")
	return d
}

// deploy replaces server and worker by those of another build.
func (d *drill) deploy(build string) {
	d.t.Helper()
	for _, p := range []*process{d.api, d.worker} {
		require.NoError(d.t, p.stop())
		p.program = filepath.Join(d.folder, build)
	}
	for _, p := range []*process{d.api, d.worker} {
		require.NoError(d.t, p.start())
	}
}

// gate asks a build whether people in flight can go on with it.
func (d *drill) gate(build string, args ...string) (int, string) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(d.folder, build), append([]string{"replay"}, args...)...)
	cmd.Env = append(os.Environ(), d.environ...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		require.NoError(d.t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String() + errs.String()
}

const sleepers = 25

// asleep waits until everybody who waits and every timer of a dwell has come to rest
// in Temporal too: the gate reads histories.
func (d *drill) asleep() {
	d.t.Helper()
	d.parked(d.client(), d.texts(`select workflow_id from enrollments where status = 'waiting'
		union select payload->>'workflowId' from outbox where kind = 'dwell' and status = 'delivered'`)...)
}

// state is everything that a gate must leave as it is.
func (d *drill) state() string {
	d.t.Helper()
	var text string
	require.NoError(d.t, d.pool.QueryRow(d.t.Context(), `select
		(select md5(string_agg(e::text, '|' order by id)) from enrollments e) || (select count(*) from step_logs) || '-' ||
		(select count(*) from outbox) || '-' || (select count(*) from sends) || '-' || (select count(*) from events)`).Scan(&text))
	return text
}

// T-29 to T-33, J-95, J-111, J-145: a deploy under people who sleep.
func TestDeployDrill(t *testing.T) {
	t.Parallel()
	d := newDrill(t)

	code, said := d.gate("b")
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "nothing is in flight")

	// A settled bucket sets no more timers than those of who enters it.
	d.eventually(1, `select (select count(*) from backfills where status = 'completed') - (select count(*) from timer_backfills)`)

	// People fall asleep on build A, in a journey and on a dwell timer each.
	for i := range sleepers {
		d.mustPost(event{Name: "drill.started", UserID: fmt.Sprintf("p%02d", i), Email: fmt.Sprintf("p%02d@example.com", i)})
	}
	d.eventually(sleepers, `select count(*) from enrollments where status = 'waiting'`)
	d.eventually(sleepers, `select count(*) from outbox where kind = 'dwell' and status = 'delivered'`)
	d.asleep()
	before := d.state()

	// Build A itself, and B with its send behind a version, are fine.
	for _, build := range []string{"a", "b"} {
		code, said = d.gate(build)
		require.Equal(t, 0, code, said)
		require.Contains(t, said, "50 open, 40 sampled, all replay")
		require.Regexp(t, `drill +1 +wait:48d +25 +20 +20 +0`, said)
		require.Regexp(t, `bucket-staying-on-dwell-after-86400000 +- +timer +25 +20 +20 +0`, said)
	}

	// The send before the parked place is not, nor is the reaction that was lost.
	code, said = d.gate("broken", "--json", "--all")
	require.Equal(t, 1, code, said)
	var report struct {
		Strata []replay.Stratum
		Totals replay.Totals
	}
	require.NoError(t, json.Unmarshal([]byte(said), &report), said)
	require.Equal(t, replay.Totals{Open: 50, Sampled: 50, Broken: 50, BrokenStrata: 2, People: 50}, report.Totals)
	require.Contains(t, report.Strata[0].Findings[0].Difference, "is not in this binary")
	require.Contains(t, report.Strata[1].Findings[0].Difference, `recorded BeginWait "wait:48d", this binary asks for Send "send:extra"`)
	require.Regexp(t, `^journey-drill/.+/1$`, report.Strata[1].Findings[0].ID)
	code, said = d.gate("broken", "--journey", "drill", "--sample", "1")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "25 open, 1 sampled, 1 stratum broken: 25 people")
	require.Equal(t, before, d.state(), "the gate changed something")

	// What is kept of them is replayed offline, without a secret (T-17).
	kept := filepath.Join(d.folder, "kept")
	code, said = d.gate("a", "--save", kept)
	require.Equal(t, 0, code, said)
	require.FileExists(t, filepath.Join(kept, "drill", "wait-48d.json"))
	environ := d.environ
	d.environ = nil
	code, said = d.gate("b", "--dir", kept)
	require.Equal(t, 0, code, said)
	code, said = d.gate("broken", "--dir", kept)
	require.Equal(t, 1, code, said)
	d.environ = environ

	// Deployed anyway, it blocks whom it meets; it neither fails nor mails them.
	d.deploy("broken")
	d.mustPost(event{Name: "drill.go", UserID: "p00"})
	d.blocked("p00")
	require.Equal(t, 1, d.count(`select count(*) from enrollments where status in ('active', 'waiting') and contact_id = (select id from contacts where external_id = 'p00')`))
	require.Zero(t, d.count(`select count(*) from sends where template_key <> 'hello'`))

	// With B everybody finishes, and nobody gets what they had passed.
	d.deploy("b")
	for i := range sleepers {
		d.mustPost(event{Name: "drill.go", UserID: fmt.Sprintf("p%02d", i)})
	}
	d.eventually(sleepers, `select count(*) from enrollments where status = 'completed'`)
	require.Equal(t, sleepers, d.count(`select count(*) from sends where template_key = 'done' and status = 'sent'`))
	require.Zero(t, d.count(`select count(*) from sends where template_key = 'extra'`))
	code, said = d.gate("b", "--journey", "drill")
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "nothing is in flight")

	// Who comes now gets the new mail.
	d.mustPost(event{Name: "drill.started", UserID: "new", Email: "new@example.com"})
	d.eventually(1, `select count(*) from sends where template_key = 'extra' and status = 'sent'`)
	d.eventually(1, `select count(*) from enrollments where status = 'waiting'`)
	d.asleep()
	code, said = d.gate("a", "--journey", "drill") // and could not go back to A
	require.Equal(t, 1, code, said)

	// Temporal away is not "nothing in flight".
	require.NoError(t, d.temporal.kill())
	code, said = d.gate("b")
	require.Equal(t, 2, code, said)
}

// J-15: in a rolling deploy the server may know a journey before the workers do. Who
// enters it then waits for a worker that knows it, and loses nothing.
func TestWhoIsAheadOfTheWorkersWaits(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	known := d.worker.program
	require.NoError(t, d.worker.stop())
	d.worker.program = binary
	require.NoError(t, d.worker.start())
	d.mustPost(event{Name: "drill.started", UserID: "ada", Email: "ada@example.com"})
	d.eventually(1, `select count(*) from outbox where kind = 'start' and status = 'delivered'`)
	d.blocked("ada")
	d.mustPost(event{Name: "drill.go", UserID: "ada"}) // what it will wait for
	require.Equal(t, "active", d.text(`select status from enrollments`))

	require.NoError(t, d.worker.stop())
	d.worker.program = known
	require.NoError(t, d.worker.start())
	d.eventually(1, `select count(*) from enrollments where status = 'completed'`)
	require.Equal(t, map[string]int{"ada@example.com": 1}, d.resend.perRecipient("hello"))
	require.Equal(t, map[string]int{"ada@example.com": 1}, d.resend.perRecipient("done"))
}

// blocked waits until the task of a person's workflow was tried again.
func (d *drill) blocked(person string) {
	d.t.Helper()
	var workflowID string
	require.NoError(d.t, d.pool.QueryRow(d.t.Context(), `select e.workflow_id from enrollments e join contacts c on c.id = e.contact_id
		where c.external_id = $1`, person).Scan(&workflowID))
	c := d.client()
	d.until(workflowID+" is not blocked", func() bool {
		found, err := c.DescribeWorkflowExecution(d.t.Context(), workflowID, "")
		require.NoError(d.t, err)
		return found.GetPendingWorkflowTask().GetAttempt() > 1
	})
}
