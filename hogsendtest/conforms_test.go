package hogsendtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/hogsendtest/onpostgres"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// conforms plays a script in memory and on Postgres: what comes of it must be the same,
// line by line (T-4), in memory also if the worker is lost at every third step (T-14).
func conforms(t *testing.T, script func() *Scenario) {
	t.Helper()
	s := script()
	inMemory := outcomeOf(t, s, s.inMemory)
	s = script()
	require.Equal(t, outcomeOf(t, s, onpostgres.In(dbtest.URL(t))), inMemory)
	s = script()
	h, err := newHarness(s, s.inMemory)
	require.NoError(t, err)
	defer h.stop()
	first, undisturbed, err := h.play(nil, nil)
	require.NoError(t, err)
	var lost []loss
	for at := 2; at <= 2*len(first.steps); at += 3 {
		lost = append(lost, loss{at, lostAfter})
	}
	_, disturbed, err := h.play(lost, undisturbed.Once)
	require.NoError(t, err)
	want, got := lines(undisturbed, s.start), lines(disturbed, s.start)
	slices.Sort(want) // journeys that run at one instant may take turns otherwise
	slices.Sort(got)
	require.Equal(t, want, got, "with the worker lost at every third step")
}

// conformsApart is conforms for scripts in which much happens at one instant, to several
// people and reactions at once. An ingester receives what follows from timers and the
// clock a microsecond later than the kit does: what is in no order for Temporal then may
// come in another one, so that lines are compared without theirs.
func conformsApart(t *testing.T, script func() *Scenario) {
	t.Helper()
	apart := func(all []string) []string {
		for i, line := range all {
			all[i] = microseconds.ReplaceAllString(numberedIDs.ReplaceAllString(line, "id"), "Z")
		}
		slices.Sort(all)
		return all
	}
	s := script()
	inMemory := apart(outcomeOf(t, s, s.inMemory))
	s = script()
	require.Equal(t, apart(outcomeOf(t, s, onpostgres.In(dbtest.URL(t)))), inMemory)
}

var (
	numberedIDs  = regexp.MustCompile(`id-[0-9]+`)
	microseconds = regexp.MustCompile(`\.[0-9]+Z`)
)

// outcomeOf plays a script and returns what came of it in words that do not depend on
// the place: uuids are numbered as they come, and what happens to different people or
// journeys at one instant has an order of its own.
func outcomeOf(t *testing.T, s *Scenario, open backend.Open) []string {
	t.Helper()
	h, err := newHarness(s, open)
	require.NoError(t, err)
	defer h.stop()
	_, o, err := h.play(nil, nil)
	require.NoError(t, err)
	slices.SortStableFunc(o.Sends, func(a, b backend.Send) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Contact+a.Journey, b.Contact+b.Journey))
	})
	slices.SortStableFunc(o.Contacts, func(a, b backend.Contact) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(o.Memberships, func(a, b backend.Membership) int {
		return cmp.Or(strings.Compare(a.Contact+" "+a.BucketID, b.Contact+" "+b.BucketID), cmp.Compare(a.Epoch, b.Epoch))
	})
	slices.SortStableFunc(o.Enrollments, func(a, b backend.Enrollment) int {
		return cmp.Or(strings.Compare(a.Contact+" "+a.Journey, b.Contact+" "+b.Journey), cmp.Compare(a.Entry, b.Entry))
	})
	slices.SortStableFunc(o.StepLogs, func(a, b backend.StepLog) int {
		return cmp.Or(strings.Compare(a.Contact+" "+a.Journey, b.Contact+" "+b.Journey), cmp.Compare(a.Entry, b.Entry))
	})
	for i := range o.Sends { // Postgres keeps the content of what was sent only (E-17)
		if s := &o.Sends[i]; s.Status == contract.SendSuppressed || s.Status == contract.SendSkipped {
			s.Subject, s.Text, s.Props = "", "", nil
		}
	}
	o.Once = once(o)
	var all []string
	for _, line := range lines(o, s.start) {
		all = append(all, plain(line))
	}
	return withoutUUIDs(all)
}

// once are the kept values by contact, journey and label.
func once(o *backend.Outcome) map[string]json.RawMessage {
	kept := map[string]json.RawMessage{}
	for _, n := range o.Enrollments {
		for _, id := range slices.Sorted(maps.Keys(o.Once)) {
			if label, ok := strings.CutPrefix(id, n.ID+"/"); ok {
				kept[fmt.Sprintf("%s %s#%d %s", n.Contact, n.Journey, n.Entry, label)] = o.Once[id]
			}
		}
	}
	return kept
}

// plain writes the JSON at the end of a line in one way.
func plain(line string) string {
	i := strings.IndexByte(line, '{')
	if i < 0 {
		return line
	}
	var value any
	if json.Unmarshal([]byte(line[i:]), &value) != nil {
		return line
	}
	return line[:i] + detailOf(value)
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func withoutUUIDs(lines []string) []string {
	known := map[string]string{}
	for i, line := range lines {
		lines[i] = uuids.ReplaceAllStringFunc(line, func(id string) string {
			if known[id] == "" {
				known[id] = fmt.Sprintf("id-%d", len(known)+1)
			}
			return known[id]
		})
	}
	return lines
}
