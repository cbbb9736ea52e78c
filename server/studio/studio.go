// Package studio is the built-in web pages: who got what, and why not. Each page is one GET
// with an address that can be sent to somebody; each action is a form that is answered by
// a redirect. What pages read and change is what the API's routes read and change.
package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/flow"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/session"
)

// Config is what the pages are made of; all of it but Now and Logger is required.
type Config struct {
	Store    *store.Store
	Users    *users.Users
	Sessions *session.Keeper
	Desk     *operate.Desk
	Registry hogsend.Registry
	// Journeys are those that are served, reactions of buckets included.
	Journeys func(ctx context.Context) ([]hogsend.Journey, error)
	// PublicURL begins the links that are handed to others.
	PublicURL string
	// LateAfter is what the policy skip_late leaves out (J-105).
	LateAfter time.Duration
	// FailedRun is the run that a retry goes on from; "" when its history is no longer
	// kept. nil refuses retries.
	FailedRun func(ctx context.Context, workflowID string) (runID string, err error)
	// Flow is the code of the journeys, for their pictures; nil draws what people did.
	Flow *flow.File
	// Renderer renders the templates.
	Renderer *email.Renderer
	// Preview says whom criteria would take, and for how many each of the leaves holds; it is
	// ErrBusy while others look, and rollout.ErrPreviewTimedOut.
	Preview func(ctx context.Context, p rollout.PreviewParams, leaves []hogsend.Condition) (rollout.Preview, []int64, error)
	// SendTest sends a mail to one address and returns its id; nil refuses. What is
	// wrong with it is a *hogsend.ValidationError.
	SendTest func(ctx context.Context, by store.Actor, template, to string, props json.RawMessage) (uuid.UUID, error)
	// Resend sends a failed or bounced mail again and returns the id of the new one;
	// refused is the sentence of what stands against it. nil refuses.
	Resend func(ctx context.Context, by store.Actor, mail uuid.UUID) (id uuid.UUID, refused string, err error)
	// Settings are shown as they are.
	Settings []SettingGroup
	// Health is what the installation stands on, as /v1/health tells it.
	Health func(ctx context.Context) Health
	// Spend takes a page from what a user may ask for in a minute; wait is how long there
	// is none (U-53).
	Spend func(user uuid.UUID) (wait time.Duration, ok bool)
	// Environment is shown on every page; "" is not.
	Environment string
	// TestMode says where mails go while they are only tried out; "" is off (E-42).
	TestMode func() string
	// Unset are the variables without which webhooks of a source in use are refused.
	Unset []string
	// Patience is how long a page waits for a figure that takes long to count; 0 means 200 ms.
	Patience         time.Duration
	Version, BuildID string
	Logger           *slog.Logger
	Now              func() time.Time
}

// Studio answers requests for pages. It is safe for concurrent use.
type Studio struct {
	cfg       Config
	mux       *http.ServeMux
	templates map[string]*page
	assets    map[string]*asset
	reads     chan struct{}
	pulses    pulses
	memos     memos
	// coded are the journeys and reactions of this build, with their functions.
	coded map[string]hogsend.Journey
}

// ServeHTTP answers one request.
func (s *Studio) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// route is one page or action: who may use it and what it does.
type route struct {
	pattern string
	// open needs nobody signed in; else role is the least one that suffices (U-52).
	open bool
	role users.Role
	do   func(*request) error
	// live has the main part of the page asked for again every five seconds (U-6).
	live bool
	// most bounds what a form may send; 0 means maxForm.
	most int64
}

// request is one request on its way through a page.
type request struct {
	*http.Request
	w       http.ResponseWriter
	began   time.Time
	id      string
	session *users.Session // nil on open pages
	zone    *time.Location
	pulse   pulse
	live    bool
}

func (r *request) ctx() context.Context { return r.Context() }

// query is a parameter without what Postgres does not take as text.
func (r *request) query(name string) string {
	return clean(r.URL.Query().Get(name))
}

func clean(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), ""))
}

// actor is who does what the request asks for.
func (s *Studio) actor(r *request) store.Actor {
	return r.session.Actor(s.cfg.Sessions.From(r.Request, r.id))
}

// maxForm bounds what a form may send.
const maxForm = 64 << 10

// may reports whether a role includes another one.
func may(has, needs users.Role) bool {
	rank := map[users.Role]int{users.Viewer: 1, users.Operator: 2, users.Admin: 3}
	return rank[has] >= rank[needs]
}

// redirected ends a request that was answered by another address.
var errRedirected = errors.New("redirected")

// see answers a form: the browser asks for another page (303).
func (r *request) see(path string) error {
	r.w.Header().Set("Location", path)
	r.w.WriteHeader(http.StatusSeeOther)
	return errRedirected
}

// problem is a page about what went wrong (U-10).
type problem struct {
	status        int
	heading, text string
	next          [2]string // words and address
}

func (p *problem) Error() string { return p.heading }

func lost(text string) error {
	return &problem{status: http.StatusNotFound, heading: "Nothing here", text: text, next: [2]string{"Go to the contacts", "/studio/contacts"}}
}

// readTimeout bounds a statement of a page (§7).
const readTimeout = "2s"

// read runs what a page reads in one transaction that can change nothing. Pages take a
// quarter of the connections at most, so that they never hold up who sends events.
func (s *Studio) read(ctx context.Context, do func(q *storedb.Queries) error) error {
	select {
	case s.reads <- struct{}{}:
		defer func() { <-s.reads }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection: %w", ctx.Err())
	}
	err := pgx.BeginTxFunc(ctx, s.cfg.Store.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// Filters that are not used are left out of a plan made for the values at hand.
		if _, err := tx.Exec(ctx, "set local statement_timeout = '"+readTimeout+"'; set local plan_cache_mode = force_custom_plan"); err != nil {
			return err
		}
		return do(storedb.New(tx))
	})
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	return nil
}

// pathID is a path's uuid.
func pathID(r *request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return id, lost("Nothing has this id.")
	}
	return id, nil
}

// instant is now with the precision Postgres keeps.
func (s *Studio) instant() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
