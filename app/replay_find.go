package app

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/replay"
)

// gatePage is how many people in flight are looked up at once.
const gatePage = 500

// timerNode is where a member stands whom no enrollment knows yet: before the timer of
// a dwell reaction.
const timerNode = "timer"

// find sends the samples of everybody in flight and counts all of them.
func (g *gate) find(ctx context.Context, send func(sample) error) error {
	if err := g.findEnrollments(ctx, send); err != nil {
		return err
	}
	return g.findTimers(ctx, send)
}

// stratum changes one under the lock.
func (g *gate) stratum(journey, version, node string, change func(*replay.Stratum)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g.report.Stratum(journey, version, node))
}

func (g *gate) findEnrollments(ctx context.Context, send func(sample) error) error {
	if g.flags.all {
		return g.findAll(ctx, send)
	}
	rows, err := g.store.GateSample(ctx, g.ids, int64(g.flags.sample))
	if err != nil {
		return fmt.Errorf("find people in flight: %w", err)
	}
	for _, row := range rows {
		g.stratum(row.JourneyID, row.Version, row.Node, func(s *replay.Stratum) { s.Open = row.Total })
		if err := send(sample{journey: row.JourneyID, version: row.Version, node: row.Node, id: row.WorkflowID, enrollment: row.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (g *gate) findAll(ctx context.Context, send func(sample) error) error {
	for after := uuid.Nil; ; {
		rows, err := g.store.GateList(ctx, after, g.ids, gatePage)
		if err != nil {
			return fmt.Errorf("find people in flight: %w", err)
		}
		for _, row := range rows {
			g.stratum(row.JourneyID, row.Version, row.Node, func(s *replay.Stratum) { s.Open++ })
			if err := send(sample{journey: row.JourneyID, version: row.Version, node: row.Node, id: row.WorkflowID, enrollment: row.ID}); err != nil {
				return err
			}
			after = row.ID
		}
		if len(rows) < gatePage {
			return nil
		}
	}
}

// findTimers finds the timers of dwell reactions. Only Temporal knows them, until they
// fire: then the workflow runs an enrollment, and is found as one.
func (g *gate) findTimers(ctx context.Context, send func(sample) error) error {
	var dwells, others []string
	for _, j := range definition.Reactions(g.program.Registry) {
		if j.Reaction.Kind == hogsend.ReactionDwell {
			dwells = append(dwells, j.ID)
		}
		others = append(others, quoted(j.ID))
	}
	for _, kind := range dwells {
		if len(g.ids) == 0 || slices.Contains(g.ids, kind) {
			if err := g.findTimersOf(ctx, "WorkflowType = "+quoted(kind), send); err != nil {
				return err
			}
		}
	}
	// Timers of reactions that are not in this binary.
	unknown := `WorkflowType STARTS_WITH "bucket-"`
	if len(others) > 0 {
		unknown += " AND WorkflowType NOT IN (" + strings.Join(others, ", ") + ")"
	}
	if len(g.ids) > 0 {
		unknown += " AND WorkflowType = " + quoted(g.ids[0])
	}
	return g.findTimersOf(ctx, unknown, send)
}

// quoted is an id in a query to Temporal. Ids have no quotes (J-2).
func quoted(id string) string { return `"` + id + `"` }

func (g *gate) findTimersOf(ctx context.Context, which string, send func(sample) error) error {
	query := fmt.Sprintf("%s AND TaskQueue = %s AND ExecutionStatus = \"Running\"", which, quoted(g.queue))
	limit := int64(g.flags.sample)
	if g.flags.all {
		limit = math.MaxInt64
	}
	sent := map[string]int64{} // by type; a type that is not in the binary may be one of many
	var token []byte
	for {
		page, err := g.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: gatePage, NextPageToken: token})
		if err != nil {
			return fmt.Errorf("find dwell timers: %w", err)
		}
		timers, err := g.timers(ctx, page)
		if err != nil {
			return err
		}
		for _, id := range timers {
			kind, _, _ := strings.Cut(id, "/")
			g.stratum(kind, "", timerNode, func(s *replay.Stratum) { s.Open++ })
			if sent[kind]++; sent[kind] > limit {
				continue
			}
			if err := send(sample{journey: kind, node: timerNode, id: id}); err != nil {
				return err
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// timers are the workflows of a page that do not run an enrollment.
func (g *gate) timers(ctx context.Context, page *workflowservice.ListWorkflowExecutionsResponse) ([]string, error) {
	var ids []string
	var contacts []uuid.UUID
	for _, e := range page.GetExecutions() {
		id := e.GetExecution().GetWorkflowId()
		ids = append(ids, id)
		if parts := strings.Split(id, "/"); len(parts) > 1 {
			if contact, err := uuid.Parse(parts[1]); err == nil {
				contacts = append(contacts, contact)
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	runs, err := g.store.GateRuns(ctx, contacts, ids)
	if err != nil {
		return nil, fmt.Errorf("find runs of dwell reactions: %w", err)
	}
	return slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(runs, id) }), nil
}
