package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
)

// query is one generated statement.
type query struct {
	name, sql string
	params    int
}

var (
	queryPattern = regexp.MustCompile("(?s)const \\w+ = `-- name: (\\w+) :\\w+\n(.*?)`")
	paramPattern = regexp.MustCompile(`\$(\d+)`)
)

// queries are all statements of the product, as they are sent.
func queries(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob("storedb/*.sql.go")
	require.NoError(t, err)
	var all []query
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range queryPattern.FindAllStringSubmatch(string(body), -1) {
			q := query{name: m[1], sql: m[2]}
			for _, p := range paramPattern.FindAllStringSubmatch(q.sql, -1) {
				n, err := strconv.Atoi(p[1])
				require.NoError(t, err)
				q.params = max(q.params, n)
			}
			all = append(all, q)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// large are the tables that grow with people and events.
var large = []string{
	"contacts", "contact_keys", "events", "event_keys", "enrollments", "waits", "decisions", "step_logs",
	"once_values", "preferences", "sends", "mailbox", "tracked_links", "hits", "outbox", "campaign_recipients", "paused_effects", "digests", "digested", "memberships",
}

// scans are the statements that read a whole table because that is what is asked for.
var scans = map[string]string{
	"AdminContactsList":  "all are listed, or a substring is searched for: that has an index where pg_trgm is to be had",
	"AdminContactsCount": "all are counted, or a substring is searched for",
	"AdminOutboxCount":   "all delivered rows are counted, when they are asked for",
}

// sendLists are the statements of lists of mails, which are made at run time: each filter
// alone, in each order, and all of them.
func sendLists() []query {
	now, id := time.Now(), uuid.New()
	filters := map[string]store.ListSendsParams{
		"none": {}, "address": {EmailKey: "a@b.example"}, "contact": {ContactID: &id}, "template": {TemplateKey: "t"}, "journey": {JourneyIDs: []string{"j"}},
		"category": {Category: "c"}, "campaign": {CampaignID: &id}, "status": {Status: contract.SendFailed}, "range": {Since: &now, Until: &now},
		"opened": {Engagement: store.WasOpened}, "clicked": {Engagement: store.WasClicked}, "bounced": {Engagement: store.WasBounced}, "complained": {Engagement: store.WasComplained},
		"all": {EmailKey: "a@b.example", ContactID: &id, TemplateKey: "t", JourneyIDs: []string{"j"}, Category: "c", Status: contract.SendSent, Since: &now, Until: &now, Engagement: store.WasOpened},
	}
	var all []query
	for name, p := range filters {
		for _, sort := range []store.SendSort{store.SortCreated, store.SortSent, store.SortOpened, store.SortClicked} {
			for _, p.Ascending = range []bool{false, true} {
				p.Sort = sort
				list, count, args := p.Statements()
				all = append(all,
					query{name: fmt.Sprint("ListSends ", name, sort, p.Ascending), sql: list, params: len(args) + 2},
					query{name: fmt.Sprint("CountSends ", name, sort, p.Ascending), sql: count, params: len(args)})
			}
		}
	}
	return all
}

// I-7, invariant 7: no statement needs to read a large table whole. Sequential scans
// are forbidden to the planner, so it takes one only where no index serves.
func TestEveryStatementIsServedByAnIndex(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	conn, err := s.Pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "set enable_seqscan = off; set plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	for _, q := range append(queries(t), sendLists()...) {
		_, err := conn.Exec(t.Context(), fmt.Sprintf("prepare %q as %s", q.name, q.sql))
		require.NoError(t, err, q.name)
		execute := fmt.Sprintf("explain execute %q", q.name)
		if q.params > 0 {
			execute += "(" + strings.TrimSuffix(strings.Repeat("null,", q.params), ",") + ")"
		}
		rows, err := conn.Query(t.Context(), execute)
		require.NoError(t, err, q.name)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err, q.name)
		for _, line := range plan {
			for _, table := range large {
				if !strings.Contains(line, "Seq Scan on "+table+" ") {
					continue
				}
				if _, meant := scans[q.name]; !meant {
					t.Errorf("%s: no index serves it:\n%s", q.name, strings.Join(plan, "\n"))
				}
			}
		}
	}
}
