package tests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/hogsend/hogsend/internal/contract"
)

// holds lists the tables of a database in which the text stands anywhere, as Postgres spells
// their rows; bytes are looked at as they are and as hex.
func (s *single) holds(database, text string) []string {
	s.t.Helper()
	c, err := pgx.Connect(s.t.Context(), s.urlOf(database))
	require.NoError(s.t, err)
	defer c.Close(s.t.Context())
	rows, err := c.Query(s.t.Context(), `select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`)
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	var found []string
	for _, table := range tables {
		var n int
		require.NoError(s.t, c.QueryRow(s.t.Context(), `select count(*) from `+table+` t where t::text ilike '%' || $1 || '%' or t::text like '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%'`, text).Scan(&n))
		if n > 0 {
			found = append(found, table)
		}
	}
	return found
}

// I-51: an erasure reaches Temporal too: it knows no workflow of the contact any more, asleep
// or over, and nothing that was planted stands in any table of any of the three databases.
// Others keep theirs, and who comes again begins anew.
func TestAnErasureReachesTemporal(t *testing.T) {
	t.Parallel()
	s := newSingle(t, newFakeResend(t), func(*single) {})
	planted := []string{"planted-user", "planted-mail", "planted-name", "planted-prop", "planted-browser", "planted-note"}
	plant := func() {
		s.mustPost(event{
			Name: "user.created", UserID: "planted-user", Email: "planted-mail@example.com", ContactProperties: map[string]any{"name": "planted-name", "note": "planted-note"},
			Properties: map[string]any{"text": "planted-prop", "from": "planted-browser"},
		})
	}
	plant()
	s.mustPost(event{Name: "user.created", UserID: "bob", Email: "bob@example.com"})
	const asleep = `select count(*) from enrollments where status = 'waiting' and node = 'wait-event:feature.used'`
	s.eventually(2, asleep)
	s.mustPost(event{Name: "feature.used", UserID: "planted-user"}) // one workflow is over
	s.eventually(1, asleep)
	var id, bob uuid.UUID
	require.NoError(t, s.pool.QueryRow(t.Context(), `select (select contact_id from contact_keys where key = 'planted-user'), (select contact_id from contact_keys where key = 'bob')`).Scan(&id, &bob))
	temporal := s.databases()[0]
	s.until("temporal does not know the contact", func() bool {
		return len(s.holds(temporal, id.String())) > 0 && len(s.holds(s.databases()[1], id.String())) > 0
	})
	require.NotEmpty(t, s.holds(s.databases()[2], "planted-name"), "what looks for it finds it")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.apiURL+"/v1/admin/contacts/planted-user/erase", strings.NewReader(`{}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)

	s.eventually(0, `select count(*) from outbox where kind = 'forget' and status = 'pending'`)
	s.eventually(0, `select count(*) from dead_letters`)
	listed := func(contact uuid.UUID) int {
		found, err := s.client().ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: contract.AttributeContact + ` = "` + contact.String() + `"`})
		require.NoError(t, err)
		return len(found.GetExecutions())
	}
	require.Zero(t, listed(id))
	require.Equal(t, 1, listed(bob))
	for _, database := range s.databases() {
		for _, word := range planted {
			require.Empty(t, s.holds(database, word), "%s: %s", database, word)
		}
	}
	visibility := s.databases()[1]
	require.Empty(t, s.holds(visibility, id.String()), "nothing that is listed has its id")
	require.NotEmpty(t, s.holds(visibility, bob.String()))
	plant()
	s.eventually(1, `select count(*) from enrollments e join contact_keys k on k.contact_id = e.contact_id where k.key = 'planted-user' and e.status = 'waiting'`)
}
