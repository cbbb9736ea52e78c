package server

import (
	"context"
	"html/template"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/inbox"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/session"
)

// Server answers the HTTP API. It is safe for concurrent use.
type Server struct {
	rollout  *rollout.Rollout
	desk     *operate.Desk
	users    *users.Users
	sessions *session.Keeper
	cfg      Config
	store    *store.Store
	log      *slog.Logger
	now      func() time.Time
	echo     *echo.Echo
	table    []route
	known    map[string]bool // method, blank, path of what there is
	auth     *authenticator
	limits   map[limitClass]*limiter
	origins  []string
	proxies  proxies
	secure   bool
	health   *health
	pages    *template.Template
	texts    hogsend.PageTexts
	events   *definition.Events
	inbox    *inbox.Inbox
	sources  map[string]hogsend.Source
	closed   []hogsend.Source // those without a secret (P-2)
	draining atomic.Bool
	hits     *recorder
	previews chan struct{} // a token for each that runs
}

// request is one request on its way through a handler.
type request struct {
	echo.Context
	actor *actor
	limit limitClass
	// inflates is set on routes that take compressed bodies (I-60).
	inflates bool
}

// ctx ends with the request or its deadline.
func (r *request) ctx() context.Context { return r.Request().Context() }

func requestID(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// route is one row of API.md's tables.
type route struct {
	id, method, path string
	scope            scope
	// or suffices as well as scope.
	or      scope
	handler func(*request) error
	// counts marks a route that spends its own quota, by the size of its batch.
	counts bool
}

// limitClass says which rate limit counts a route (H-14).
type limitClass string

// health probes at most once a second, however often it is asked (O-30).
type health struct {
	server  *Server
	started time.Time

	mu     sync.Mutex
	last   healthReply
	probed time.Time
}

const requestIDHeader = "X-Request-Id"

// healthReply is the body of R-20. Redis is a frozen legacy key.
type healthReply struct {
	Status     string  `json:"status"`
	Uptime     float64 `json:"uptime"`
	Timestamp  ts      `json:"timestamp"`
	Version    string  `json:"version"`
	BuildID    string  `json:"buildId,omitempty"`
	Components struct {
		Database component       `json:"database"`
		Temporal component       `json:"temporal"`
		Redis    component       `json:"redis"`
		Worker   workerComponent `json:"worker"`
		Outbox   outboxComponent `json:"outbox"`
	} `json:"components"`
	Email struct {
		TestMode bool `json:"testMode"`
	} `json:"email"`
	Webhooks struct {
		WithoutSecret int `json:"withoutSecret"`
	} `json:"webhooks"`
	Schema struct {
		Engine track `json:"engine"`
		Client track `json:"client"`
	} `json:"schema"`
}

// The largest bodies (H-12).
const (
	maxBody      = 1 << 20
	maxBatchBody = 4 << 20
)

// admin reports whether the route belongs to §6.
func (rt route) admin() bool { return strings.HasPrefix(rt.path, "/v1/admin/") }

// auth reports whether the route belongs to §5.
func (rt route) auth() bool {
	return strings.HasPrefix(rt.path, "/v1/auth/") || strings.HasPrefix(rt.path, "/api/auth/")
}

// limit is the quota that counts the route (H-14).
func (rt route) limit() limitClass {
	if rt.admin() {
		return limitAdmin
	}
	return limitIngest
}

// data reports whether the route belongs to §3, what an SDK sends.
func (rt route) data() bool {
	return strings.HasPrefix(rt.path, "/v1/") && !rt.admin() && rt.scope != scopeNone
}

const (
	limitIngest limitClass = "ingest"
	limitAdmin  limitClass = "admin"
)
