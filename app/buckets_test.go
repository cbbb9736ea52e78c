package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func nothing(workflow.Context, hogsend.Run) error { return nil }

// desk is where an operator sits: a server, its database and the binary.
type desk struct {
	t        *testing.T
	url, api string
	store    *store.Store
	ingester *ingest.Ingester
	registry hogsend.Registry
	builds   int
}

const deskKey = "bootstrap-key-of-the-tests-0123456789"

func newDesk(t *testing.T, buckets ...hogsend.Bucket) *desk {
	t.Helper()
	d := &desk{t: t, url: dbtest.URL(t)}
	var err error
	d.store, err = store.Open(t.Context(), store.Config{URL: d.url})
	require.NoError(t, err)
	t.Cleanup(d.store.Close)
	log := slog.New(slog.DiscardHandler)
	d.ingester = ingest.New(d.store, ingest.Config{Logger: log})
	t.Cleanup(d.ingester.Close)
	web := httptest.NewServer(server.New(server.Config{Store: d.store, Ingest: d.ingester, AdminAPIKey: deskKey, PublicURL: "http://127.0.0.1:3002", Logger: log}))
	t.Cleanup(web.Close)
	d.api = web.URL
	d.deploy(buckets...)
	return d
}

// deploy brings the buckets into force; the binary has them too.
func (d *desk) deploy(buckets ...hogsend.Bucket) {
	d.t.Helper()
	d.registry.Buckets = buckets
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(d.t, err)
	_, err = d.store.Pool.Exec(d.t.Context(), `update registries set first_seen_at = first_seen_at - interval '1 hour'`)
	require.NoError(d.t, err)
	d.builds++
	require.NoError(d.t, rollout.New(d.ingester.Engine()).Register(d.t.Context(), fmt.Sprint(d.builds), "build", definitions))
	d.settle()
}

func (d *desk) settle() {
	d.t.Helper()
	for done := false; !done; {
		var err error
		done, _, err = rollout.New(d.ingester.Engine()).Backfill(d.t.Context())
		require.NoError(d.t, err)
	}
	for done := false; !done; {
		var err error
		done, _, err = rollout.New(d.ingester.Engine()).LetLeave(d.t.Context())
		require.NoError(d.t, err)
	}
}

func (d *desk) did(event string, users ...string) {
	d.t.Helper()
	for _, u := range users {
		_, err := d.ingester.Ingest(d.t.Context(), ingest.Event{Name: event, UserID: u, Email: u + "@example.com"})
		require.NoError(d.t, err)
	}
}

// run executes a command and returns its exit code and what it printed.
func (d *desk) run(args ...string) (code int, printed string) {
	d.t.Helper()
	var out bytes.Buffer
	code = Run(d.t.Context(), Options{Registry: d.registry}, IO{
		Args: args, Stdout: &out, Stderr: &out,
		Environ: []string{"HOGSEND_ENV=test", "DATABASE_URL=" + d.url, "HOGSEND_API_URL=" + d.api, "HOGSEND_API_KEY=" + deskKey},
	})
	return code, out.String()
}

// lines runs a command that succeeds and returns its lines, columns apart by one blank.
func (d *desk) lines(args ...string) []string {
	d.t.Helper()
	code, out := d.run(args...)
	require.Equal(d.t, 0, code, out)
	var lines []string
	for line := range strings.Lines(out) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func dormant() hogsend.Bucket {
	return hogsend.Bucket{
		ID: "dormant", Name: "Dormant", Criteria: hogsend.Event("active").Exists(), MaxDwell: 36 * time.Hour,
		Reactions: []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnLeave(nothing)},
	}
}

func TestBucketsFromTheCommandLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dormant())
	d.did("active", "ada", "bob")
	d.did("idle", "cleo")
	require.Equal(t, []string{"ID STATE MEMBERS LEFT ENTRY LIMIT BACKFILL", "dormant enabled 2 0 unlimited -"}, d.lines("buckets", "list"))
	require.Equal(t, []string{
		"id dormant", "name Dormant", "state enabled", "members 2, 0 left", "backfill -", "entry limit unlimited", "max dwell 36h0m0s",
		"feeds bucket-dormant-on-enter bucket:entered:dormant", "bucket-dormant-on-leave bucket:left:dormant",
		"criteria", "{", `"type": "event",`, `"check": "exists",`, `"eventName": "active"`, "}",
	}, d.lines("buckets", "show", "dormant"))
	members := d.lines("buckets", "members", "dormant", "--limit", "1")
	require.Len(t, members, 2)
	require.Regexp(t, `^bob bob@example.com \d{4}-\S+Z 1 \d{4}-\S+Z - -$`, members[1])
	var member struct{ UserID string }
	code, out := d.run("buckets", "members", "dormant", "--user", "ada", "--json")
	require.Equal(t, 0, code)
	require.NoError(t, json.Unmarshal([]byte(out), &member))
	require.Equal(t, "ada", member.UserID)

	require.Equal(t, []string{"dormant is disabled"}, d.lines("buckets", "disable", "dormant"))
	require.Contains(t, d.lines("buckets", "list"), "dormant disabled 2 0 unlimited -")
	d.did("active", "cleo")
	require.Equal(t, []string{"dormant is enabled"}, d.lines("buckets", "enable", "dormant"))
	require.Contains(t, d.lines("buckets", "list"), "dormant enabled 2 0 unlimited pending, 0.0% at 0/s", "W-30")
	d.settle()
	code, out = d.run("buckets", "list", "--json")
	require.Equal(t, 0, code)
	var item listedBucket
	require.NoError(t, json.Unmarshal([]byte(out), &item))
	require.EqualValues(t, 3, item.Counts["active"])

	code, out = d.run("buckets", "retire", "dormant")
	require.Equal(t, 1, code)
	require.Contains(t, out, "409: Bucket is still registered")
	d.deploy()
	require.Contains(t, d.lines("buckets", "list"), "dormant not registered 3 0 unlimited -")
	require.Equal(t, []string{"3 members leave dormant"}, d.lines("buckets", "retire", "dormant"))
	d.settle()
	require.Len(t, d.lines("buckets", "list"), 1)
}

// C-25.
func TestPreviewFromTheCommandLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dormant())
	d.did("active", "ada")
	d.did("idle", "bob")
	changed := dormant()
	changed.Criteria = hogsend.Event("idle").Exists()
	d.registry.Buckets = []hogsend.Bucket{changed, {ID: "fresh", Name: "Fresh", Criteria: hogsend.Event("active").Exists()}}
	got := d.lines("buckets", "preview", "dormant")
	require.Equal(t, "1 of 2 contacts match; 1 would join, 1 would leave; nothing was changed", got[0])
	require.Regexp(t, `^bob bob@example.com [0-9a-f-]{36}$`, got[1])
	require.Equal(t, "1 of 2 contacts match; nothing was changed", d.lines("buckets", "preview", "fresh")[0], "never in force")
	file := filepath.Join(t.TempDir(), "criteria.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"type":"event","eventName":"never","check":"exists"}`), 0o600))
	require.Equal(t, []string{"0 of 2 contacts match; 0 would join, 1 would leave; nothing was changed"}, d.lines("buckets", "preview", "dormant", "--criteria", file))
	code, out := d.run("buckets", "preview", "--criteria", file, "--json")
	require.Equal(t, 0, code)
	require.Contains(t, out, `"totalContacts":2`)
	for _, args := range [][]string{{"buckets", "preview"}, {"buckets", "preview", "none"}, {"buckets", "preview", "--criteria", file + "x"}} {
		code, _ = d.run(args...)
		require.Equal(t, 1, code, args)
	}
}

// B-58.
func TestPlanFromTheCommandLine(t *testing.T) {
	t.Parallel()
	gone := hogsend.Bucket{ID: "gone", Name: "Gone", Criteria: hogsend.Event("idle").Exists()}
	d := newDesk(t, dormant(), gone)
	d.did("active", "ada", "bob")
	d.did("idle", "bob", "cleo")
	changed := dormant()
	changed.Criteria = hogsend.Event("idle").Exists()
	changed.Reactions = append(changed.Reactions, hogsend.OnDwell(hogsend.After(time.Second), nothing))
	_, err := d.store.Pool.Exec(t.Context(), `update memberships set anchor_at = anchor_at - interval '1 hour'`)
	require.NoError(t, err)
	d.registry.Buckets = []hogsend.Bucket{changed, {ID: "fresh", Name: "Fresh", Criteria: hogsend.Event("active").Exists()}}
	require.Equal(t, []string{
		"BUCKET STATUS MEMBERS JOIN LEAVE HELD SETTLING CHANGES",
		"dormant changed 2 1 1 0 default criteria, reactions",
		"fresh new 0 2 0 0 silent -",
		"gone removed 2 0 0 0 - -",
		"dormant: bucket-dormant-on-dwell-after-1000 is due at once for 1",
		"dormant: OnChange silent would run 0 bucket-dormant-on-enter, 0 bucket-dormant-on-leave",
		"dormant: OnChange default would run 0 bucket-dormant-on-enter, 1 bucket-dormant-on-leave",
		"dormant: OnChange react would run 1 bucket-dormant-on-enter, 1 bucket-dormant-on-leave",
		"Nothing was changed.",
	}, d.lines("plan"))
	code, out := d.run("plan", "--json")
	require.Equal(t, 0, code)
	var got struct {
		Buckets []rollout.PlannedBucket
		Changed bool
	}
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got.Buckets, 3)
	require.False(t, got.Changed)
	code, _ = d.run("buckets", "show", "fresh")
	require.Equal(t, 1, code, "it is not there yet")
}
