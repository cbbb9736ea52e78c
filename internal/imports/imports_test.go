package imports_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/imports"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

type bundle struct {
	t        *testing.T
	store    *store.Store
	ingester *ingest.Ingester
	importer imports.Importer
}

func setup(t *testing.T, buckets ...hogsend.Bucket) *bundle {
	t.Helper()
	b := &bundle{t: t, store: dbtest.DB(t)}
	b.ingester = ingest.New(b.store, ingest.Config{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(b.ingester.Close)
	b.importer = imports.Importer{Engine: b.ingester.Engine()}
	definitions, err := bucket.DescribeAll(buckets)
	require.NoError(t, err)
	r := rollout.New(b.ingester.Engine())
	require.NoError(t, r.Register(t.Context(), "digest", "build", definitions))
	for done := false; !done; {
		done, _, err = r.Backfill(t.Context())
		require.NoError(t, err)
	}
	return b
}

// take stores a file as the server does.
func (b *bundle) take(kind imports.Kind, format, data string) uuid.UUID {
	b.t.Helper()
	n := imports.New{ID: uuid.Must(uuid.NewV7()), Kind: kind, Format: format, Data: data}
	require.NoError(b.t, b.store.Change(b.t.Context(), func(q *storedb.Queries) error { return n.Insert(b.t.Context(), q, time.Now()) }))
	return n.ID
}

func (b *bundle) bring(kind imports.Kind, format, data string) string {
	b.t.Helper()
	id := b.take(kind, format, data)
	require.NoError(b.t, b.importer.Run(b.t.Context(), id))
	require.NoError(b.t, b.importer.Run(b.t.Context(), id), "once more does nothing")
	return b.state(id)
}

// state is status, rows, rows done, rows failed, errors, and whether the file is still there.
func (b *bundle) state(id uuid.UUID) string {
	return b.rows(`select concat_ws(' ', status, coalesce(total_rows::text, '-'), processed_rows, failed_rows,
		(select string_agg((e->>'row') || ': ' || (e->>'error'), '; ' order by (e->>'row')::int) from jsonb_array_elements(errors) e), case when data is not null then 'file' end)
		from imports where id = $1`, id)[0]
}

func (b *bundle) rows(sql string, args ...any) []string {
	b.t.Helper()
	rows, _ := b.store.Pool.Query(b.t.Context(), sql, args...) // the error is in rows
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.t, err)
	return out
}

const people = `select concat_ws(' ', external_id, email, properties::text) from contacts where deleted_at is null and merged_into is null order by 1`

// O-19 to O-21, I-30, I-54, I-57, I-60.
func TestFilesAndRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, data, state, people string }{
		{"columns become properties, an empty cell sets nothing", "csv", "\ufeffexternalId,email,plan,note\r\nu1,Ada@x.io,pro,\"a,\"\"b\"\"\"\r\n\r\nu2,,,\n", "completed 2 2 0", `u1 Ada@x.io {"note": "a,\"b\"", "plan": "pro"}|u2 {}`},
		{"by address alone", "csv", "email\nx@x.io", "completed 1 1 0", "x@x.io {}"},
		{"later rows win", "csv", "externalId,plan,team\nu,pro,\nu,free,\nu,,red\n", "completed 3 3 0", `u {"plan": "free", "team": "red"}`},
		{"no rows", "csv", "email\n", "completed 0 0 0", ""},
		{"bad rows stop no others", "csv", "externalId,email\n,\nundefined,\nu,x@\nok,\nu,a@x.io,1\n", `completed 5 5 4 1: needs externalId or email; 2: junk_id: "undefined" is no id of a person; 3: email: must be an e-mail address; 5: has 3 columns, the header 2`, "ok {}"},
		{"every row failed", "csv", "externalId\nnull\n", `failed 1 1 1 1: junk_id: "null" is no id of a person`, ""},
		{"quotes that do not end", "csv", "externalId\n\"u\n", "failed - 0 0 0: file record on line 2; parse error on line 3, column 0: extraneous or missing \" in quoted-field", ""},
		{"JSON", "json", `[{"externalId":"u","properties":{"n":1234567890123456789,"gone":null}},{"email":"a@x.io"}]`, "completed 2 2 0", `a@x.io {}|u {"n": 1234567890123456789}`},
		{"JSON rows", "json", `[1,{"externalId":7},{"externalId":"u","properties":[]},{},{"externalId":"v"}]`, "completed 5 5 4 1: must be an object; 2: externalId must be a string; 3: properties must be an object; 4: needs externalId or email", "v {}"},
		{"no array", "json", `{"externalId":"u"}`, "failed - 0 0 0: file is no JSON array: json: cannot unmarshal object into Go value of type []json.RawMessage", ""},
		{"too many properties", "json", `[{"externalId":"u","properties":{"x":"` + strings.Repeat("x", 300_000) + `"}},{"externalId":"v"}]`, "completed 2 2 1 1: contactProperties a contact may have 1,000 properties and 256 KiB of them", "v {}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			state := b.bring(imports.Contacts, c.format, c.data)
			require.Equal(t, c.people, strings.Join(b.rows(people), "|"))
			if !strings.HasPrefix(c.name, "quotes") {
				require.Equal(t, c.state, state)
			}
			require.True(t, strings.HasPrefix(state, strings.SplitN(c.state, " 0:", 2)[0]), state)
			require.Empty(t, b.rows(`select name from events`), "no event of its own")
		})
	}
}

// I-30, I-49: a row with ids of two contacts is its error; a deleted contact is revived.
func TestRowsMergeNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, p := range []ingest.Person{{UserID: "a", Email: "shared@x.io"}, {Email: "lead@x.io"}, {UserID: "gone"}} {
		done, err := b.ingester.Upsert(t.Context(), p)
		require.NoError(t, err)
		if p.UserID == "gone" {
			_, err := b.ingester.Delete(t.Context(), done.ContactID)
			require.NoError(t, err)
		}
	}
	require.Equal(t, "completed 3 3 1 1: its ids are those of two contacts", b.bring(imports.Contacts, "csv", "externalId,email\na,lead@x.io\nb,shared@x.io\ngone,\n"))
	require.Equal(t, []string{"a shared@x.io {}", "b shared@x.io {}", "gone {}", "lead@x.io {}"}, b.rows(people))
}

// W-34, W-35, O-22: buckets are evaluated silently; the same file again moves nobody.
func TestImportsMoveSilently(t *testing.T) {
	t.Parallel()
	b := setup(t, hogsend.Bucket{
		ID: "pros", Name: "Pros", Criteria: hogsend.Prop("plan").Eq("pro"),
		Reactions: []hogsend.Reaction{hogsend.OnEnter(nil), hogsend.OnDwell(hogsend.After(time.Hour), nil)},
	})
	const stays = `select c.external_id || ' ' || m.status || ' ' || m.source || ' ' || coalesce(m.left_reason, '') from memberships m join contacts c on c.id = m.contact_id order by 1, m.epoch`
	file := "externalId,plan\nu,pro\nv,free\n"
	for range 2 {
		require.Equal(t, "completed 2 2 0", b.bring(imports.Contacts, "csv", file))
		require.Equal(t, []string{"u active backfill "}, b.rows(stays))
	}
	require.Equal(t, "completed 2 2 0", b.bring(imports.Contacts, "csv", "externalId,plan\nu,free\nv,free\n"))
	require.Equal(t, []string{"u left backfill import"}, b.rows(stays))
	require.Empty(t, b.rows(`select name from events`))
	require.Empty(t, b.rows(`select journey_id from enrollments`))
	require.Equal(t, []string{"dwell"}, b.rows(`select distinct kind from outbox where kind = 'dwell'`), "dwell is armed")
}

// O-21, O-22: killed in the middle, an import goes on behind its last batch; two at once do
// each row once.
func TestAnImportGoesOnWhereItWasLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var file strings.Builder
	file.WriteString("externalId,n\n")
	for n := range 1700 {
		fmt.Fprintf(&file, "u%d,%d\n", n, n)
	}
	id := b.take(imports.Contacts, "csv", file.String())
	ctx, kill := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for b.rows(`select (processed_rows >= 500)::text from imports`)[0] != "true" {
		}
		kill()
	})
	_ = b.importer.Run(ctx, id) // it may also have been the end
	all.Wait()
	for range 3 {
		all.Go(func() {
			if err := b.importer.Run(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, "completed 1700 1700 0", b.state(id))
	require.Equal(t, []string{"1700 1700"}, b.rows(`select count(*) || ' ' || count(distinct external_id) from contacts where properties->>'n' = substr(external_id, 2)`))
}

// R-100, E-65, W-36: addresses are suppressed without a contact; a stronger reason stays.
func TestSuppressionsAreImported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, "completed 5 5 2 3: email must be an e-mail address; 4: reason must be import, manual, bounce or complaint",
		b.bring(imports.Suppressions, "csv", "email,reason\nAda@x.io,\nb@x.io,complaint\nno,\nc@x.io,spam\nADA@x.io,bounce\n"))
	require.Equal(t, "completed 2 2 0", b.bring(imports.Suppressions, "json", `[{"email":"b@x.io"},{"email":"d@x.io","reason":"manual"}]`))
	require.Equal(t, []string{"ada@x.io true bounce", "b@x.io true complaint", "d@x.io true manual"}, b.rows(`select email_key || ' ' || suppressed || ' ' || suppression_reason from preferences order by 1`))
	require.Empty(t, b.rows(`select name from events`))
}

// O-19: what is wrong with a header is told before anything is stored.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind       imports.Kind
		data, want string
	}{
		{imports.Contacts, "externalId", ""},
		{imports.Contacts, "plan\nx", "header needs a column externalId or email"},
		{imports.Suppressions, "externalId\nx", "header needs a column email"},
		{imports.Contacts, "", "has no header"},
		{imports.Contacts, "email,email", "column email is there twice"},
		{imports.Contacts, "email,,x", "column 2 has no name"},
		{imports.Contacts, "e\x00m\x00", "is UTF-16; send UTF-8"},
	} {
		err := imports.Check(c.kind, "csv", c.data)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.want)
	}
}
