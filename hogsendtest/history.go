package hogsendtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest/internal/virtual"
	"github.com/hogsend/hogsend/workflows/names"
)

// storedHistory is a history that can be kept in a file: that of a journey, up to the
// wait with the label, or to its end.
type storedHistory struct {
	journey, label string
	events         []*historypb.HistoryEvent
}

// storedHistories cuts the histories of journeys at their waits. The one of the last
// wait goes on to its end, or as far as it came.
func storedHistories(h *host, histories []virtual.History) []storedHistory {
	var all []storedHistory
	for _, history := range histories {
		journey, ok := strings.CutPrefix(history.Type, names.JourneyType(""))
		if j := h.scenario.catalog.byID[history.Type]; j != nil {
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
// wait, for Replay to replay with the code of later commits (T-17). It writes only
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
		file := filepath.Join(dir, h.journey, fileName(h.label)+".json")
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

// fileName is a label without the characters that file systems have uses for.
func fileName(label string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, label)
}

func write(file string, events []*historypb.HistoryEvent) error {
	history, ok := proto.Clone(&historypb.History{Events: events}).(*historypb.History)
	if !ok {
		return fmt.Errorf("copy history of %s", file)
	}
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	run := idOf("run", started.GetWorkflowId()) // a real one is random
	started.OriginalExecutionRunId, started.FirstExecutionRunId = run, run
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	if err != nil {
		return fmt.Errorf("encode history of %s: %w", file, err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return fmt.Errorf("read history of %s: %w", file, err)
	}
	indented, err := json.MarshalIndent(tree, "", "  ") // the same bytes for the same history
	if err != nil {
		return fmt.Errorf("write history of %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of a repository
		return fmt.Errorf("make folder of history: %w", err)
	}
	if err := os.WriteFile(file, append(indented, '\n'), 0o644); err != nil { //nolint:gosec // part of a repository
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

// Replay replays every history below a folder with the journeys of a registry: people
// who are in flight must be able to go on with the code of this commit. Each that
// cannot fails the test by its file; so does a folder without any (T-18).
func Replay(t T, registry hogsend.Registry, dir string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".json") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Errorf("hogsendtest: there are no stored histories in %s: %v", dir, err)
		t.FailNow()
	}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	if err != nil {
		t.Errorf("hogsendtest: make replayer: %s", err)
		t.FailNow()
	}
	registerWorkflows(replayer, newWatcher(), newCatalog(registry).journeys, nil)
	for _, file := range files {
		if err := replayer.ReplayWorkflowHistoryFromJSONFile(silent(), file); err != nil {
			t.Errorf("hogsendtest: %s does not replay: %s", file, err)
		}
	}
}
