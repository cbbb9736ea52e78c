// Package tests holds the black-box proofs: the built binary as separate processes,
// a real Postgres, a real Temporal, and a stand-in for Resend's API.
package tests

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/ports"
	"github.com/hogsend/hogsend/standalone/postgres"
)

// binary is the built program, made once for the package.
var binary string

func TestMain(m *testing.M) {
	dbtest.Keep()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-tests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "hogsend")
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "../cmd/hogsend").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build hogsend: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

const (
	apiKey     = "hsk_tests_tests_tests_tests_tests_tests_tests_t"
	testSecret = "tests-tests-tests-tests-tests-tests"
)

// process is one program of the rig, which can be killed and started again.
type process struct {
	name    string
	program string // "" is the built binary
	args    []string
	environ []string
	ready   string // part of the line that says it is

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	tail  *tail
}

// tail keeps the last lines a process printed, for the report of a failure.
type tail struct {
	sync.Mutex
	lines []string
}

func (l *tail) add(line string) {
	l.Lock()
	defer l.Unlock()
	l.lines = append(l.lines, line)
	l.lines = l.lines[max(0, len(l.lines)-40):]
}

func (l *tail) String() string {
	l.Lock()
	defer l.Unlock()
	return strings.Join(l.lines, "\n")
}

// start runs the process and returns when it says that it is ready.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.CommandContext(context.Background(), cmp.Or(p.program, binary), p.args...)
	cmd.Env = append(os.Environ(), p.environ...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	p.tail = &tail{}
	go func(tail *tail) {
		told := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			tail.add(lines.Text())
			if !told && strings.Contains(lines.Text(), p.ready) {
				told = true
				close(ready)
			}
		}
	}(p.tail)
	go func() {
		_ = cmd.Wait() // killed or stopped: both are meant
		in.Close()
		close(ended)
	}()
	p.cmd, p.ended = cmd, ended
	select {
	case <-ready:
		return nil
	case <-ended:
		return fmt.Errorf("%s ended before it was ready:\n%s", p.name, p.tail)
	case <-time.After(patience):
		return fmt.Errorf("%s did not get ready:\n%s", p.name, p.tail)
	}
}

// kill ends the process with SIGKILL and returns when it is gone.
func (p *process) kill() error { return p.end(os.Kill) }

// stop ends the process in order.
func (p *process) stop() error { return p.end(os.Interrupt) }

func (p *process) end(signal os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	<-p.ended
	p.cmd = nil
	return nil
}

// killNow kills without waiting, for use inside a request of the process itself.
func (p *process) killNow() error {
	if p.cmd == nil {
		return errors.New("is not running")
	}
	return p.cmd.Process.Kill()
}

// patience bounds how long a test waits for what must come. It is reached by what
// does not come at all, and not by a busy machine.
const patience = 5 * time.Minute

// rig is a whole installation: every part a process of its own.
type rig struct {
	t        *testing.T
	dir      string
	dbPort   int
	database *postgres.Postgres
	temporal *process
	api      *process
	worker   *process
	resend   *fakeResend
	pool     *pgxpool.Pool
	apiURL   string
	// metricsURL is where the worker tells its metrics.
	metricsURL string
	// temporalAddress is the frontend's host and port.
	temporalAddress string
	environ         []string
	// patience bounds how long eventually looks.
	patience time.Duration
}

// newRig starts an installation, with more variables for each of its processes.
func newRig(t *testing.T, more ...string) *rig {
	t.Helper()
	r := &rig{t: t, resend: newFakeResend(t), patience: patience}
	dir, err := os.MkdirTemp("/var/tmp", "hogsend-rig-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // Postgres' own user must reach its folder
	t.Cleanup(func() { os.RemoveAll(dir) })
	r.dir, r.dbPort = dir, freePort(t)
	require.NoError(t, r.startDatabase())
	t.Cleanup(func() { require.NoError(t, r.database.Stop()) })

	temporalPort, apiPort := freePort(t), freePort(t)
	r.temporalAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(temporalPort))
	r.apiURL = "http://127.0.0.1:" + strconv.Itoa(apiPort)
	r.environ = []string{
		"HOGSEND_ENV=test", "DATABASE_URL=" + r.database.URL(), "TEMPORAL_ADDRESS=" + r.temporalAddress,
		"PORT=" + strconv.Itoa(apiPort), "HOGSEND_SECRET=" + testSecret, "ADMIN_API_KEY=" + apiKey, "LOG_LEVEL=info",
		"EMAIL_PROVIDER=resend", "RESEND_API_KEY=re_test", "RESEND_BASE_URL=" + r.resend.url, "EMAIL_RATE_PER_SECOND=100000",
		"RATE_LIMIT_INGEST=100000000", "RATE_LIMIT_ADMIN=100000000",
	}
	r.environ = append(r.environ, more...)
	r.run("migrate")
	r.temporal = &process{
		name: "temporal", ready: "temporal ready", environ: r.environ,
		args: []string{"temporal", "--port", strconv.Itoa(temporalPort), "--sqlite", filepath.Join(dir, "temporal.db")},
	}
	r.api = &process{name: "api", ready: "hogsend server ready", environ: r.environ, args: []string{"serve"}}
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	r.metricsURL = "http://" + metrics + "/metrics"
	r.worker = &process{name: "worker", ready: "hogsend worker ready", environ: append(slices.Clip(r.environ), "METRICS_ADDR="+metrics), args: []string{"worker"}}
	for _, p := range r.processes() {
		require.NoError(t, p.start())
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s printed last:\n%s", p.name, p.tail)
			}
			require.NoError(t, p.kill())
		})
	}
	r.pool, err = pgxpool.New(t.Context(), r.database.URL())
	require.NoError(t, err)
	t.Cleanup(r.pool.Close)
	return r
}

// processes in the order in which they start.
func (r *rig) processes() []*process { return []*process{r.temporal, r.api, r.worker} }

func (r *rig) startDatabase() error {
	var err error
	r.database, err = dbtest.Start(context.Background(), postgres.Config{DataDir: filepath.Join(r.dir, "postgres"), Port: r.dbPort})
	return err
}

// run runs a command of the binary to its end and returns what it printed.
func (r *rig) run(args ...string) string {
	r.t.Helper()
	out, err := r.command(args...).CombinedOutput()
	require.NoError(r.t, err, "hogsend %s\n%s", strings.Join(args, " "), out)
	return string(out)
}

func (r *rig) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), binary, args...)
	cmd.Env = append(append(os.Environ(), r.environ...), "HOGSEND_API_URL="+r.apiURL, "HOGSEND_API_KEY="+apiKey)
	return cmd
}

// client is a Temporal client on the rig's server.
func (r *rig) client() client.Client {
	r.t.Helper()
	c, err := client.Dial(client.Options{HostPort: r.temporalAddress, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(r.t, err)
	r.t.Cleanup(c.Close)
	return c
}

// event is an event as a client of the API sends it.
type event struct {
	Name              string         `json:"name"`
	UserID            string         `json:"userId,omitempty"`
	Email             string         `json:"email,omitempty"`
	Properties        map[string]any `json:"eventProperties,omitempty"`
	ContactProperties map[string]any `json:"contactProperties,omitempty"`
	Key               string         `json:"idempotencyKey,omitempty"`
	Timestamp         string         `json:"timestamp,omitempty"`

	trace string // traceparent of its client
}

// reply is an answer of the API.
type reply struct {
	Status int
	Header http.Header
	Stored bool   `json:"stored"`
	Exits  []exit `json:"exits"`
	Error  string `json:"error"`
}

// exit is one inspected enrollment of a reply (J-72).
type exit struct {
	JourneyID string `json:"journeyId"`
	Exited    bool   `json:"exited"`
}

// post sends one event once, or again over another connection if the one it had was
// closed before the server saw it.
func (r *rig) post(ctx context.Context, e event) (reply, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.apiURL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	if e.trace != "" {
		req.Header.Set("Traceparent", e.trace)
	}
	if e.Key != "" {
		req.Header["Idempotency-Key"] = nil // the body has it; so Go knows that it may repeat the request
	}
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	got := reply{Status: res.StatusCode, Header: res.Header}
	return got, json.NewDecoder(res.Body).Decode(&got)
}

// mustPost sends one event that is to be accepted, under a key of its own if it has
// none, again if its connection is lost.
func (r *rig) mustPost(e event) reply {
	r.t.Helper()
	if e.Key == "" {
		e.Key = uuid.NewString()
	}
	got, err := r.post(r.t.Context(), e)
	for tries := 1; err != nil && tries < 10; tries++ {
		require.NoError(r.t, tick(r.t.Context()), err)
		got, err = r.post(r.t.Context(), e)
	}
	require.NoError(r.t, err, "POST %s of %s", r.apiURL, e.Name)
	require.Equal(r.t, http.StatusAccepted, got.Status, got.Error)
	return got
}

// insist sends an event with an idempotency key until it is accepted, as a client
// does whose connection is lost.
func (r *rig) insist(ctx context.Context, e event) error {
	for {
		got, err := r.post(ctx, e)
		if err == nil && got.Status == http.StatusAccepted {
			return nil
		}
		if err == nil && got.Status < 500 {
			return fmt.Errorf("event %s was refused: %d %s", e.Key, got.Status, got.Error)
		}
		if err := tick(ctx); err != nil {
			return errors.Join(err, fmt.Errorf("event %s was never accepted", e.Key))
		}
	}
}

// tick is the pause between two looks at something that is on its way.
func tick(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// eventually looks until the query yields want, for as long as the rig's patience.
func (r *rig) eventually(want int, query string, args ...any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	got := -1
	for {
		err := r.pool.QueryRow(ctx, query, args...).Scan(&got)
		if err == nil && got == want {
			return
		}
		if tick(ctx) != nil {
			require.Equal(r.t, want, got, "%s %v (%v)", query, args, err)
			return
		}
	}
}

// until looks until the condition holds, for as long as the rig's patience.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	for !holds() {
		require.NoError(r.t, tick(ctx), what)
	}
}

// parked waits until Temporal has nothing to do for workflows: the task is finished in
// the midst of which they wrote that they wait, and their history says so.
func (r *rig) parked(c client.Client, workflowIDs ...string) {
	r.t.Helper()
	for _, id := range workflowIDs {
		r.until(id+" does not come to rest", func() bool {
			found, err := c.DescribeWorkflowExecution(r.t.Context(), id, "")
			return err == nil && found.GetPendingWorkflowTask() == nil && len(found.GetPendingActivities()) == 0
		})
	}
}

// closed waits until the current run of a workflow has ended in Temporal, which hears
// of it after the database, and returns the run and how it ended.
func (r *rig) closed(c client.Client, workflowID string) (runID string, status enums.WorkflowExecutionStatus) {
	r.t.Helper()
	r.until(workflowID+" does not end", func() bool {
		runID, status = r.current(c, workflowID)
		return status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
	return runID, status
}

// texts are the values of a column.
func (r *rig) texts(query string, args ...any) []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), query, args...)
	require.NoError(r.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(r.t, err)
	return all
}

func (r *rig) count(query string, args ...any) int {
	r.t.Helper()
	var n int
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), query, args...).Scan(&n))
	return n
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := ports.Free()
	require.NoError(t, err)
	return port
}
