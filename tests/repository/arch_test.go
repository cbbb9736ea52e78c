package repository

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	modulePath = "github.com/hogsend/hogsend"
	root       = "../.."
)

// rule says what a package may import. Ours are named "./folder" ("." is the
// root package), others by their path, both with what is below when they end in
// "/...". The standard library is allowed but for what never names.
type rule struct {
	may, never []string
	// except are packages of ours that the row allows and that may what never names.
	except []string
}

// anything marks the packages that know everything.
const anything = "..."

// ban is a rule that no row bends: it holds where anything is allowed as well, and
// for a row that was widened by mistake.
type ban struct {
	from, to, except []string
	why              string
}

// bans are the lines after the table of DESIGN §2. They hold for what a package imports
// and for what it reaches by way of our own packages. What others bring does not count:
// Temporal's SDK, which a workflow cannot do without, imports net/http itself.
func bans() []ban {
	return []ban{
		{
			from: []string{"./workflows/...", "./internal/contract", "./internal/decide/..."},
			to:   []string{"./internal/store/...", "./internal/ingest/...", "github.com/jackc/pgx/...", "database/...", "net", "net/http/...", "os/..."},
			why:  "a workflow is replayed: what has an effect is an activity",
		},
		{from: []string{"./server/..."}, to: []string{"./activities/...", "./worker/..."}, why: "the server writes rows, workers act on them"},
		{from: []string{"./worker/..."}, to: []string{"./server/..."}, why: "a worker runs without a server"},
		{
			from: []string{"./internal/store/..."}, to: []string{"github.com/labstack/...", "go.temporal.io/..."}, except: []string{"."},
			why: "the store is SQL, and knows neither HTTP nor Temporal",
		},
		{from: []string{"."}, to: []string{"./..."}, except: []string{"./internal/condition", "./internal/naming", "./internal/zone"}, why: "what authors read stands alone"},
		{from: []string{"."}, to: []string{"go.temporal.io/..."}, except: []string{"go.temporal.io/sdk/workflow"}, why: "authors see a workflow's context and no more of Temporal"},
		{
			from: []string{"./hogsendtest", "./hogsendtest/internal/...", "./internal/virtual"},
			to:   []string{"./activities/...", "./internal/ingest/...", "./internal/engine/...", "./internal/store/...", "./hogsendtest/onpostgres", "github.com/jackc/pgx/..."},
			why:  "a test that stays in memory needs no database",
		},
		{from: []string{"./internal/provider/..."}, to: []string{"./internal/store/..."}, why: "a provider delivers what it is given"},
		{
			from: []string{anything}, to: []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/..."}, except: []string{"./standalone"},
			why: "only standalone embeds Temporal's servers",
		},
		// Stricter than need be for app, which is handed standalone.Embedded by a main.
		{
			from: []string{anything}, to: []string{"./standalone"}, except: []string{"./cmd/...", "./tests/..."},
			why: "only a main chooses to embed, so that a lean build can leave it out",
		},
		{
			from: []string{anything}, to: []string{"go.opentelemetry.io/...", "go.temporal.io/sdk/contrib/opentelemetry"}, except: []string{"./app", "./internal/tracing", "./tests/bench"},
			why: "only the program traces, so that a library user inherits nothing of it",
		},
		{from: []string{anything}, to: []string{"./vet"}, except: []string{"./cmd/..."}, why: "a main chooses to check source code"},
		{from: []string{anything}, to: []string{"golang.org/x/tools/..."}, except: []string{"./vet", "./cmd/..."}, why: "the product does without source code"},
	}
}

// noIO keeps a package from the world outside.
func noIO() []string {
	return []string{"net", "net/http/...", "os/...", "database/...", "syscall", "plugin"}
}

// importTable is the table of DESIGN §2. internal/contract is there for everybody:
// names, types, states and reasons that several packages spell. Where a row is wider
// than the design's otherwise, its comment says why.
func importTable() map[string]rule {
	const (
		clip     = "./internal/clip"
		contract = "./internal/contract"
		uuid     = "github.com/google/uuid"
		cascade  = "./internal/decide/cascade"
		steps    = "./internal/decide/steps"
		storedb  = "./internal/store/storedb"
		pgx      = "github.com/jackc/pgx/v5/..."
		api      = "go.temporal.io/api/..."
	)
	return map[string]rule{
		// What authors' definitions are checked with, which knows nothing of the rest: kept
		// apart so that the rest can use it without the root showing it to authors.
		".":                     {may: []string{"./internal/condition", "./internal/naming", "./internal/zone", "go.temporal.io/sdk/workflow"}, never: noIO()},
		"./internal/condition":  {may: []string{"./internal/naming", "./internal/zone"}, never: noIO()},
		"./internal/naming":     {never: noIO()},
		"./internal/zone":       {never: noIO()},
		clip:                    {never: noIO()},
		contract:                {may: []string{".", clip, "./internal/criteria", uuid}, never: noIO()},
		"./internal/definition": {may: []string{".", "./internal/condition", contract, "./internal/naming", "./internal/zone"}, never: noIO()},
		"./internal/registry":   {may: []string{".", "./internal/criteria", "./internal/definition"}, never: noIO()},
		"./internal/criteria":   {may: []string{"./internal/zone", "./internal/condition", "./internal/naming"}, never: noIO()},
		"./internal/bucket":     {may: []string{".", contract, "./internal/definition", "./internal/criteria", uuid}, never: noIO()},
		// Domains by IDNA, letters by their normal form.
		"./internal/address":  {may: []string{"golang.org/x/net/idna", "golang.org/x/text/unicode/norm"}, never: noIO()},
		"./internal/webhook":  {may: []string{"."}, never: noIO()},
		"./internal/tracking": {may: []string{uuid, "golang.org/x/net/html"}, never: noIO()},
		// Rules are evaluated in the transaction that fires them: pgx.
		"./internal/alert":         {may: []string{".", "./internal/store", storedb, "github.com/jackc/pgx/v5", uuid}, never: []string{"net/http/...", "os/..."}},
		"./internal/alert/courier": {may: []string{".", "./internal/address", "./internal/alert", clip, "./internal/email", "./internal/outbound", "./internal/seal", "./internal/store", "./internal/webhook", uuid}},
		"./internal/outbound":      {},
		"./internal/seal":          {never: noIO()},
		"./internal/encoding":      {never: noIO()},
		"./internal/front":         {},
		"./internal/traceparent":   {never: noIO()},
		// It asks the API's routes and knows nothing else of the product.
		"./internal/assistant": {may: []string{"github.com/modelcontextprotocol/go-sdk/mcp"}, never: []string{"net", "os/...", "database/..."}},
		"./internal/tracing": {may: []string{
			"./internal/email", "./internal/outbox", "./internal/traceparent", "go.opentelemetry.io/otel/...", "go.temporal.io/sdk/contrib/opentelemetry", "go.temporal.io/sdk/interceptor",
		}},
		// It measures whoever works: what each tells has a type of theirs.
		"./internal/metrics": {may: []string{
			"./internal/clock", contract, steps, "./internal/email", "./internal/engine", "./internal/outbox", "./internal/store", storedb, "github.com/prometheus/client_golang/...", "go.temporal.io/sdk/client",
		}},
		"./internal/config": {may: []string{".", "./internal/address", "./internal/naming", "./internal/provider/smtp", "./internal/webhook"}}, // what a time zone is, a mailbox, an id, a server's address, a secret
		"./schema":          {may: []string{pgx, "github.com/pressly/goose/v3/..."}},
		// The columns of states, reasons and kinds have their types.
		storedb:            {may: []string{contract, pgx, uuid}},
		"./internal/store": {may: []string{".", "./internal/address", contract, "./internal/criteria", "./schema", storedb, pgx, uuid}},
		// The statements' parameter types are sqlc's, here and below: wrapping each of
		// them a second time would say nothing new. The predicates of buckets are made at
		// run time, so that their rows are read by pgx.
		"./internal/engine": {may: []string{
			".", "./internal/bucket", contract, "./internal/criteria", "./internal/decide", cascade, steps, "./internal/engine/dates", "./internal/engine/effects", "./internal/engine/tree", "./internal/registry", "./internal/store", storedb, "./internal/traceparent", pgx, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/engine/effects": {may: []string{"./internal/bucket", contract, "./internal/decide", steps, storedb, uuid}, never: []string{"net/http/...", "os/..."}},
		"./internal/engine/dates":   {may: []string{".", steps, storedb, uuid}, never: []string{"net/http/...", "os/..."}},
		"./internal/engine/tree":    {may: []string{".", "./internal/condition", "./internal/criteria", "./internal/store", pgx, uuid}, never: []string{"net/http/...", "os/..."}},
		// Preferences are written in a transaction of their own, whose type is pgx's.
		"./internal/ingest": {may: []string{
			".", "./internal/address", clip, contract, "./internal/decide", cascade, "./internal/decide/check", "./internal/criteria", "./internal/engine", "./internal/engine/effects", "./internal/engine/tree", "./internal/store", storedb, "./internal/tracking", pgx, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/clock": {may: []string{
			".", "./internal/bucket", "./internal/criteria", "./internal/decide", cascade, steps, "./internal/engine", "./internal/engine/dates", storedb, pgx, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		// Passwords are hashed by argon2id.
		"./internal/users": {may: []string{
			"./internal/address", "./internal/store", storedb, "github.com/alexedwards/argon2id", "github.com/jackc/pgx/v5", uuid,
		}, never: []string{"net/http/...", "os/..."}},
		// What Resend reports names our mails by a tag of the mail.
		"./internal/inbox": {may: []string{
			".", clip, "./internal/email", "./internal/ingest", "./internal/store", storedb, "./internal/tracking", uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/imports": {may: []string{
			".", "./internal/address", clip, contract, "./internal/decide", "./internal/decide/check", "./internal/encoding", "./internal/engine", "./internal/ingest", "./internal/naming", "./internal/store", storedb, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/operate": {may: []string{
			".", contract, "./internal/imports", "./internal/ingest", "./internal/pause", "./internal/rollout", "./internal/store", storedb, "github.com/jackc/pgx/v5", uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/rollout": {may: []string{
			".", "./internal/bucket", "./internal/clock", "./internal/criteria", "./internal/decide", cascade, "./internal/engine", "./internal/store", storedb, pgx, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		"./internal/simulate": {may: []string{
			"./internal/bucket", "./internal/clock", "./internal/criteria", "./internal/decide", "./internal/engine", "./internal/rollout", "./internal/store", storedb, pgx, uuid,
		}, never: []string{"net/http/...", "os/..."}},
		// What an event, the clock or an operator changes, for Postgres and a test alike.
		"./internal/decide":         {may: []string{"./internal/address", "./internal/bucket", contract, "./internal/criteria", steps, ".", uuid}, never: noIO()},
		"./internal/decide/check":   {may: []string{".", "./internal/address", contract, "./internal/decide", "./internal/naming"}, never: noIO()},
		"./internal/decide/steps":   {may: []string{".", contract, "./internal/criteria", "./internal/definition", "./internal/zone", uuid}, never: noIO()},
		"./internal/decide/cascade": {may: []string{".", "./internal/bucket", clip, contract, "./internal/criteria", "./internal/decide", steps, "./internal/registry", uuid}, never: noIO()},
		// Pauses and resumes of journeys: the server begins and ends them, the worker lets go
		// what they held, an activity gives it up.
		"./internal/pause": {may: []string{contract, steps, "./internal/store", storedb, pgx, uuid}, never: []string{"net/http/...", "os/..."}},
		// The dispatcher listens on a connection of its own.
		"./internal/outbox": {may: []string{clip, contract, "./internal/store", storedb, pgx, uuid}, never: []string{"net/http/..."}},
		"./internal/email": {
			may:   []string{".", clip, "./internal/address", "./internal/email/kit", "./internal/email/markup", "./internal/naming", "./internal/zone", "./provider"},
			never: []string{"net", "net/http/...", "os/...", "database/..."},
		},
		// It starts a browser.
		"./internal/chromium":     {never: []string{"net", "net/http/...", "database/..."}},
		"./internal/sender":       {never: []string{"net/http/...", "os/...", "database/..."}},
		"./internal/color":        {never: noIO()},
		"./internal/email/kit":    {may: []string{"./internal/color", "./internal/email/markup", "./internal/naming"}, never: noIO()},
		"./internal/email/markup": {may: []string{clip, "./internal/color", "golang.org/x/net/html/...", "github.com/tdewolff/parse/v2/...", "github.com/andybalholm/cascadia"}, never: noIO()},
		// A provider sends the message type of email. The mailbox has no vendor: its
		// mails are kept by a function that it is given.
		"./internal/email/pace":       {may: []string{"golang.org/x/time/rate"}, never: noIO()},
		"./internal/email/trial":      {may: []string{"./internal/address"}},
		"./internal/provider/mailbox": {may: []string{".", "./internal/email"}},
		"./internal/provider/own":     {may: []string{clip, "./internal/email"}},
		"./provider":                  {never: noIO()},
		"./provider/providertest":     {may: []string{"./provider"}, never: noIO()},
		"./examples/relay":            {may: []string{"./provider"}},
		"./internal/provider/resend":  {may: []string{".", "./internal/address", "./internal/email", "github.com/resend/resend-go/v2"}},
		"./internal/provider/smtp":    {may: []string{".", "./internal/address", "./internal/email", "github.com/wneessen/go-mail", uuid}},
		"./internal/provider/hook":    {may: []string{"./internal/outbound", "./internal/webhook"}},
		"./internal/provider/posthog": {may: []string{"github.com/posthog/posthog-go"}},
		// An enrollment's rows change in one transaction, which the activity opens: pgx.
		"./activities": {may: []string{
			".", "./internal/alert", "./internal/address", "./internal/clock", "./internal/definition", "./internal/criteria", "./internal/decide/check", steps, "./internal/email", "./internal/email/pace", "./internal/email/trial", "./internal/imports", "./internal/ingest", "./internal/naming", "./internal/pause", "./internal/registry", "./internal/store", storedb, "./internal/traceparent", "./internal/tracking", contract, pgx, uuid,
			"go.temporal.io/sdk/activity", "go.temporal.io/sdk/temporal",
		}, never: []string{"net/http/..."}},
		// The kit runs Temporal's own worker against a service in memory.
		"./hogsendtest": {may: []string{
			".", clip, "./internal/address", "./internal/condition", "./internal/calls", steps, "./internal/definition", "./internal/naming", "./hogsendtest/internal/...", "./internal/virtual", "./internal/criteria", "./internal/email", "./internal/replay", "./workflows", contract,
			uuid, api, "go.temporal.io/sdk/...", "google.golang.org/protobuf/...",
		}, never: []string{"net", "net/http/...", "database/..."}},
		// An event of a script is one that decisions are made of.
		"./hogsendtest/internal/backend": {may: []string{".", "./internal/decide", contract, uuid}, never: noIO()},
		// Memory has the activities of the kit, which ask Temporal which attempt they are.
		"./hogsendtest/internal/memory": {may: []string{
			".", clip, "./hogsendtest/internal/backend", "./internal/address", "./internal/bucket", "./internal/criteria", "./internal/decide", cascade, "./internal/decide/check", steps, "./internal/email", "./internal/naming", "./internal/registry", "./internal/tracking", contract,
			uuid, "go.temporal.io/sdk/activity", "go.temporal.io/sdk/temporal",
		}, never: noIO()},
		// What production runs, on a database of its own that it makes and drops.
		"./hogsendtest/onpostgres": {may: []string{
			".", "./activities", "./hogsendtest/internal/backend", "./internal/bucket", "./internal/clock", steps, "./internal/email", "./internal/ingest", "./internal/pause", "./internal/provider/mailbox",
			"./internal/registry", "./internal/rollout", "./internal/store", storedb, "./internal/tracking", "./schema", contract, pgx, "github.com/jackc/pgx/v5/pgxpool", uuid,
		}},
		"./internal/virtual": {may: []string{
			uuid, api, "go.temporal.io/sdk/...", "google.golang.org/grpc/...", "google.golang.org/protobuf/...",
		}, never: []string{"net", "net/http/...", "database/...", "os/..."}},
		// criteria: a wait's condition is written down in its JSON form. The SDK's log and
		// interceptor are used by the logger that authors get.
		"./workflows": {may: []string{
			".", "./internal/condition", "./internal/criteria", "./internal/naming", contract, "go.temporal.io/api/enums/v1", "go.temporal.io/sdk/workflow", "go.temporal.io/sdk/temporal",
			"go.temporal.io/sdk/log", "go.temporal.io/sdk/interceptor", "go.temporal.io/sdk/converter",
		}, never: noIO()},
		// Activities of the author's, in a worker and in the kit.
		"./internal/calls": {may: []string{
			".", "./internal/naming", contract, "go.temporal.io/sdk/activity", "go.temporal.io/sdk/converter", "go.temporal.io/sdk/interceptor", "go.temporal.io/sdk/temporal",
		}, never: noIO()},
		"./internal/replay": {may: []string{
			".", clip, "./internal/definition", "./workflows", contract, api, "go.temporal.io/sdk/...", "google.golang.org/protobuf/...",
		}, never: []string{"net", "net/http/...", "database/..."}},
		// It is given its activities by name and so knows neither email nor ingest. What it
		// delivers besides goes to PostHog, for whom the contact is read: pgx has the error.
		"./worker": {may: []string{
			".", "./workflows", "./internal/calls", "./internal/outbox", "./internal/pause", "./internal/provider/hook", "./internal/provider/posthog", "./internal/seal", "./internal/store", storedb, contract,
			"go.temporal.io/sdk/...", api, "google.golang.org/grpc/codes", "google.golang.org/protobuf/types/known/fieldmaskpb", uuid, "github.com/jackc/pgx/v5",
		}, never: []string{"net/http/..."}, except: []string{"./internal/provider/hook", "./internal/provider/posthog"}},
		// steps: when a time on the wall comes. criteria: the API serves conditions as JSON; bucket: it shows the definitions in
		// force. schema: /v1/health compares versions.
		"./server": {may: []string{
			".", "./internal/alert", "./internal/alert/courier", clip, "./internal/address", "./internal/bucket", "./internal/color", "./internal/criteria", "./internal/decide/check", "./internal/definition", "./internal/email", "./internal/email/trial", "./internal/encoding", "./internal/flow", "./internal/front", "./internal/imports", "./internal/inbox", "./internal/ingest", "./internal/naming", "./internal/operate", "./internal/pause", "./internal/rollout", "./internal/store", "./internal/tracking", "./internal/users", "./internal/webhook", "./internal/why", "./internal/why/ask", storedb, steps, contract, "./schema", "./server/session", "./server/studio", "github.com/labstack/echo/v4/...", uuid,
		}},
		"./server/session": {may: []string{"./internal/users"}},
		"./server/studio": {may: []string{
			".", "./internal/address", "./internal/bucket", clip, contract, "./internal/criteria", "./internal/simulate", "./internal/imports", "./internal/email", "./internal/condition", "./internal/decide/check", "./internal/definition", "./internal/encoding", "./internal/flow", "./internal/ingest", "./internal/operate", "./internal/rollout", "./internal/store", storedb, "./internal/users", "./internal/why", "./internal/why/ask", "./server/session", "./server/studio/view", "github.com/jackc/pgx/v5", uuid,
		}},
		"./server/studio/view": {never: noIO()},
		"./internal/flow":      {may: []string{"."}, never: noIO()},
		"./internal/why":       {may: []string{contract}, never: noIO()},
		"./internal/why/ask": {may: []string{
			".", "./internal/bucket", clip, "./internal/condition", "./internal/criteria", "./internal/engine/tree", "./internal/naming", "./internal/store", storedb, "./internal/why", uuid,
		}, never: []string{"net/http/...", "os/..."}},
		// It stands beside the root, which does no I/O: authors ask the database with it.
		"./members":        {may: []string{"./internal/store", storedb, uuid}, never: []string{"net/http/...", "os/..."}},
		"./internal/ports": {},
		// contract: a server that starts empty registers the search attributes itself.
		"./standalone": {may: []string{
			"./internal/front", "./internal/ports", "github.com/grpc-ecosystem/grpc-gateway/v2/runtime", "github.com/labstack/echo/v4", contract, "go.temporal.io/server/...", "github.com/temporalio/ui-server/v2/...", "go.temporal.io/sdk/client", "go.temporal.io/sdk/log", api,
			"google.golang.org/protobuf/...",
		}},
		// Apart from standalone, so that database tests compile without Temporal's server.
		"./standalone/postgres": {may: []string{"./internal/ports", "github.com/ulikunitz/xz", pgx}},
		"./internal/dbtest":     {may: []string{"./internal/store", "./schema", "./standalone/postgres", pgx, uuid, "github.com/stretchr/testify/require"}},
		// What an author writes needs nothing but the public API and Temporal.
		"./examples/saas":     {may: []string{".", "go.temporal.io/sdk/workflow"}, never: noIO()},
		"./examples/cookbook": {may: []string{".", "go.temporal.io/sdk/workflow"}, never: noIO()},
		"./app":               {may: []string{anything}},
		"./cmd/hogsend":       {may: []string{anything}},
		// It reads source code, so that it may know files and processes.
		"./vet":             {may: []string{".", contract, "./internal/criteria", "./internal/flow", "./internal/naming", "golang.org/x/tools/..."}, never: []string{"net", "net/http/...", "database/..."}},
		"./cmd/hogsend-vet": {may: []string{"./vet", "golang.org/x/tools/go/analysis/unitchecker"}},
		// People who never were, written as rows of the past and events of right now.
		"./internal/demo":    {may: []string{".", contract, "./internal/email", "./internal/flow", "./internal/ingest", "./internal/store", pgx, uuid}, never: []string{"net/http/...", "os/..."}},
		"./tests/bench":      {may: []string{anything}},
		"./tests/repository": {may: []string{"./internal/contract", "./internal/decide"}},
		"./tests/cdnow":      {may: []string{".", "./internal/ingest", "go.temporal.io/sdk/workflow"}},
		"./tests/whois":      {}, // it shares nothing with what it is held against
	}
}

func TestImportsFollowTheDesign(t *testing.T) {
	t.Parallel()
	require.Empty(t, violations(t, root, importTable()))
	for folder := range importTable() {
		require.DirExists(t, filepath.Join(root, folder), "the import table has a row too many")
	}
}

func TestAPlantedImportIsFound(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"./shiny has no row in the import table of tests/repository/arch_test.go: add it to the table",
		"workflows/planted.go imports ./internal/store: a workflow is replayed: what has an effect is an activity",
		"workflows/planted.go imports go.temporal.io/sdk/client: the row of ./workflows does not allow it",
		"workflows/planted.go imports net/http: a workflow is replayed: what has an effect is an activity",
	}, violations(t, "testdata/arch", importTable()))
}

func TestAPlantedImportOfAnImportIsFound(t *testing.T) {
	t.Parallel()
	table := importTable()
	table["./internal/contract"] = rule{may: []string{anything}} // a row that was widened by mistake
	require.Equal(t, []string{
		"./internal/contract reaches github.com/jackc/pgx/v5 by way of ./internal/store: a workflow is replayed: what has an effect is an activity",
		"./workflows reaches ./internal/store by way of ./internal/contract: a workflow is replayed: what has an effect is an activity",
		"./workflows reaches github.com/jackc/pgx/v5 by way of ./internal/contract, ./internal/store: a workflow is replayed: what has an effect is an activity",
		"internal/contract/planted.go imports ./internal/store: a workflow is replayed: what has an effect is an activity",
	}, violations(t, "testdata/arch-deep", table))
}

func TestBansHoldWhateverTheTableSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, to, why string }{
		{"./workflows", "./internal/store/storedb", "a workflow is replayed"},
		{"./workflows", "github.com/jackc/pgx/v5", "a workflow is replayed"},
		{"./workflows", "net/http/httptest", "a workflow is replayed"},
		{"./internal/contract", "os", "a workflow is replayed"},
		{"./internal/contract", "./internal/ingest", "a workflow is replayed"},
		{"./server", "./activities", "the server writes rows"},
		{"./server/studio", "./worker", "the server writes rows"},
		{"./worker", "./server", "a worker runs without a server"},
		{"./internal/store", "github.com/labstack/echo/v4", "the store is SQL"},
		{"./internal/store/storedb", "go.temporal.io/sdk/temporal", "the store is SQL"},
		{".", "./internal/contract", "what authors read stands alone"},
		{".", "go.temporal.io/sdk/client", "no more of Temporal"},
		{"./internal/provider/resend", "./internal/store", "a provider delivers"},
		{"./app", "go.temporal.io/server/temporal", "only standalone embeds"},
		{"./standalone/postgres", "github.com/temporalio/ui-server/v2/server", "only standalone embeds"},
		{"./app", "./standalone", "only a main chooses"},
		{"./app", "./vet", "a main chooses to check"},
		{"./hogsendtest", "golang.org/x/tools/go/packages", "the product does without"},
		{"./hogsendtest", "./activities", "a test that stays in memory"},
		{"./hogsendtest/internal/memory", "github.com/jackc/pgx/v5", "a test that stays in memory"},
		{".", "go.temporal.io/sdk/workflow", ""},
		{"./workflows", "./internal/contract", ""},
		{"./app", "./standalone/postgres", ""},
		{"./cmd/hogsend", "./standalone", ""},
		{"./cmd/hogsend", "./vet", ""},
		{"./standalone", "go.temporal.io/server/temporal", ""},
	} {
		got := judge(tt.from, tt.to, rule{may: []string{anything}})
		if tt.why == "" {
			require.Empty(t, got, "%s imports %s", tt.from, tt.to)
			continue
		}
		require.Contains(t, got, tt.why, "%s imports %s", tt.from, tt.to)
	}
}

// violations parses every file below root that is not a test, in this process: the
// test cache sees which files were read, and a warm cache hides nothing.
func violations(t *testing.T, root string, table map[string]rule) []string {
	t.Helper()
	found := map[string]bool{}
	graph := imports{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skip(root, file, entry.Name())
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		folder := ours(path.Join(modulePath, path.Dir(name)))
		r, known := table[folder]
		if !known {
			found[folder+" has no row in the import table of tests/repository/arch_test.go: add it to the table"] = true
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imported = ours(imported)
			graph.add(folder, imported)
			if why := judge(folder, imported, r); why != "" {
				found[name+" imports "+imported+": "+why] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	for folder, r := range table {
		for _, b := range append(bans(), ban{from: []string{folder}, to: r.never, except: r.except, why: "the row of " + folder + " does not allow it"}) {
			for _, text := range graph.reached(folder, b) {
				found[text] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// imports are what each of our packages imports.
type imports map[string]map[string]bool

func (g imports) add(folder, imported string) {
	if g[folder] == nil {
		g[folder] = map[string]bool{}
	}
	g[folder][imported] = true
}

// reached says what a package must not reach and does, by way of other packages of
// ours, and by which: a shortest way. What it imports itself is judged where it does.
func (g imports) reached(folder string, b ban) []string {
	if !matches(b.from, folder) || matches(b.except, folder) {
		return nil
	}
	var texts []string
	ways := map[string][]string{folder: nil}
	for queue := []string{folder}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range slices.Sorted(maps.Keys(g[at])) {
			if _, known := ways[next]; known || matches(b.except, next) {
				continue
			}
			ways[next] = append(slices.Clone(ways[at]), next)
			if at != folder && matches(b.to, next) {
				texts = append(texts, folder+" reaches "+next+" by way of "+strings.Join(ways[at], ", ")+": "+b.why)
			}
			queue = append(queue, next)
		}
	}
	return texts
}

// skip leaves out what Go leaves out too, and modules of their own.
func skip(root, folder, name string) error {
	if folder == root {
		return nil
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	if err == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	return nil
}

// ours names a package of this module by its folder.
func ours(imported string) string {
	if rest, found := strings.CutPrefix(imported, modulePath); found {
		return "." + rest
	}
	return imported
}

// judge says why a package must not import another; "" when it may.
func judge(folder, imported string, r rule) string {
	for _, b := range bans() {
		// An exception is the importing package or the imported one.
		excepted := matches(b.except, folder) || matches(b.except, imported)
		if matches(b.from, folder) && matches(b.to, imported) && !excepted {
			return b.why
		}
	}
	if !r.allows(imported) {
		return "the row of " + folder + " does not allow it"
	}
	return ""
}

// allows judges the standard library, whose paths start without a dot, by never and
// everything else by may.
func (r rule) allows(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return !matches(r.never, imported)
	}
	return matches(r.may, imported)
}

func matches(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, below := strings.CutSuffix(pattern, "/...")
		return pattern == anything || imported == prefix || below && strings.HasPrefix(imported, prefix+"/")
	})
}
