package server

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/users"
)

func nudges(workflow.Context, hogsend.Run) error { return nil }

// drawn gives the journey of the tests a way through it.
func drawn(c *Config) {
	welcome(c)
	c.Enabled[0].Run = nudges
	c.Registry.Journeys = c.Enabled
	c.Flow = &flow.File{Functions: map[string]flow.Function{"github.com/hogsend/hogsend/server.nudges": {Place: "x.go", Root: flow.Seq{
		{Node: &flow.Node{Kind: flow.Wait, ID: "wait-event:feature.used", Text: "Waits for feature.used", For: "at most 2 days"}},
		{Branch: &flow.Branch{On: "feature.used came", Arms: []flow.Arm{{When: "came", Seq: flow.Seq{{End: flow.Completed}}}, {When: "<b>time</b> ran out"}}}},
		{Node: &flow.Node{Kind: flow.Send, ID: "tip:*", Text: "Mail tip"}},
	}}}}
}

// U-46: the picture has everybody who is in the journey, each where they stand, and a
// step leads to exactly its people; who stands where no code leads is told apart.
func TestStudioFlow(t *testing.T) {
	t.Parallel()
	b := setup(t, drawn)
	b.people()
	cookie := b.user(users.Viewer)
	page := "/studio/journeys/trial-nudge"
	stand := func(node string) {
		b.rows(`update enrollments set status = 'waiting', node = '` + node + `' returning node`)
	}
	stand("wait-event:feature.used")
	a := b.open(page, cookie)
	require.Contains(t, a.words(t), "feature.used came?")
	require.Contains(t, a.words(t), "Waits for feature.used, at most 2 days 1 here")
	require.Contains(t, a.words(t), "Drawn from the code in x.go.")
	require.NotContains(t, a.body, "<b>time</b>")
	for node, where := range map[string]string{"tip:view.saved": "tip:*", "paused:tip:view.saved": "tip:*", "wait-event:feature.used": "wait-event:feature.used"} {
		stand(node)
		require.Contains(t, b.open(page+"/people?node="+url.QueryEscape(where), cookie).words(t), "Ada@example.com", node)
		require.NotContains(t, b.open(page+"/people?node=other", cookie).words(t), "Ada@example.com", node)
	}
	stand("paused:tip:view.saved")
	require.Contains(t, b.open(page, cookie).words(t), "Mail tip 1 here (1 held)")
	stand("send:old")
	require.Contains(t, b.open(page, cookie).words(t), "Steps of earlier versions Mail old 1 here")
	b.server.cfg.Flow.Functions = nil
	require.Contains(t, b.open(page, cookie).words(t), "Drawn from what people did")
}

// Who did not enter, and why; which builds have people.
func TestStudioNotEnteredAndDeploy(t *testing.T) {
	t.Parallel()
	b := setup(t, drawn)
	cookie := b.user(users.Viewer)
	require.Contains(t, b.open("/studio/journeys/trial-nudge/refused", cookie).words(t), "Nobody was refused")
	require.Contains(t, b.open("/studio/journeys/trial-nudge/deploy", cookie).words(t), "Nobody is in it")
	b.people()
	words := b.open("/studio/journeys/trial-nudge/refused", cookie).words(t)
	require.Contains(t, words, "1 did not enter")
	require.Contains(t, words, "The event was not as the journey asks for trigger_conditions_not_met 1 100.0 % 100% , event")
	b.rows("update enrollments set build_id = 'b7', version = '2' returning node")
	require.Contains(t, b.open("/studio/journeys/trial-nudge/deploy", cookie).words(t), "b7 2 ✕ no worker runs it 1 1")
	b.rows(`insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at) values ('host/1', 'b7', 'd', 'hogsend', now(), now()) returning id`)
	require.Contains(t, b.open("/studio/journeys/trial-nudge/deploy", cookie).words(t), "b7 2 ✓ 1 worker 1 1")
}

// All who stand at a step are canceled after a look at how many, each with an entry; a
// second click finds nobody.
func TestStudioCancelMany(t *testing.T) {
	t.Parallel()
	b := setup(t, drawn)
	b.people()
	b.do(call{method: "POST", url: "/v1/events", key: adminKey, body: `{"name":"trial.started","userId":"user_2","eventProperties":{"plan":"pro"}}`})
	b.rows(`update enrollments set status = 'waiting', node = 'tip:x' returning node`)
	viewer, operator := b.user(users.Viewer), b.user(users.Operator)
	page := "/studio/journeys/trial-nudge/cancel"
	require.Equal(t, 403, b.open(page+"?node=tip:*", viewer).status)
	require.Equal(t, 422, b.open(page, operator).status)
	require.Equal(t, 409, b.open(page+"?node=other", operator).status)
	require.Contains(t, b.open(page+"?node=tip:*", operator).words(t), "Cancel 2 people? All of them stand at: tip:*.")
	require.Equal(t, 422, b.submit(page, operator, url.Values{"node": {"tip:*"}, "typed": {"x"}}).status)
	require.Equal(t, []string{"0"}, b.rows("select count(*)::text from enrollments where status = 'exited'"))
	require.Equal(t, "/studio/journeys/trial-nudge?done=canceled-all", b.submit(page, operator, url.Values{"node": {"tip:*"}, "typed": {"trial-nudge"}}).header.Get("Location"))
	require.Equal(t, []string{"exited", "exited"}, b.rows("select status from enrollments"))
	require.Equal(t, []string{"2"}, b.rows("select count(*)::text from audit_logs where action = 'states.cancel'"))
	require.Equal(t, 409, b.open(page+"?node=tip:*", operator).status)
}
