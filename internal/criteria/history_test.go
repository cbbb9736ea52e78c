package criteria_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
)

// noon is the instant at which histories are looked at if nothing else is said.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// happened is an event; its place in the history is the order of reception.
type happened struct {
	name string
	at   time.Time
	// properties are JSON; "" is {}.
	properties string
}

func (h happened) object() string {
	if h.properties == "" {
		return "{}"
	}
	return h.properties
}

// mail is a send; sent is zero for one that never left.
type mail struct {
	template string
	sent     time.Time
	opened   bool
	clicked  bool
}

// history is all that criteria can see of a contact.
type history struct {
	events     []happened
	mails      []mail
	properties string // JSON; "" is {}
}

// instance is a contact at an instant.
type instance struct {
	contact uuid.UUID
	history history
	now     time.Time
}

// at is a contact that is looked at with all it has at noon.
func (h history) at(contact uuid.UUID) instance {
	return instance{contact: contact, history: h, now: noon}
}

// database is where histories are kept.
type database struct{ *store.Store }

func newDatabase(t *testing.T) database { return database{dbtest.DB(t)} }

// keep stores histories and returns their contacts.
func (db database) keep(t require.TestingT, histories ...history) []uuid.UUID {
	ctx, contacts := contextOf(t), make([]uuid.UUID, len(histories))
	var batch pgx.Batch
	for i, h := range histories {
		contacts[i] = uuid.New()
		for _, e := range h.events {
			batch.Queue(`insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
				values ($1, $2, $3, $5, 'api', $4, $4)`, uuid.New(), contacts[i], e.name, e.at, e.object())
		}
		for _, m := range h.mails {
			status, at := "sent", &m.sent
			if m.sent.IsZero() {
				status, at = "skipped", nil
			}
			batch.Queue(`insert into sends (id, key, contact_id, template_key, status, sent_at, opened_at, clicked_at, created_at, updated_at)
				values ($1, $2, $3, $4, $5, $6, case when $7 then $8::timestamptz end, case when $9 then $8::timestamptz end, $8, $8)`,
				uuid.New(), uuid.NewString(), contacts[i], m.template, status, at, m.opened, noon, m.clicked)
		}
	}
	require.NoError(t, db.Pool.SendBatch(ctx, &batch).Close())
	return contacts
}

// matches evaluates a tree for all instances in one statement. What it says, memory says
// too: in every test of this package (C-22).
func (db database) matches(t require.TestingT, tree hogsend.Condition, instances ...instance) []bool {
	contacts, instants := make([]uuid.UUID, len(instances)), make([]time.Time, len(instances))
	properties := make([]string, len(instances))
	for i, in := range instances {
		contacts[i], instants[i], properties[i] = in.contact, in.now, in.history.properties
		if properties[i] == "" {
			properties[i] = `{}`
		}
	}
	const over = ` from unnest($1::uuid[], $2::timestamptz[], $3::jsonb[]) with ordinality w (contact_id, now, properties, place) order by place`
	p := criteria.Compile(tree, 4)
	rows, err := db.Pool.Query(contextOf(t), `select `+p.SQL+over, append([]any{contacts, instants, properties}, p.Args...)...)
	require.NoError(t, err)
	// A null cannot be scanned into a bool: every tree is true or false (C-1).
	answers, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	require.NoError(t, err, "%s", p.SQL)
	for i, in := range instances {
		require.Equal(t, answers[i], in.history.inMemory(t).Holds(tree, in.now), "SQL and memory differ at %s: %+v", in.now, tree)
	}
	return answers
}

// inMemory is the history as it is kept in memory.
func (h history) inMemory(t require.TestingT) *criteria.History {
	values, err := criteria.ParseValues(json.RawMessage(h.properties))
	require.NoError(t, err)
	kept, newest := &criteria.History{Properties: values, Mails: map[string]criteria.Mail{}}, map[string]time.Time{}
	for _, e := range h.events {
		own, err := criteria.ParseValues(json.RawMessage(e.object()))
		require.NoError(t, err)
		kept.Add(e.name, e.at, own)
	}
	for _, m := range h.mails {
		if m.sent.After(newest[m.template]) {
			kept.Mails[m.template], newest[m.template] = criteria.Mail{Opened: m.opened, Clicked: m.clicked}, m.sent
		}
	}
	return kept
}

// holds is what a tree says of one history at noon.
func (db database) holds(t *testing.T, tree hogsend.Condition, h history) bool {
	t.Helper()
	return db.matches(t, tree, h.at(db.keep(t, h)[0]))[0]
}

// ago is events of a name that long before noon.
func ago(name string, ages ...time.Duration) (events []happened) {
	for _, age := range ages {
		events = append(events, happened{name: name, at: noon.Add(-age)})
	}
	return events
}

func properties(format string, args ...any) history {
	return history{properties: fmt.Sprintf(format, args...)}
}

func marshaled(t require.TestingT, tree hogsend.Condition) json.RawMessage {
	raw, err := criteria.MarshalTree(tree)
	require.NoError(t, err)
	return raw
}
