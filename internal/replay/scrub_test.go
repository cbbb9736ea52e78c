package replay_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/replay"
)

// words are all texts of a stored history, those in payloads too.
func words(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	text := string(raw)
	for _, m := range regexp.MustCompile(`"data": "([^"]+)"`).FindAllStringSubmatch(text, -1) {
		plain, err := base64.StdEncoding.DecodeString(m[1])
		require.NoError(t, err)
		text += "\n" + string(plain)
	}
	return text
}

// T-17: what is kept of production tells nothing about a person, is decrypted, and
// replays without a secret.
func TestWhatIsKeptIsScrubbedAndReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(histories + "/*/*.json")
	require.NoError(t, err)
	dir, r := t.TempDir(), newReplayer(t, secret)
	plain, err := replay.New(replay.Config{Registry: saas.Registry()})
	require.NoError(t, err)
	kept := 0
	for _, file := range files {
		journey := filepath.Base(filepath.Dir(file))
		if journey == "planted" {
			continue
		}
		history := read(t, file)
		before := history.String()
		name, err := r.Keep(dir, journey, history)
		require.NoError(t, err, file)
		require.Equal(t, before, history.String(), "the history given was changed")
		require.Equal(t, replay.OK, plain.Replay(read(t, name)).Verdict, name)
		require.NotRegexp(t, `sealed|-(sleeping|completed|exited|reminded)`, words(t, name))
		kept++
	}
	require.Greater(t, kept, 8)
	require.FileExists(t, filepath.Join(dir, "activation-welcome", "wait-event-feature.used.json"))
}

// person is what the claim of the recorded enrollment tells about its contact, before
// and after.
func TestAddressesIDsAndPropertiesAreReplaced(t *testing.T) {
	t.Parallel()
	r := newReplayer(t, secret, saas.PaymentFailed)
	scrubbed, err := r.Scrub(read(t, histories+"/payment-failed/sleeping.json"))
	require.NoError(t, err)
	var claim map[string]any
	for _, e := range scrubbed.Events {
		if result := e.GetMarkerRecordedEventAttributes().GetDetails()["result"]; result != nil {
			require.NoError(t, json.Unmarshal(result.Payloads[0].Data, &claim))
			break
		}
	}
	require.Equal(t, "payment-failed", claim["enrollment"].(map[string]any)["JourneyID"])
	event := claim["event"].(map[string]any)
	require.Equal(t, "payment.failed", event["Name"])
	require.Equal(t, map[string]any{"amount": 49.0}, event["Properties"]) // a number stays
	for _, e := range scrubbed.Events {
		if input := e.GetActivityTaskScheduledEventAttributes().GetInput(); input != nil {
			require.Contains(t, string(input.Payloads[0].Data), `"template":"payment-failed"`)
			require.Regexp(t, `"props":\{"amount":"text-\d+",`, string(input.Payloads[0].Data))
		}
		require.NotContains(t, e.String(), "recorder")
	}
}

// branches is a journey that goes by what somebody said.
func branches(ctx workflow.Context, run hogsend.Run) error {
	if run.Event().Properties["plan"] != "text-1" {
		return asItWas(ctx, run)
	}
	return sendsNothing(ctx, run)
}

// T-17: a file that does not replay without what people said is named, not written.
func TestAHistoryThatNeedsWhatPeopleSaidIsNotKept(t *testing.T) {
	t.Parallel()
	r := newReplayer(t, secret, welcome(branches))
	history := read(t, asleep)
	claimed := history.Events[4].GetMarkerRecordedEventAttributes().Details["result"].Payloads
	claimed[0] = plainClaim(t, r, history)
	require.Equal(t, replay.OK, r.Replay(history).Verdict)
	dir := t.TempDir()
	name, err := r.Keep(dir, "activation-welcome", history)
	require.ErrorContains(t, err, "does not replay any more")
	require.True(t, strings.HasPrefix(name, dir))
	require.NoFileExists(t, name)
}

// plainClaim is the claim of a history with a property more.
func plainClaim(t *testing.T, r *replay.Replayer, history *historypb.History) *commonpb.Payload {
	t.Helper()
	scrubbed, err := r.Scrub(history)
	require.NoError(t, err)
	claim := scrubbed.Events[4].GetMarkerRecordedEventAttributes().Details["result"].Payloads[0]
	var value map[string]any
	require.NoError(t, json.Unmarshal(claim.Data, &value))
	value["event"].(map[string]any)["Properties"] = map[string]any{"plan": "pro"}
	claim.Data, err = json.Marshal(value)
	require.NoError(t, err)
	return claim
}
