package tests

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/worker"
	"github.com/hogsend/hogsend/workflows"
)

// See testdata/README.md for when this is right and when it hides a fault.
var update = flag.Bool("update", false, "record the histories of testdata/histories that are missing, from a live run")

const (
	historyFolder = "testdata/histories"
	plantedFile   = historyFolder + "/planted/activation-welcome.json"
	sleepingFile  = historyFolder + "/activation-welcome/sleeping.json"
)

// recording is one enrollment whose history is kept: what happened to the person,
// and what the history holds when it is taken.
type recording struct {
	file    string // journey/label
	first   event
	times   int    // how often the first event is sent; 0 means once
	then    string // an event sent once the journey waits; "" for none
	timers  int    // timers started
	running bool   // taken asleep, not at its end
}

func recordings() []recording {
	created := event{Name: "user.created"}
	failed := event{Name: "payment.failed", Properties: map[string]any{"amount": 49, "invoiceId": "I-1"}}
	return []recording{
		{file: "activation-welcome/sleeping", first: created, timers: 1, running: true},
		{file: "activation-welcome/completed", first: created, then: "feature.used", timers: 1},
		{file: "activation-welcome/exited", first: created, then: "user.deleted", timers: 1},
		{file: "trial-ending/sleeping", first: event{Name: "trial.started"}, timers: 1, running: true},
		// A second or so more than the lead of the reminder, which is then on its way.
		{file: "trial-ending/reminded", first: event{Name: "trial.started", Properties: map[string]any{"trialDays": 3.00002}}, timers: 2, running: true},
		{file: "trial-ending/exited", first: event{Name: "trial.started"}, then: "subscription.started", timers: 1},
		{file: "trial-ending/completed", first: event{Name: "trial.started", Properties: map[string]any{"trialDays": 0}}},
		{file: "payment-failed/sleeping", first: failed, timers: 1, running: true},
		{file: "payment-failed/exited", first: failed, then: "payment.succeeded", timers: 1},
		{file: "order-thanks/completed", first: event{Name: "order.completed", Properties: map[string]any{"amount": 20}}},
		{file: "onboarding-tips/sleeping", first: event{Name: "workspace.created"}, timers: 1, running: true},
		{file: "abandoned-checkout/waiting", first: event{Name: "checkout.started"}, timers: 1, running: true},
		{file: "weekly-digest/collecting", first: event{Name: "comment.received"}, timers: 1, running: true},
		{file: "usage-milestone/completed", first: event{Name: "card.completed"}, times: 100},
		{file: "nps-survey/sleeping", first: event{Name: "subscription.renewed"}, timers: 1, running: true},
		{file: "referral/waiting", first: event{Name: "nps.promoter"}, timers: 1, running: true},
	}
}

// T-18: enrollments that are under way go on with the code of this commit.
func TestStoredHistoriesReplay(t *testing.T) {
	t.Parallel()
	if *update {
		recordHistories(t)
	}
	replayer, replayed := newReplayer(t, saas.Registry().Journeys), 0
	for _, j := range saas.Registry().Journeys {
		files, err := filepath.Glob(filepath.Join(historyFolder, j.ID, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "journey %s has no stored history", j.ID)
		for _, file := range files {
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(silent(), file), file)
		}
		replayed += len(files)
	}
	require.Equal(t, len(recordings()), replayed, "a history is missing, or is of no recording")
}

// The planted history began with another activity than the send.
func TestAHistoryOfOtherCodeIsRefused(t *testing.T) {
	t.Parallel()
	err := newReplayer(t, saas.Registry().Journeys).ReplayWorkflowHistoryFromJSONFile(silent(), plantedFile)
	require.ErrorContains(t, err, "TMPRL1100")
}

// A journey that was changed under a person who waits in it.
func TestAChangedJourneyIsRefused(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(workflow.Context, hogsend.Run) error{
		"a send before the wait": sendsTwice,
		"no send":                nudgeOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := saas.Welcome
			changed.Run = run
			err := newReplayer(t, []hogsend.Journey{changed}).ReplayWorkflowHistoryFromJSONFile(silent(), sleepingFile)
			require.ErrorContains(t, err, "TMPRL1100")
		})
	}
}

// sendsTwice is the welcome journey with a send inserted before its wait.
func sendsTwice(ctx workflow.Context, run hogsend.Run) error {
	for _, template := range []string{"welcome", "nudge"} {
		if _, err := run.Send(ctx, hogsend.Email{Template: template}); err != nil {
			return err
		}
	}
	_, err := run.WaitForEvent(ctx, hogsend.Wait{Event: "feature.used", Timeout: 2 * hogsend.Day})
	return err
}

func nudgeOnly(ctx workflow.Context, run hogsend.Run) error {
	if err := run.Sleep(ctx, 2*hogsend.Day); err != nil {
		return err
	}
	_, err := run.Send(ctx, hogsend.Email{Template: "nudge"})
	return err
}

func newReplayer(t *testing.T, journeys []hogsend.Journey) sdkworker.WorkflowReplayer {
	t.Helper()
	data, err := worker.NewDataConverter(testSecret, nil)
	require.NoError(t, err)
	failures, err := worker.NewFailureConverter(testSecret, nil)
	require.NoError(t, err)
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: data, FailureConverter: failures, DisableRegistrationAliasing: true,
	})
	require.NoError(t, err)
	for _, j := range journeys {
		replayer.RegisterWorkflowWithOptions(workflows.Journey(j), workflow.RegisterOptions{Name: contract.JourneyType(j.ID)})
	}
	return replayer
}

func silent() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// recordHistories lives through every recording that has no file yet on a rig and
// keeps what Temporal remembers of it.
func recordHistories(t *testing.T) {
	t.Helper()
	r := newRig(t)
	c := r.client()
	require.NoError(t, os.MkdirAll(filepath.Dir(plantedFile), 0o755)) // part of the repository
	for _, rec := range recordings() {
		file := filepath.Join(historyFolder, rec.file+".json")
		if _, err := os.Stat(file); err == nil {
			continue
		}
		person := strings.ReplaceAll(rec.file, "/", "-") // one for each
		rec.first.UserID, rec.first.Email = person, person+"@example.com"
		for range max(rec.times, 1) {
			r.mustPost(rec.first)
		}
		var workflowID string
		require.NoError(t, r.pool.QueryRow(t.Context(), `select e.workflow_id from enrollments e join contacts c on c.id = e.contact_id
			where c.external_id = $1 and e.journey_id = $2`, person, filepath.Dir(rec.file)).Scan(&workflowID))
		if rec.then != "" {
			r.eventually(1, `select count(*) from enrollments where workflow_id = $1 and status = 'waiting'`, workflowID)
			historyOf(t, c, workflowID, recording{timers: rec.timers, running: true})
			r.mustPost(event{Name: rec.then, UserID: person, Properties: map[string]any{"invoiceId": "I-1"}})
		}
		writeHistory(t, file, historyOf(t, c, workflowID, rec))
	}
	planted, err := os.ReadFile(sleepingFile)
	require.NoError(t, err)
	require.Contains(t, string(planted), `"name": "Send"`)
	changed := strings.Replace(string(planted), `"name": "Send"`, `"name": "SendLetter"`, 1)
	require.NoError(t, os.WriteFile(plantedFile, []byte(changed), 0o644)) // part of the repository
}

// historyOf takes the history of a workflow when it is as far as rec says.
func historyOf(t *testing.T, c client.Client, workflowID string, rec recording) *historypb.History {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		history, timers := &historypb.History{}, 0
		for events := c.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			e, err := events.Next()
			if err != nil {
				break // not started yet
			}
			history.Events = append(history.Events, e)
			if e.EventType == enumspb.EVENT_TYPE_TIMER_STARTED {
				timers++
			}
		}
		if n := len(history.Events); n > 0 && timers == rec.timers && isEnd(history.Events[n-1].EventType, rec.running) {
			return history
		}
		require.NoError(t, tick(ctx), "%s did not get far enough: %d events, %d timers", rec.file, len(history.Events), timers)
	}
}

func isEnd(last enumspb.EventType, running bool) bool {
	if running {
		return last == enumspb.EVENT_TYPE_TIMER_STARTED
	}
	return last == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED || last == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED
}

func writeHistory(t *testing.T, file string, history *historypb.History) {
	t.Helper()
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	require.NoError(t, err)
	// Not whose machine it was: a sticky queue is named for it, too.
	raw = regexp.MustCompile(`"identity": ?"[^"]*"`).ReplaceAll(raw, []byte(`"identity":"recorder"`))
	raw = regexp.MustCompile(`"name": ?"[^"]*:[0-9a-f-]{36}"`).ReplaceAll(raw, []byte(`"name":"recorder:sticky"`))
	var tree any
	require.NoError(t, json.Unmarshal(raw, &tree))
	indented, err := json.MarshalIndent(tree, "", "  ") // the same bytes for the same history
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))            // part of the repository
	require.NoError(t, os.WriteFile(file, append(indented, '\n'), 0o644)) // part of the repository
}
