package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/alert/courier"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/inbox"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
	"github.com/hogsend/hogsend/internal/webhook"
	"github.com/hogsend/hogsend/server/studio"
)

// Submit takes a mail that no journey sends: the gate decides at once. Under a key that is
// known nothing happens, and the row is the one there is. What is wrong with the mail is a
// *hogsend.ValidationError, and leaves no row.
type Submit = func(ctx context.Context, s contract.DirectSend, also ...ingest.Write) (storedb.Send, error)

// Config is what a Server is made of. Store, Ingest and Registry are required.
type Config struct {
	Store *store.Store
	// Readers and Previews have connections of their own, for what is not ingest and for
	// previews of criteria: however long these take, events are taken in. nil means Store.
	Readers, Previews *store.Store
	Ingest            *ingest.Ingester
	// Registry is everything compiled in; Enabled are its journeys that are served
	// (J-12).
	Registry hogsend.Registry
	Enabled  []hogsend.Journey
	// AdminAPIKey acts as a full-admin key; "" for none (O-5).
	AdminAPIKey string
	// RateLimitIngest and RateLimitAdmin are per key and minute; 0 means 6,000 and
	// 600 (H-14).
	RateLimitIngest, RateLimitAdmin int
	// TrustedOrigins may send credentials across sites, as PublicURL may (H-15).
	TrustedOrigins []string
	// TrustedProxies are addresses or networks whose X-Forwarded-For is believed (H-16).
	TrustedProxies []string
	PublicURL      string
	// JunkIDs are refused as ids of people; the zero value refuses the usual ones (I-57).
	JunkIDs naming.JunkIDs
	// Development makes replies tell more and logs warnings (I-58, I-59).
	Development bool
	// Environment is told on the pages of Studio; "" is not.
	Environment string
	// Patience is how long a page of Studio waits for a figure that takes long to count; 0
	// means 200 ms. Then the page goes without, and the figure comes by itself (U-7).
	Patience time.Duration
	// Unset are the variables without which the webhooks of a source that is in use are
	// refused; Studio says so.
	Unset []string
	// OpenAPI serves the document and the page of the routes.
	OpenAPI bool
	// Tokens verifies the links of mails; nil refuses them all.
	Tokens *email.Signer
	// Renderer renders the templates of the registry; nil knows none.
	Renderer *email.Renderer
	// Submit takes the mails that are asked for over HTTP; nil refuses them.
	Submit Submit
	// TestMode is told by health; nil is off (E-42).
	TestMode *trial.Mode
	// Senders says from whom mails may be (E-10).
	Senders email.Senders
	// Tracking tells who opens mails and follows their links.
	Tracking tracking.Classifier
	// Alerts tells over the channels of alert rules; nil refuses to make, change and try them.
	Alerts *courier.Courier
	// Resend verifies the webhooks of Resend; nil refuses them all.
	Resend *webhook.Verifier
	// Sources verify the messages of the registry's sources by their ids; one that is not
	// there refuses them all (P-2).
	Sources map[string]webhook.Check
	// Inbox stores and applies them; nil means NewInbox of this configuration.
	Inbox *inbox.Inbox
	// Temporal says whether Temporal answers; nil counts as down.
	Temporal func(ctx context.Context) error
	// FailedRun is the run that a retry of a failed enrollment goes on from; "" when
	// its history is no longer kept. nil refuses retries.
	FailedRun func(ctx context.Context, workflowID string) (runID string, err error)
	// Settings are what this process runs with, for Studio; secrets only as set or not.
	Settings []studio.SettingGroup
	// Flow is the code of the journeys, for Studio's pictures; nil draws what people did.
	Flow *flow.File
	// LateAfter is how long a send may have been held before the policy skip_late
	// skips it; 0 means 1 h (J-105).
	LateAfter time.Duration
	// PreviewTimeout bounds the preview of criteria; 0 means 10 s (C-25).
	PreviewTimeout time.Duration
	// Metrics answers R-34; nil is no such route.
	Metrics http.Handler
	// Assistants answers MCP at /mcp by asking the routes of the handler that it is given, with
	// the key of whom it answers; nil is no such path (O-55).
	Assistants func(api http.Handler) http.Handler
	// Observe is told of every request when it comes, gives it a context and is told when it
	// was answered; nil for nobody.
	Observe func(*http.Request) (context.Context, func(Answered))
	// Version and BuildID are told by health.
	Version, BuildID string
	// Logger is where requests and failures go; nil means slog.Default().
	Logger *slog.Logger
	// Tell is told of every event that is taken in; nil for nobody.
	Tell func(Told)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Answered is a request that was answered. Method and Route are of the tables of routes, ""
// for what is in none of them: what is told is bounded, whatever is asked.
type Answered struct {
	Method, Route string
	Status        int
	Took          time.Duration
}

// Told is what became of an event, for people who watch.
type Told struct {
	Event, ContactKey string
	// Stored is false of a repeat.
	Stored, Late bool
	// Exited are the journeys that the event ended; Decisions are those that were asked.
	Exited    []string
	Decisions []ingest.Decided
	Warnings  []string
}
