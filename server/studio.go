package server

import (
	"github.com/hogsend/hogsend/server/studio"
)

// studio are the built-in pages: what they read and change is what the routes do.
func (s *Server) studio() *studio.Studio {
	return studio.New(studio.Config{
		Store: s.store, Users: s.users, Sessions: s.sessions, Desk: s.desk, Registry: s.cfg.Registry, Journeys: s.served,
		PublicURL: s.cfg.PublicURL, LateAfter: s.lateAfter(), Version: s.cfg.Version, BuildID: s.cfg.BuildID, Logger: s.log, Now: s.now,
	})
}
