package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/sender"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
)

// finding is one line of doctor's report.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	// Publish are records of the DNS that are missing.
	Publish []sender.Record `json:"publish,omitempty"`
}

func (p *program) doctorCommand() *cobra.Command {
	var asJSON bool
	var selectors []string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check configuration, database, Temporal, workers, outbox and the sender's domain", Args: cobra.NoArgs,
		Long: `Checks an installation: that of the environment, or the hogsend dev that runs here if
DATABASE_URL is not set, or the one of --data. Without TEMPORAL_ADDRESS it looks for Temporal
at localhost:7233, where standalone runs it.

Where mails leave, it asks the DNS what the domain of EMAIL_FROM has: SPF, DKIM, DMARC, the return
path (Resend), mail to it; and prints the records to publish where something is missing.

Exit code 0: all is well. 1: something is not; the lines say what.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := p.examine(cmd.Context(), selectors)
			if asJSON {
				if err := json.NewEncoder(p.Stdout).Encode(map[string]any{"findings": findings}); err != nil {
					return fmt.Errorf("print findings: %w", err)
				}
			} else {
				for _, f := range findings {
					mark := "ok  "
					if !f.OK {
						mark = "FAIL"
					}
					printLine(p.Stdout, "%s  %-18s %s\n", mark, f.Check, oneLine(f.Detail))
					for _, r := range f.Publish {
						printLine(p.Stdout, "      publish            %s  %s  %s\n", r.Name, r.Type, r.Value)
					}
				}
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return !f.OK }) {
				return reportedError{errors.New("something is wrong")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().StringArrayVar(&selectors, "dkim", nil, "selector of a DKIM key, besides the usual ones; may be repeated")
	p.onInstallation(cmd)
	return cmd
}

// probeTimeout bounds each check.
const probeTimeout = 5 * time.Second

// examine makes every check it can; one that fails does not hide the others (O-33).
func (p *program) examine(ctx context.Context, selectors []string) []finding {
	var findings []finding
	note := func(check, detail string, err error) {
		f := finding{Check: check, OK: err == nil, Detail: detail}
		if err != nil {
			f.Detail = err.Error()
		}
		findings = append(findings, f)
	}
	registry, _, err := checkRegistry(p.Options)
	note("registry", fmt.Sprintf("%d journeys, %d templates", len(registry.Journeys), len(registry.Templates)), err)
	cfg, err := p.load(config.Needs{Service: true})
	note("configuration", string(cfg.Environment)+", "+p.where(), err)
	if cfg.EmailProvider == "mailbox" && cfg.Environment == config.Production {
		note("provider", "", errors.New("mails go to the mailbox and never leave; set RESEND_API_KEY or SMTP_URL"))
	} else {
		note("provider", cfg.EmailProvider, nil)
	}
	note("test mode", examineTestMode(ctx, cfg), nil)
	findings = append(findings, p.examineSender(ctx, cfg, selectors)...)
	if cfg.PostHogAPIKey == "" {
		note("posthog", "off, for want of POSTHOG_API_KEY", nil)
	} else {
		note("posthog", cfg.PostHogHost, answers(ctx, cfg.PostHogHost))
	}
	examineSources(cfg, registry, note)
	examineDestinations(ctx, cfg, registry, note)
	note("public url", cfg.PublicURL, reachable(ctx, cfg.PublicURL+"/v1/health/live"))
	p.examineDatabase(ctx, cfg, registry, note)
	p.examineTemporal(ctx, cfg, note)
	return findings
}

// examineTestMode says where mails go; what cannot be found out is said, too (E-42).
func examineTestMode(ctx context.Context, cfg config.Config) string {
	mode, err := newTestMode(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return "off, " + err.Error()
	}
	mode.Ask(ctx)
	return mode.String()
}

// where says which installation a command works on.
func (p *program) where() string {
	if p.here != nil {
		return "of the hogsend dev on " + p.here.folder
	}
	return "of the environment"
}

func (p *program) examineDatabase(ctx context.Context, cfg config.Config, registry hogsend.Registry, note func(string, string, error)) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	s, err := store.Open(ctx, store.Config{URL: cfg.DatabaseURL, MaxConns: 2})
	if err != nil {
		note("database", "", err)
		return
	}
	defer s.Close()
	status, err := schema.Check(ctx, s.Pool)
	if err != nil {
		note("database", "", err)
		return
	}
	note("database", "answers", nil)
	if !status.InSync() {
		err = fmt.Errorf("behind this build, run `hogsend migrate` (pending: %v)", status.Pending)
	}
	note("schema", status.Applied, err)
	if err != nil {
		return
	}
	var pending, dead, workers, strangers int
	var lag float64
	err = s.Pool.QueryRow(ctx, `select
		(select count(*) from outbox where status = 'pending'),
		(select coalesce(extract(epoch from now() - min(created_at)), 0) from outbox where status = 'pending' and (destination = 'temporal' or attempts = 0)),
		(select count(*) from dead_letters where status = 'pending'),
		(select count(*) from worker_heartbeats where last_seen_at > now() - interval '30 seconds'),
		(select count(*) from worker_heartbeats where last_seen_at > now() - interval '30 seconds' and registry_digest <> $1)`,
		definition.Digest(registry)).Scan(&pending, &lag, &dead, &workers, &strangers)
	if err != nil {
		note("outbox", "", err)
		return
	}
	note("outbox", fmt.Sprintf("%d pending, oldest %.1f s", pending, lag), when(lag > 60, "the oldest undelivered row is %.0f s old", lag))
	note("dead letters", "none", when(dead > 0, "%d wait for a decision", dead))
	note("workers", fmt.Sprintf("%d up", workers), when(workers == 0, "none is up"))
	note("registry digest", "the same everywhere", when(strangers > 0, "%d workers run another registry", strangers))
	examineZones(ctx, s, time.Now(), note)
	examineJourneys(ctx, s, p.index(), note)
}

func when(bad bool, format string, args ...any) error {
	if !bad {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func (p *program) examineTemporal(ctx context.Context, cfg config.Config, note func(string, string, error)) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c, err := lazyTemporal(cfg, newLogger(discard{}, cfg))
	if err != nil {
		note("temporal", "", err)
		return
	}
	defer c.Close()
	if err := checkTemporal(ctx, c); err != nil {
		note("temporal", "", err)
		return
	}
	note("temporal", cfg.TemporalAddress, nil)
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: cfg.TemporalNamespace})
	note("namespace", cfg.TemporalNamespace, err)
	note("search attributes", "registered", searchAttributes(ctx, c, cfg.TemporalNamespace))
	queue, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: cfg.TemporalNamespace, TaskQueue: &taskqueue.TaskQueue{Name: cfg.TemporalTaskQueue}, TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW,
	})
	if err == nil && len(queue.GetPollers()) == 0 {
		err = fmt.Errorf("nobody polls %s", cfg.TemporalTaskQueue)
	}
	note("task queue", fmt.Sprintf("%s, %d pollers", cfg.TemporalTaskQueue, len(queue.GetPollers())), err)
}

func searchAttributes(ctx context.Context, c client.Client, namespace string) error {
	list, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	for _, name := range []string{contract.AttributeJourney, contract.AttributeContact, contract.AttributeBucket} {
		if _, ok := list.GetCustomAttributes()[name]; !ok {
			return fmt.Errorf("%s is missing; run: temporal operator search-attribute create --name %s --type Keyword", name, name)
		}
	}
	return nil
}

func reachable(ctx context.Context, url string) error {
	status, err := probe(ctx, url)
	if err != nil {
		return err
	}
	return when(status != http.StatusOK, "answers %d", status)
}

// answers reports whether there is somebody, whatever the page says.
func answers(ctx context.Context, url string) error {
	_, err := probe(ctx, url)
	return err
}

func probe(ctx context.Context, url string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	res, err := (&http.Client{Timeout: probeTimeout}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("not reachable from here: %w", err)
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}

// discard takes log lines that would only repeat a finding.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// oneLine is a text of several lines, such as problems under a heading, in one.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.ReplaceAll(strings.Join(lines, "; "), ":; ", ": ")
}
