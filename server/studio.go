package server

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/server/studio"
)

// studio are the built-in pages: what they read and change is what the routes do.
func (s *Server) studio() *studio.Studio {
	unset := slices.Clone(s.cfg.Unset)
	for _, source := range s.closed {
		unset = append(unset, source.Auth.SecretEnv)
	}
	c := studio.Config{
		Store: s.store, Users: s.users, Sessions: s.sessions, Desk: s.desk, Registry: s.cfg.Registry, Journeys: s.served,
		PublicURL: s.cfg.PublicURL, LateAfter: s.lateAfter(), Health: s.studioHealth, FailedRun: s.cfg.FailedRun, Flow: s.cfg.Flow, Version: s.cfg.Version, BuildID: s.cfg.BuildID, Logger: s.log, Now: s.now,
		Patience: s.cfg.Patience, Environment: s.cfg.Environment, Unset: unset, TestMode: s.testMode, Spend: s.spendPage,
		Renderer: s.cfg.Renderer, Preview: s.studioPreview, Settings: s.cfg.Settings,
	}
	if s.cfg.Submit != nil && s.cfg.Renderer != nil {
		c.SendTest, c.Resend = s.studioSendTest, s.studioResend
	}
	return studio.New(c)
}

// spendPage takes a page from what a user may ask of the admin's routes and pages together
// (U-53, H-14).
func (s *Server) spendPage(user uuid.UUID) (wait time.Duration, ok bool) {
	q := s.limits[limitAdmin].take(userCaller(user), 1, s.now())
	return q.reset, q.ok
}

// testMode says where mails go while they are only tried out; "" is where they ought to.
func (s *Server) testMode() string {
	if !s.cfg.TestMode.On() {
		return ""
	}
	return s.cfg.TestMode.String()
}

// studioHealth is what /v1/health tells, for pages.
func (s *Server) studioHealth(ctx context.Context) studio.Health {
	h := s.health.get(ctx)
	part := func(c component) studio.Component {
		return studio.Component{Up: c.Status == up, Latency: time.Duration(c.LatencyMs * float64(time.Millisecond))}
	}
	out := studio.Health{
		Status: h.Status, Database: part(h.Components.Database), Temporal: part(h.Components.Temporal), Behind: h.Schema.Engine.Pending,
		Pending: h.Components.Outbox.Pending, Lag: time.Duration(h.Components.Outbox.LagSeconds * float64(time.Second)), Workers: h.Components.Worker.Count,
	}
	if h.Schema.Engine.Applied != nil {
		out.Applied = *h.Schema.Engine.Applied
	}
	if h.Schema.Engine.Required != nil {
		out.Required = *h.Schema.Engine.Required
	}
	return out
}
