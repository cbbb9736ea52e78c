// Package server is the HTTP API of API.md: it authenticates, binds, limits,
// and answers; what an event changes is decided by internal/ingest.
package server

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/webhook"
)

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
	// Tokens verifies the links of mails; nil refuses them all.
	Tokens *email.Signer
	// Resend verifies the webhooks of Resend; nil refuses them all.
	Resend *webhook.Verifier
	// Temporal says whether Temporal answers; nil counts as down.
	Temporal func(ctx context.Context) error
	// FailedRun is the run that a retry of a failed enrollment goes on from; "" when
	// its history is no longer kept. nil refuses retries.
	FailedRun func(ctx context.Context, workflowID string) (runID string, err error)
	// LateAfter is how long a send may have been held before the policy skip_late
	// skips it; 0 means 1 h (J-105).
	LateAfter time.Duration
	// PreviewTimeout bounds the preview of criteria; 0 means 10 s (C-25).
	PreviewTimeout time.Duration
	// Metrics answers R-34; nil is no such route.
	Metrics http.Handler
	// Version and BuildID are told by health.
	Version, BuildID string
	// Logger is where requests and failures go; nil means slog.Default().
	Logger *slog.Logger
	// Tell is told of every event that is taken in; nil for nobody.
	Tell func(Told)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// requestTimeout is the deadline of every request (H-12).
const requestTimeout = 30 * time.Second

// Server answers the HTTP API. It is safe for concurrent use.
type Server struct {
	rollout  *rollout.Rollout
	desk     *operate.Desk
	cfg      Config
	store    *store.Store
	log      *slog.Logger
	now      func() time.Time
	echo     *echo.Echo
	auth     *authenticator
	limits   map[limitClass]*limiter
	origins  []string
	proxies  proxies
	secure   bool
	health   *health
	pages    *template.Template
	texts    hogsend.PageTexts
	draining atomic.Bool
	previews chan struct{} // a token for each that runs
}

// maxPreviews is how many previews run at a time (H-12).
const maxPreviews = 2

// New makes the handler; it starts nothing.
func New(cfg Config) *Server {
	if cfg.Readers == nil {
		cfg.Readers = cfg.Store
	}
	if cfg.Previews == nil {
		cfg.Previews = cfg.Store
	}
	s := &Server{cfg: cfg, previews: make(chan struct{}, maxPreviews), store: cfg.Readers, rollout: rollout.New(cfg.Ingest.Engine()), log: cfg.Logger, now: cfg.Now, proxies: parseProxies(cfg.TrustedProxies)}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.desk = &operate.Desk{Store: s.store, Ingest: cfg.Ingest, Rollout: s.rollout}
	s.limits = map[limitClass]*limiter{
		limitIngest: newLimiter(orDefault(cfg.RateLimitIngest, 6000)),
		limitAdmin:  newLimiter(orDefault(cfg.RateLimitAdmin, 600)),
	}
	s.auth = newAuthenticator(cfg.Store, cfg.AdminAPIKey, func(err error) {
		if err != nil {
			s.log.Warn("last use of an API key not written", "error", err)
		}
	})
	for _, origin := range append([]string{cfg.PublicURL}, cfg.TrustedOrigins...) {
		if origin != "" {
			s.origins = append(s.origins, originOf(origin))
		}
	}
	s.secure = strings.HasPrefix(cfg.PublicURL, "https://")
	s.health = newHealth(s)
	s.pages, s.texts = newPages(), pageTexts(cfg.Registry.Pages.Texts)
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = s.fail
	s.echo.Pre(s.frame)
	for _, r := range s.routes() {
		s.echo.Add(r.method, r.path, s.handle(r))
	}
	return s
}

func orDefault(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Drain makes readiness fail, so that no new requests are sent here; requests are
// answered as before (O-40).
func (s *Server) Drain() { s.draining.Store(true) }

// limitClass says which rate limit counts a route (H-14).
type limitClass string

const (
	limitIngest limitClass = "ingest"
	limitAdmin  limitClass = "admin"
)

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

// handle wraps a route's handler in what its row of the tables asks for.
func (s *Server) handle(rt route) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := &request{Context: c, limit: rt.limit(), inflates: rt.data()}
		if rt.admin() {
			c.Response().Header().Set("Cache-Control", "no-store")
		}
		if rt.scope == scopeNone {
			return rt.handler(req)
		}
		r := c.Request()
		var err error
		if req.actor, err = s.auth.authenticate(r.Context(), r.Header.Get("Authorization"), s.proxies.client(r), s.now()); err != nil {
			return err
		}
		if !rt.counts {
			if err := s.spend(req, 1); err != nil {
				return err
			}
		} else if err := s.spend(req, 0); err != nil {
			return err
		}
		if !req.actor.may(rt.scope) && (rt.or == "" || !req.actor.may(rt.or)) {
			return forbidden(rt.scope)
		}
		return rt.handler(req)
	}
}

// spend takes cost from the caller's quota and tells in the reply what is left. A
// cost of 0 only looks whether anything is.
func (s *Server) spend(r *request, cost int) error {
	q := s.limits[r.limit].take(r.actor.id, cost, s.now())
	if cost == 0 && q.remaining == 0 {
		q = s.limits[r.limit].take(r.actor.id, 1, s.now())
	}
	h := r.Response().Header()
	h.Set("X-RateLimit-Limit", itoa(q.limit))
	h.Set("X-RateLimit-Remaining", itoa(q.remaining))
	h.Set("X-RateLimit-Reset", itoa(seconds(q.reset)))
	if !q.ok {
		return tooMany(q.reset)
	}
	return nil
}

// frame is around every request: id, headers, CORS, deadline, panics.
func (s *Server) frame(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		h := c.Response().Header()
		id := r.Header.Get(requestIDHeader)
		if !validRequestID(id) {
			id = uuid.NewString()
		}
		h.Set(requestIDHeader, id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if done := s.cors(c); done {
			return c.NoContent(http.StatusNoContent)
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		c.SetRequest(r.WithContext(ctx))
		began := time.Now() // a duration, not an instant of the product
		if err := guarded(next, c); err != nil {
			c.Error(err)
		}
		s.record(c, time.Since(began))
		return nil
	}
}

// guarded runs a handler and turns its panic into an error.
func guarded(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = recovered(cause)
		}
	}()
	return next(c)
}

// record is the line that each request has in the log: the route and not the path, which
// may name a person (O-42). Probes are worth one only when somebody looks.
func (s *Server) record(c echo.Context, took time.Duration) {
	level := slog.LevelInfo
	if path := c.Path(); strings.HasPrefix(path, "/v1/health") || path == "/metrics" {
		level = slog.LevelDebug
	}
	s.log.Log(c.Request().Context(), level, "request", "request_id", requestID(c), "method", c.Request().Method, "route", c.Path(),
		"status", c.Response().Status, "duration_ms", float64(took.Microseconds())/1000)
}

const requestIDHeader = "X-Request-Id"

func requestID(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// validRequestID accepts what is echoed (H-13).
func validRequestID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", rune(c)) {
			return false
		}
	}
	return true
}

// cors answers for other sites (H-15); a preflight is done with it.
func (s *Server) cors(c echo.Context) (done bool) {
	r, h := c.Request(), c.Response().Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	if slices.Contains(s.origins, strings.ToLower(origin)) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	} else {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, Content-Disposition")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, Idempotency-Key, X-Request-Id, X-Hogsend-Setup-Token")
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// originOf is the origin of a URL: scheme and host without a path.
func originOf(url string) string {
	scheme, rest, _ := strings.Cut(strings.ToLower(url), "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
