package steps_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestThePastOfAContact(t *testing.T) { // J-141
	t.Parallel()
	events := []steps.PastEvent{received(1, "word", 0, 1, occurred(2*time.Hour)), received(2, "word", 1, 1, occurred(3*time.Hour)), received(3, "other", 2, 1)}
	require.Equal(t, hogsend.PastEvents{}, steps.PastEvents(events, "none", nil))
	require.Equal(t, hogsend.PastEvents{Found: true, Count: 2, FirstAt: noon.Add(-3 * time.Hour), LastAt: noon.Add(-2 * time.Hour)}, steps.PastEvents(events, "word", nil))
	require.Equal(t, 2, steps.PastEvents(events, "word", instant(-3*time.Hour)).Count, "exactly then")
	require.Equal(t, 1, steps.PastEvents(events, "word", instant(-3*time.Hour+1)).Count)

	entries := []steps.PastEntry{{"a", noon.Add(2)}, {"was-a", noon.Add(1)}, {"a", time.Time{}}, {"b", noon.Add(3)}}
	require.Equal(t, hogsend.PastEntries{}, steps.PastEntries(entries, []string{"c"}))
	require.Equal(t, hogsend.PastEntries{Completed: true, LastCompletedAt: noon.Add(2), Entries: 3}, steps.PastEntries(entries, []string{"a", "was-a"}))
	require.Equal(t, hogsend.PastEntries{Entries: 1}, steps.PastEntries(entries[2:], []string{"a"}))

	mails := []steps.PastMail{{Template: "t"}, {"t", noon.Add(2), false, true}, {"t", noon.Add(1), true, false}, {"u", noon, true, true}}
	require.Equal(t, hogsend.PastMails{}, steps.PastMails(mails[:1], "t"))
	require.Equal(t, hogsend.PastMails{Sent: true, Count: 2, LastSentAt: noon.Add(2), Clicked: true}, steps.PastMails(mails, "t"))
}

func TestLargePropertiesAreCutToScalars(t *testing.T) { // J-121
	t.Parallel()
	got, truncated, err := steps.Properties(json.RawMessage(`{"a":{"b":[1]},"n":1,"s":"x","t":true,"z":null}`))
	require.NoError(t, err)
	require.False(t, truncated)
	require.Equal(t, hogsend.Properties{"a": map[string]any{"b": []any{json.Number("1")}}, "n": json.Number("1"), "s": "x", "t": true, "z": nil}, got)

	large := strings.Repeat("x", 256<<10)
	got, truncated, err = steps.Properties(json.RawMessage(`{"a":{"b":[1]},"n":1,"s":"` + large + `","t":true,"z":null}`))
	require.NoError(t, err)
	require.True(t, truncated)
	require.Equal(t, hogsend.Properties{"n": json.Number("1"), "s": large, "t": true}, got)

	_, _, err = steps.Properties(json.RawMessage(`[`))
	require.Error(t, err)
}
