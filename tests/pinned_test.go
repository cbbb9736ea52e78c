package tests

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
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
	for {
		_, err := c.WorkerDeploymentClient().GetHandle("drill").SetCurrentVersion(d.t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		if err == nil {
			return
		}
		require.NoError(d.t, tick(d.t.Context()), "%s does not become the current version: %v", build, err) // it does not poll yet
	}
}

// finishedBy is the build whose worker did the last send of somebody.
func (d *drill) finishedBy(person string) string {
	d.t.Helper()
	d.eventually(1, `select count(*) from enrollments e join contacts c on c.id = e.contact_id where c.external_id = $1 and e.status = 'completed'`, person)
	return d.text(`select l.build_id from step_logs l join enrollments e on e.id = l.enrollment_id join contacts c on c.id = e.contact_id
		where c.external_id = $1 and l.action = 'sent' order by l.at desc, l.seq desc limit 1`, person)
}

// J-110, J-111, T-29: in a deployment who upgrades goes on with the current build, who
// is pinned with the one that began.
func TestPeopleInFlightMoveAsTheirJourneySays(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	require.NoError(t, d.worker.stop())
	d.environ = append(d.environ, "HOGSEND_DEPLOYMENT=drill")
	c := d.client()

	d.version("a")
	d.current(c, "a")
	d.mustPost(event{Name: "drill.started", UserID: "upgrades", Email: "upgrades@example.com"})
	d.mustPost(event{Name: "pinned.started", UserID: "stays", Email: "stays@example.com"})
	d.eventually(2, `select count(*) from enrollments where status = 'waiting'`)

	// The gate leaves out who will not meet the build that it is asked of.
	code, said := d.gate("broken", "--journey", "pinned")
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "1 open, 1 sampled, all replay, 1 pinned to their build")
	code, said = d.gate("broken", "--journey", "drill")
	require.Equal(t, 1, code, said)

	d.version("b")
	d.current(c, "b")
	for _, person := range []string{"upgrades", "stays"} {
		d.mustPost(event{Name: "drill.go", UserID: person})
	}
	require.Equal(t, "b", d.finishedBy("upgrades"))
	require.Equal(t, "a", d.finishedBy("stays"))

	// Who comes now begins with the current build, pinned or not.
	d.mustPost(event{Name: "pinned.started", UserID: "new", Email: "new@example.com"})
	d.eventually(1, `select count(*) from sends where template_key = 'extra' and status = 'sent'`)
	require.Equal(t, "b", d.text(`select l.build_id from step_logs l join enrollments e on e.id = l.enrollment_id join contacts c on c.id = e.contact_id
		where c.external_id = 'new' and l.action = 'sent' limit 1`))
}
