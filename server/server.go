// Package server is the HTTP API of API.md: it authenticates, binds, limits,
// and answers; what an event changes is decided by internal/ingest.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/session"
)

// requestTimeout is the deadline of every request (H-12).
const requestTimeout = 30 * time.Second

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
	if s.inbox = cfg.Inbox; s.inbox == nil {
		s.inbox = NewInbox(cfg)
	}
	s.sources = map[string]hogsend.Source{}
	for _, source := range cfg.Registry.Sources {
		if s.sources[source.ID] = source; cfg.Sources[source.ID] == nil {
			s.closed = append(s.closed, source)
		}
	}
	s.hits = newRecorder(s.log)
	s.users = users.New(s.store, s.now)
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
	if name, ok := strings.CutPrefix(originOf(cfg.PublicURL), "http://127.0.0.1"); ok {
		s.origins = append(s.origins, "http://localhost"+name) // the same machine by its other name
	}
	s.secure = strings.HasPrefix(cfg.PublicURL, "https://")
	s.sessions = &session.Keeper{Users: s.users, Secure: s.secure, CrossSite: len(cfg.TrustedOrigins) > 0, Origins: s.origins, Client: s.proxies.client}
	s.health = newHealth(s)
	s.pages, s.texts = newPages(), pageTexts(cfg.Registry.Pages.Texts)
	s.events = definition.NewEvents(cfg.Registry)
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = s.fail
	s.echo.Pre(s.frame)
	studio := echo.WrapHandler(s.studio())
	s.echo.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusFound, "/studio/") })
	s.echo.GET("/studio", func(c echo.Context) error { return c.Redirect(http.StatusFound, "/studio/") })
	s.echo.Any("/studio/*", studio)
	if cfg.Assistants != nil {
		s.assist(cfg.Assistants(s))
	}
	s.table = s.routes()
	s.known = map[string]bool{"GET /studio/*": true, "POST /studio/*": true, "POST /mcp": true}
	for _, r := range s.table {
		s.echo.Add(r.method, r.path, s.handle(r))
		s.known[r.method+" "+r.path] = true
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

// handle wraps a route's handler in what its row of the tables asks for.
func (s *Server) handle(rt route) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := &request{Context: c, limit: rt.limit(), inflates: rt.data()}
		if rt.admin() || rt.auth() {
			c.Response().Header().Set("Cache-Control", "no-store")
		}
		if rt.scope == scopeNone {
			return rt.handler(req)
		}
		r := c.Request()
		var err error
		if header := r.Header.Get("Authorization"); header == "" && s.sessions.Secret(r) != "" {
			req.actor, err = s.bySession(req)
		} else {
			req.actor, err = s.auth.authenticate(r.Context(), header, s.proxies.client(r), s.now())
		}
		if err != nil {
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
		ctx, answered := r.Context(), func(Answered) {}
		if s.cfg.Observe != nil {
			ctx, answered = s.cfg.Observe(r)
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		c.SetRequest(r.WithContext(ctx))
		began := time.Now() // a duration, not an instant of the product
		if err := guarded(next, c); err != nil {
			c.Error(err)
		}
		took := time.Since(began)
		s.record(c, took)
		answered(s.answered(c, took))
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

// assist serves MCP to whoever has a key that reads. A session of Studio does not count: a
// page of another site could use it.
func (s *Server) assist(assistants http.Handler) {
	s.echo.POST("/mcp", s.handle(route{method: http.MethodPost, path: "/mcp", scope: scopeRead, handler: func(r *request) error {
		if r.Request().Header.Get("Authorization") == "" {
			return unauthorized("Unauthorized")
		}
		assistants.ServeHTTP(r.Response(), r.Request())
		return nil
	}}))
}

// answered is what is told of a request.
func (s *Server) answered(c echo.Context, took time.Duration) Answered {
	a := Answered{Status: c.Response().Status, Took: took}
	if method := c.Request().Method; s.known[method+" "+c.Path()] {
		a.Method, a.Route = method, c.Path()
	}
	return a
}

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

// fail answers an error and logs the cause of the server's own failures, once.
func (s *Server) fail(err error, c echo.Context) {
	r := classify(err)
	if r.status >= 500 && errors.Is(c.Request().Context().Err(), context.Canceled) {
		r = &refusal{status: statusClientGone, text: "Request canceled"} // whatever came of it: nobody waited
	}
	var decided *refusal // a handler's own answer is no failure
	if r.status >= 500 && !errors.As(err, &decided) {
		attrs := []any{"request_id", requestID(c), "method", c.Request().Method, "route", c.Path(), "status", r.status, "error", err}
		var p *panicked
		if errors.As(err, &p) {
			attrs = append(attrs, "panic", p.cause, "stack", string(p.stack))
		}
		s.log.Error("request failed", attrs...)
	}
	if c.Response().Committed {
		return
	}
	text := clip.First(r.text, maxMessage)
	body := map[string]any{"error": text, "message": text, "requestId": requestID(c)}
	if r.code != "" {
		body["code"] = r.code
	}
	if len(r.details) > 0 {
		body["details"] = bounded(r.details)
	}
	for k, v := range r.extra {
		body[k] = v
	}
	if h := c.Response().Header(); r.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(r.wait)))
		if r.limit > 0 {
			h.Set("X-RateLimit-Limit", strconv.Itoa(r.limit))
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-Reset", strconv.Itoa(seconds(r.wait)))
		}
	}
	if err := reply(c, r.status, body); err != nil {
		s.log.Debug("reply not sent", "request_id", requestID(c), "error", err)
	}
}
