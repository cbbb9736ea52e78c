package hogsendtest

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/replay"
	"github.com/hogsend/hogsend/internal/virtual"
)

// storedHistories cuts the histories of journeys at their waits. The one of the last
// wait goes on to its end, or as far as it came.
func storedHistories(h *harness, histories []virtual.History) []storedHistory {
	var all []storedHistory
	for _, history := range histories {
		journey, ok := strings.CutPrefix(history.Type, contract.JourneyType(""))
		if j := h.scenario.find(history.Type); j != nil {
			journey, ok = j.ID, true
		}
		if !ok {
			continue
		}
		t, last := h.watcher.trace(history.RunID), "start"
		var parked []storedHistory
		for i, prefix := range prefixes(history.Events) {
			if label := lastWait(t.calls[:t.marks[i]]); label != "" && label != last {
				parked = append(parked, storedHistory{journey: journey, label: label, events: prefix})
				last = label
			}
		}
		if len(parked) == 0 {
			parked = []storedHistory{{journey: journey, label: last}}
		}
		parked[len(parked)-1].events = history.Events
		all = append(all, parked...)
	}
	return all
}

func lastWait(calls []call) string {
	for _, c := range slices.Backward(calls) {
		if c.wait != "" {
			return c.wait
		}
	}
	return ""
}

// Store keeps the histories of a run as <dir>/<journey>/<label>.json, one for each
// wait, for Replay to replay with the code of later commits. It writes only
// when the test's flag -update is set, which the test declares:
//
//	var _ = flag.Bool("update", false, "store the histories anew")
//
// Of several histories with one name the longest is kept. The same script stores the
// same bytes.
func Store(t T, got *Result, dir string) {
	t.Helper()
	if update := flag.Lookup("update"); update == nil || update.Value.String() != "true" {
		return
	}
	longest := map[string]storedHistory{}
	var files []string
	for _, h := range got.stored {
		file := replay.FileName(dir, h.journey, h.label)
		if _, seen := longest[file]; !seen {
			files = append(files, file)
		}
		if len(h.events) > len(longest[file].events) {
			longest[file] = h
		}
	}
	for _, file := range files {
		if err := write(file, longest[file].events); err != nil {
			t.Errorf("hogsendtest: store history: %s", err)
			t.FailNow()
		}
	}
}

func write(file string, events []*historypb.HistoryEvent) error {
	history, ok := proto.Clone(&historypb.History{Events: events}).(*historypb.History)
	if !ok {
		return fmt.Errorf("copy history of %s", file)
	}
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	run := uuid.NewSHA1(uuid.NameSpaceOID, []byte(started.GetWorkflowId())).String() // a real one is random
	started.OriginalExecutionRunId, started.FirstExecutionRunId = run, run
	return replay.WriteFile(file, history)
}

// Replay replays every history below a folder with the journeys of a registry: people
// who are in flight must be able to go on with the code of this commit. Each that
// cannot fails the test by its file; so does a folder without any (T-18).
func Replay(t T, registry hogsend.Registry, dir string) {
	t.Helper()
	files, err := replay.Files(dir)
	if err != nil {
		t.Errorf("hogsendtest: %s", err)
		t.FailNow()
	}
	replayer, err := replay.New(replay.Config{Registry: registry})
	if err != nil {
		t.Errorf("hogsendtest: %s", err)
		t.FailNow()
	}
	for _, file := range files {
		history, err := replay.ReadFile(file)
		if err != nil {
			t.Errorf("hogsendtest: %s", err)
			continue
		}
		if out := replayer.Replay(history); out.Verdict == replay.Broken || out.Verdict == replay.Unreadable {
			t.Errorf("hogsendtest: %s does not replay: event %d: %s", file, out.EventID, out.Difference)
		}
	}
}

// prefix is a history up to what one workflow task asked for.
func prefixes(events []*historypb.HistoryEvent) [][]*historypb.HistoryEvent {
	var all [][]*historypb.HistoryEvent
	for i, e := range events {
		if e.EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		end := i + 1
		for end < len(events) && replay.TaskOf(events[end]) == e.EventId {
			end++
		}
		all = append(all, events[:end:end])
	}
	return all
}
