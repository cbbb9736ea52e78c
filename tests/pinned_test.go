package tests

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend/internal/contract"
)

// version is a worker of a build of the drill, as a version of a deployment.
func (d *drill) version(build string) *process {
	d.t.Helper()
	p := &process{
		name: "worker " + build, ready: "hogsend worker ready", program: filepath.Join(d.folder, build), args: []string{"worker"},
		environ: append(slices.Clone(d.environ), "HOGSEND_BUILD_ID="+build),
	}
	require.NoError(d.t, p.start())
	d.t.Cleanup(func() { require.NoError(d.t, p.kill()) })
	return p
}

// current makes a build the one that gets the work.
func (d *drill) current(c client.Client, build string) {
	d.t.Helper()
	d.until(build+" does not become the current version", func() bool {
		_, err := c.WorkerDeploymentClient().GetHandle("drill").SetCurrentVersion(d.t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		return err == nil // else it does not poll yet
	})
}

// finishedBy is the build whose worker did the last send of somebody.
func (d *drill) finishedBy(person string) string {
	d.t.Helper()
	d.eventually(1, `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id = $1 and e.status = 'completed'`, person)
	return d.text(`select l.build_id from step_logs l join enrollments e on e.id = l.enrollment_id join contacts c on c.id = e.contact_id
		where c.external_id = $1 and l.action = 'sent' order by l.at desc, l.seq desc limit 1`, person)
}

// clockOf waits until a build runs the clock.
func (d *drill) clockOf(c client.Client, build string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), d.patience)
	defer cancel()
	for {
		found, err := c.DescribeWorkflowExecution(ctx, contract.ClockID, "")
		require.NoError(d.t, err)
		for _, a := range found.GetPendingActivities() {
			if d.count(`select count(*) from worker_heartbeats where id = $1 and build_id = $2`, a.GetLastWorkerIdentity(), build) == 1 {
				return
			}
		}
		require.NoError(d.t, tick(ctx), "the clock does not come to %s: %v", build, found.GetPendingActivities())
	}
}

// J-96, J-110, J-111, T-29: in a deployment who upgrades goes on with the current build, who
// is pinned with the one that began.
func TestPeopleInFlightMoveAsTheirJourneySays(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	require.NoError(t, d.worker.stop())
	d.environ = append(d.environ, "HOGSEND_DEPLOYMENT=drill")
	c := d.client()

	a := d.version("a")
	d.current(c, "a")
	d.clockOf(c, "a")
	const upgraders = 20
	for i := range upgraders {
		d.mustPost(event{Name: "drill.started", UserID: fmt.Sprintf("upgrades%d", i), Email: fmt.Sprintf("upgrades%d@example.com", i)})
	}
	for _, who := range []string{"stays", "fails"} {
		d.mustPost(event{Name: "pinned.started", UserID: who, Email: who + "@example.com"})
	}
	d.eventually(upgraders+2, `select count(*) from enrollments where status = 'waiting'`)

	d.asleep()

	// The gate leaves out who will not meet the build that it is asked of.
	code, said := d.gate("broken", "--journey", "pinned")
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "2 open, 2 sampled, all replay, 2 pinned to their build")
	code, said = d.gate("broken", "--journey", "drill")
	require.Equal(t, 1, code, said)

	// Temporal tells its queues of the change a moment later: some may go on with a yet.
	d.version("b")
	d.current(c, "b")
	builds := map[string]int{}
	for i := 0; builds["b"] < 3; i++ {
		require.Less(t, i, upgraders, builds)
		person := fmt.Sprintf("upgrades%d", i)
		d.mustPost(event{Name: "drill.go", UserID: person})
		build := d.finishedBy(person)
		builds[build]++
		for range 20 * builds["a"] {
			require.NoError(t, tick(t.Context())) // on a busy machine it tells them later
		}
	}
	d.clockOf(c, "b") // W-14, although a goes on for those who are pinned to it
	version, err := c.WorkerDeploymentClient().GetHandle("drill").DescribeVersion(t.Context(), client.WorkerDeploymentDescribeVersionOptions{BuildID: "a"})
	require.NoError(t, err)
	require.EqualValues(t, client.WorkerDeploymentVersionDrainageStatusDraining, version.Info.DrainageInfo.DrainageStatus)
	d.mustPost(event{Name: "drill.go", UserID: "stays"})
	require.Equal(t, "a", d.finishedBy("stays"))

	// J-96: a retry goes on with the build that the person is pinned to, as long as
	// there is a worker of it, then with the current one.
	d.resend.refuse("done")
	d.mustPost(event{Name: "drill.go", UserID: "fails"})
	const failed = `select count(*) from enrollments where status = 'failed' and retries = $1`
	d.eventually(1, failed, 0)
	id := d.text(`select id::text from enrollments where status = 'failed'`)
	d.run("journeys", "retry", "pinned", id)
	d.eventually(1, failed, 1)
	require.Equal(t, "a", d.text(`select build_id from step_logs where enrollment_id = $1::uuid and action = 'failed' order by seq desc limit 1`, id))
	require.NoError(t, a.stop())
	d.resend.refuse("")
	d.run("journeys", "retry", "pinned", id)
	require.Equal(t, "b", d.finishedBy("fails"))

	// Who comes now begins with the current build, pinned or not: it has one mail more.
	for i := 0; d.count(`select count(*) from sends where template_key = 'extra'`) == 0; i++ {
		require.Less(t, i, upgraders)
		d.mustPost(event{Name: "pinned.started", UserID: fmt.Sprintf("new%d", i), Email: fmt.Sprintf("new%d@example.com", i)})
		d.eventually(i+1, `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id like 'new%' and e.status = 'waiting'`)
	}
}
