package standalone_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ports"
	"github.com/hogsend/hogsend/standalone"
	"github.com/hogsend/hogsend/standalone/postgres"
)

// helperFile makes this test program start a server on the file and then wait to be killed.
const helperFile = "HOGSEND_TEST_TEMPORAL_HELPER"

func TestMain(m *testing.M) {
	file := os.Getenv(helperFile)
	if file == "" {
		os.Exit(m.Run())
	}
	s, err := standalone.StartTemporal(context.Background(), standalone.TemporalConfig{Store: file, SearchAttributes: []string{contract.AttributeJourney}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Address())
	select {}
}

func start(t *testing.T, store string) *standalone.Temporal {
	t.Helper()
	s, err := standalone.StartTemporal(t.Context(), standalone.TemporalConfig{Store: store, SearchAttributes: []string{contract.AttributeJourney}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func dial(t *testing.T, s *standalone.Temporal) client.Client {
	t.Helper()
	return dialAddress(t, s.Address())
}

func dialAddress(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// nap sleeps on a durable timer and says when it woke.
func nap(ctx workflow.Context, d time.Duration) (time.Time, error) {
	err := workflow.Sleep(ctx, d)
	return workflow.Now(ctx), err
}

func work(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflow(nap)
	require.NoError(t, w.Start())
	return w
}

func startNap(t *testing.T, c client.Client) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "nap", TaskQueue: "test",
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(contract.AttributeJourney).ValueSet("j")),
	}, nap, 2*time.Second)
	require.NoError(t, err)
	return run
}

func TestASleepingWorkflowSurvivesARestartOnTheSameFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	first := start(t, file)
	c := dial(t, first)
	w := work(t, c)
	run := startNap(t, c)
	w.Stop()
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "a second stop is harmless")

	c = dial(t, start(t, file))
	w = work(t, c)
	defer w.Stop()
	var woke time.Time
	require.NoError(t, c.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()).Get(t.Context(), &woke))
	require.False(t, woke.IsZero())
}

func TestASleepingWorkflowSurvivesAKillOnTheSameFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	first := exec.CommandContext(t.Context(), os.Args[0])
	first.Env = append(os.Environ(), helperFile+"="+file)
	first.Stderr = os.Stderr
	out, err := first.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, first.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	run := startNap(t, dialAddress(t, strings.TrimSpace(address)))
	require.NoError(t, first.Process.Kill())
	require.Error(t, first.Wait())

	c := dial(t, start(t, file))
	w := work(t, c)
	defer w.Stop()
	require.NoError(t, c.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()).Get(t.Context(), nil))
}

// SQLite ignores a setting whose name it does not know, so only
// the file can tell. Bytes 18 and 19 are 2 in WAL mode, 1 with a rollback journal.
func TestTheFileIsInWALMode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	start(t, file)
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, []byte{2, 2}, body[18:20])
}

func TestAHalfMadeFileIsMadeAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, os.WriteFile(file+".new", []byte("what a kill left"), 0o600))
	dial(t, start(t, file))
}

func TestAnOldNamespaceGetsANewSearchAttribute(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	old, err := standalone.StartTemporal(t.Context(), standalone.TemporalConfig{Store: file})
	require.NoError(t, err)
	require.NoError(t, old.Stop())
	startNap(t, dial(t, start(t, file)))
}

func TestAPostgresURLWithoutDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	_, err := standalone.StartTemporal(t.Context(), standalone.TemporalConfig{Store: "postgres://u:secret@127.0.0.1:5432"})
	require.ErrorContains(t, err, "needs a host and a database")
	require.NotContains(t, err.Error(), "secret")
}

func TestPostgresIsAStoreToo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	t.Cleanup(func() { require.NoError(t, postgres.Reset(context.WithoutCancel(t.Context()), dir)) })
	db, err := dbtest.Start(t.Context(), postgres.Config{DataDir: dir, Unsafe: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Stop()) })

	first := start(t, db.URL())
	run := startNap(t, dial(t, first))
	require.NoError(t, first.Stop())

	c := dial(t, start(t, db.URL()))
	w := work(t, c)
	defer w.Stop()
	require.NoError(t, c.GetWorkflow(t.Context(), run.GetID(), "").Get(t.Context(), nil))
}

func TestATakenPortIsSaid(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	port := l.Addr().(*net.TCPAddr).Port
	_, err = standalone.StartTemporal(t.Context(), standalone.TemporalConfig{Store: filepath.Join(t.TempDir(), "x.db"), Port: port})
	require.ErrorContains(t, err, "port "+strconv.Itoa(port)+" is taken")
}

func TestTheWebUIAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, filepath.Join(t.TempDir(), "temporal.db"))
	port, err := ports.Free()
	require.NoError(t, err)
	stop, err := standalone.StartUI(t.Context(), s.Address(), port)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port)+"/api/v1/namespaces/default", strings.NewReader(""))
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	_, err = standalone.StartUI(t.Context(), s.Address(), port)
	require.ErrorContains(t, err, "web ui port "+strconv.Itoa(port)+" is taken")
	require.NoError(t, stop())
	require.NoError(t, stop(), "a second stop is harmless")
}
