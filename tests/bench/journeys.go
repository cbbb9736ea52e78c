package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend/internal/ports"
)

// dev is a running `hogsend dev` on a database of the benchmark's.
type dev struct {
	api      *api
	temporal string
	pid      int
	started  time.Duration
	stop     func() error
}

// startDev runs the built binary until it says that it is ready.
func startDev(ctx context.Context, binary, data string, flags ...string) (*dev, error) {
	if binary == "" {
		return nil, errors.New("--binary is required")
	}
	var port [3]string
	for i := range port {
		free, err := ports.Free()
		if err != nil {
			return nil, err
		}
		port[i] = strconv.Itoa(free)
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, binary, "dev", "--data", data, "--port", port[0], "--temporal-port", port[1], "--ui-port", port[2], "--api-key", apiKey)
	cmd.Args = append(cmd.Args, flags...)
	cmd.Env = append(os.Environ(), "RATE_LIMIT_INGEST=100000000", "RATE_LIMIT_ADMIN=100000000")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready") {
			took := time.Since(began)
			go io.Copy(io.Discard, out) //nolint:errcheck // keeps the pipe empty
			return &dev{
				api:      newAPI("127.0.0.1:" + port[0]),
				temporal: "127.0.0.1:" + port[1], pid: cmd.Process.Pid, started: took,
				stop: func() error {
					if err := cmd.Process.Signal(os.Interrupt); err != nil {
						return err
					}
					return cmd.Wait()
				},
			}, nil
		}
	}
	return nil, fmt.Errorf("dev ended before it was ready: %w", cmd.Wait())
}

// benchStart measures the second start of dev on the same folder.
func benchStart(ctx context.Context, binary, dir string) ([]line, error) {
	var took []float64
	for i := range 4 {
		d, err := startDev(ctx, binary, filepath.Join(dir, "start"))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			took = append(took, d.started.Seconds())
		}
		if err := d.stop(); err != nil {
			return nil, fmt.Errorf("stop dev: %w", err)
		}
	}
	return []line{{what: "dev, warm start to ready, seconds", ours: fmt.Sprintf("%.2f s", median(took)), limit: "-", value: median(took), atMost: 5}}, nil
}

func bareWorkflow(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, bareActivity).Get(ctx, nil)
}

func bareActivity(context.Context) error { return nil }

// bareTimer sleeps until an instant and says how late it woke.
func bareTimer(ctx workflow.Context, due time.Time) (time.Duration, error) {
	err := workflow.Sleep(ctx, due.Sub(workflow.Now(ctx)))
	return workflow.Now(ctx).Sub(due), err
}

// startBare runs a worker of bare workflows on the server that dev runs.
func startBare(d *dev) (c client.Client, stop func(), err error) {
	if c, err = client.Dial(client.Options{HostPort: d.temporal, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}); err != nil {
		return nil, nil, fmt.Errorf("connect temporal: %w", err)
	}
	w := worker.New(c, "bare", worker.Options{})
	w.RegisterWorkflow(bareWorkflow)
	w.RegisterWorkflow(bareTimer)
	w.RegisterActivity(bareActivity)
	if err := w.Start(); err != nil {
		return nil, nil, fmt.Errorf("start bare worker: %w", err)
	}
	return c, func() { w.Stop(); c.Close() }, nil
}

func benchJourneys(ctx context.Context, base, binary, dir string) ([]line, error) {
	pool, url, err := database(ctx, base, "bench_journeys")
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	data := filepath.Join(dir, "journeys")
	d, err := startDev(ctx, binary, data, "--database-url", url)
	if err != nil {
		return nil, err
	}
	defer d.stop() //nolint:errcheck // the run is over
	var lines []line
	for _, measure := range []func(context.Context, *dev, *pgxpool.Pool) ([]line, error){latency, throughput, timers, memory} {
		got, err := measure(ctx, d, pool)
		if err != nil {
			return nil, err
		}
		lines = append(lines, got...)
	}
	l, err := gate(ctx, d, pool, binary, data, url)
	return append(lines, l), err
}

// gate replays everybody in flight, those who sleep for memory, from Temporal and
// database to the report. Beside it the same histories are read from Temporal and
// nothing is done with them.
func gate(ctx context.Context, d *dev, pool *pgxpool.Pool, binary, data, url string) (line, error) {
	secret, err := os.ReadFile(filepath.Join(data, "secret"))
	if err != nil {
		return line{}, fmt.Errorf("read secret: %w", err)
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, binary, "replay", "--all", "--json")
	cmd.Env = append(os.Environ(), "HOGSEND_ENV=development", "DATABASE_URL="+url, "TEMPORAL_ADDRESS="+d.temporal,
		"HOGSEND_SECRET="+strings.TrimSpace(string(secret)))
	out, err := cmd.Output()
	if err != nil {
		return line{}, fmt.Errorf("replay: %w: %s", err, out)
	}
	took := time.Since(began)
	var report struct{ Totals struct{ Sampled, OK int } }
	if err := json.Unmarshal(out, &report); err != nil {
		return line{}, fmt.Errorf("read report: %w", err)
	}
	if report.Totals.OK != report.Totals.Sampled || report.Totals.OK < sleepers {
		return line{}, fmt.Errorf("%d of %d histories replay", report.Totals.OK, report.Totals.Sampled)
	}
	bare, err := bareHistories(ctx, d, pool)
	if err != nil {
		return line{}, err
	}
	ours := rate(report.Totals.OK, took)
	return line{
		what: "replay gate, histories / bare reads of histories", ours: fmt.Sprintf("%.0f a second", ours),
		limit: fmt.Sprintf("%.0f a second", bare), value: ours / bare, atLeast: 0.10,
	}, nil
}

// bareHistories is how many histories of sleepers Temporal gives in a second.
func bareHistories(ctx context.Context, d *dev, pool *pgxpool.Pool) (float64, error) {
	var ids []string
	if err := pool.QueryRow(ctx, `select array_agg(workflow_id) from enrollments e join contacts c on c.id = e.contact_id
		where e.status = 'waiting' and c.external_id like 'sleeper-%'`).Scan(&ids); err != nil {
		return 0, fmt.Errorf("read workflow ids: %w", err)
	}
	c, err := client.Dial(client.Options{HostPort: d.temporal, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return 0, fmt.Errorf("connect temporal: %w", err)
	}
	defer c.Close()
	took, err := timed(ctx, len(ids), 8, func(ctx context.Context, i int) error {
		for events := c.GetWorkflowHistory(ctx, ids[i], "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			if _, err := events.Next(); err != nil {
				return fmt.Errorf("read history of %s: %w", ids[i], err)
			}
		}
		return nil
	})
	return rate(len(ids), took), err
}

func (d *dev) send(ctx context.Context, name, user string, properties map[string]any) error {
	body, err := json.Marshal(map[string]any{
		"name": name, "userId": user, "email": user + "@example.com", "eventProperties": properties, "idempotencyKey": name + "/" + user,
	})
	if err != nil {
		return err
	}
	return d.api.insist(ctx, "/v1/events", body)
}

// until polls a count in the database; the figures come from stored instants, so
// the polling is in none of them but a throughput's end, by at most its pause.
func until(ctx context.Context, pool *pgxpool.Pool, want int, query string) error {
	for {
		var got int
		if err := pool.QueryRow(ctx, query).Scan(&got); err != nil {
			return err
		}
		if got >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func percentile(sorted []float64, p float64) float64 {
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// latency is the time from the request of an event to its mail, on an idle system.
// Beside it is that of a bare workflow of one activity, from the start to the result.
func latency(ctx context.Context, d *dev, pool *pgxpool.Pool) ([]line, error) {
	c, stop, err := startBare(d)
	if err != nil {
		return nil, err
	}
	defer stop()
	const mails, warm = 200, 10 // the first ones warm up connections and caches
	var took, bare []float64
	for i := range mails {
		user := fmt.Sprintf("latency-%d", i)
		began := time.Now()
		if err := d.send(ctx, "order.completed", user, map[string]any{"amount": 1}); err != nil {
			return nil, err
		}
		if err := until(ctx, pool, i+1, `select count(*) from mailbox where message->>'to' like 'latency-%'`); err != nil {
			return nil, err
		}
		var at time.Time
		if err := pool.QueryRow(ctx, `select created_at from mailbox where message->>'to' = $1`, user+"@example.com").Scan(&at); err != nil {
			return nil, err
		}
		alone := time.Now()
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "latency/" + user, TaskQueue: "bare"}, bareWorkflow)
		if err != nil {
			return nil, fmt.Errorf("start bare workflow: %w", err)
		}
		if err := run.Get(ctx, nil); err != nil {
			return nil, fmt.Errorf("wait for bare workflow: %w", err)
		}
		if i >= warm {
			took = append(took, float64(at.Sub(began).Microseconds())/1000)
			bare = append(bare, float64(time.Since(alone).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	slices.Sort(bare)
	var lines []line
	for _, p := range []struct{ share, most float64 }{{.50, 3}, {.99, 4}} {
		ours, limit := percentile(took, p.share), percentile(bare, p.share)
		lines = append(lines, line{
			what: fmt.Sprintf("event to mail, idle, p%.0f / bare workflow", 100*p.share), ours: fmt.Sprintf("%.1f ms", ours),
			limit: fmt.Sprintf("%.1f ms", limit), value: ours / limit, atMost: p.most,
		})
	}
	return lines, nil
}

// throughput runs journeys of one mail beside bare workflows of one activity on the
// same server, both from start to completion.
func throughput(ctx context.Context, d *dev, pool *pgxpool.Pool) ([]line, error) {
	c, stop, err := startBare(d)
	if err != nil {
		return nil, err
	}
	defer stop()
	const n, conns = 300, 32
	var ratios, ours, bares []float64
	for round := range 3 {
		bare, err := timed(ctx, n, conns, func(ctx context.Context, i int) error {
			run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("bare/%d/%d", round, i), TaskQueue: "bare"}, bareWorkflow)
			if err != nil {
				return err
			}
			return run.Get(ctx, nil)
		})
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := timed(ctx, n, conns, func(ctx context.Context, i int) error {
			return d.send(ctx, "order.completed", fmt.Sprintf("many-%d-%d", round, i), map[string]any{"amount": 1})
		}); err != nil {
			return nil, err
		}
		if err := until(ctx, pool, (round+1)*n, `select count(*) from enrollments e join contacts c on c.id = e.contact_id
			where e.status = 'completed' and c.external_id like 'many-%'`); err != nil {
			return nil, err
		}
		took := time.Since(began)
		ours, bares, ratios = append(ours, rate(n, took)), append(bares, rate(n, bare)), append(ratios, rate(n, took)/rate(n, bare))
	}
	return []line{{
		what: "journeys of one mail / bare one-activity workflows", ours: fmt.Sprintf("%.0f a second", median(ours)),
		limit: fmt.Sprintf("%.0f a second", median(bares)), value: median(ratios), atLeast: 0.70,
	}}, nil
}

const (
	timerCount  = 1000
	timerLead   = 40 * time.Second // from the first start to the first timer
	timerSpread = 10 * time.Second
)

// timers enrolls people whose sleeps end within ten seconds of each other and
// reads from the stored waits how late each was noticed. Beside it as many bare
// workflows sleep and wake in the same way.
func timers(ctx context.Context, d *dev, pool *pgxpool.Pool) ([]line, error) {
	bare, err := bareTimers(ctx, d)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := timed(ctx, timerCount, 32, func(ctx context.Context, i int) error {
		// The journey wakes three days before the end of the trial.
		left := time.Until(began.Add(timerLead + time.Duration(i)*timerSpread/timerCount))
		return d.send(ctx, "trial.started", fmt.Sprintf("timer-%d", i), map[string]any{"trialDays": 3 + left.Hours()/24})
	}); err != nil {
		return nil, err
	}
	const closed = `from waits w join contacts c on c.id = w.contact_id where c.external_id like 'timer-%' and w.closed_at is not null`
	if err := until(ctx, pool, timerCount, `select count(*) `+closed); err != nil {
		return nil, err
	}
	var late []float64
	if err := pool.QueryRow(ctx, `select array_agg(late order by late) from (select extract(epoch from w.closed_at - w.deadline)::float8 as late `+closed+`) l`).Scan(&late); err != nil {
		return nil, err
	}
	var lines []line
	for _, p := range []float64{.50, .99} {
		lines = append(lines, line{
			what: fmt.Sprintf("1,000 sleeps due within 10 s, lateness p%.0f in s", 100*p), ours: fmt.Sprintf("%.2f s, then a mail", percentile(late, p)),
			limit: fmt.Sprintf("%.2f s, then nothing", percentile(bare, p)), value: percentile(late, p),
		})
	}
	return lines, nil
}

// bareTimers is the lateness of bare workflows, in seconds, sorted.
func bareTimers(ctx context.Context, d *dev) ([]float64, error) {
	c, stop, err := startBare(d)
	if err != nil {
		return nil, err
	}
	defer stop()
	began := time.Now()
	runs := make([]client.WorkflowRun, timerCount)
	if _, err := timed(ctx, timerCount, 32, func(ctx context.Context, i int) (err error) {
		due := began.Add(timerLead + time.Duration(i)*timerSpread/timerCount)
		runs[i], err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("timer/%d", i), TaskQueue: "bare"}, bareTimer, due)
		return err
	}); err != nil {
		return nil, err
	}
	var late []float64
	for _, run := range runs {
		var lateness time.Duration
		if err := run.Get(ctx, &lateness); err != nil {
			return nil, err
		}
		late = append(late, lateness.Seconds())
	}
	slices.Sort(late)
	return late, nil
}

const sleepers = 2000

// memory is what sleeping journeys add to the whole process: API, worker and Temporal.
func memory(ctx context.Context, d *dev, pool *pgxpool.Pool) ([]line, error) {
	const n = sleepers
	before, err := residentMB(d.pid)
	if err != nil {
		return nil, err
	}
	if _, err := timed(ctx, n, 32, func(ctx context.Context, i int) error {
		return d.send(ctx, "user.created", fmt.Sprintf("sleeper-%d", i), nil)
	}); err != nil {
		return nil, err
	}
	if err := until(ctx, pool, n, `select count(*) from enrollments e join contacts c on c.id = e.contact_id
		where e.status = 'waiting' and c.external_id like 'sleeper-%'`); err != nil {
		return nil, err
	}
	after, err := residentMB(d.pid)
	if err != nil {
		return nil, err
	}
	grown := (after - before) * 10_000 / n
	return []line{{
		what: "memory per 10,000 sleeping journeys, MB", ours: fmt.Sprintf("%.0f MB (from %d)", grown, n),
		limit: fmt.Sprintf("process %.0f -> %.0f MB", before, after), value: grown,
	}}, nil
}

func residentMB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of process: %w", err)
	}
	for l := range strings.Lines(string(status)) {
		if fields := strings.Fields(l); len(fields) >= 2 && fields[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			return kb / 1024, err
		}
	}
	return 0, errors.New("no VmRSS in process status")
}
