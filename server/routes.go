package server

// routes is the table of API.md: what is not here is 404.
func (s *Server) routes() []route {
	return []route{
		{id: "R-1", method: "POST", path: "/v1/events", scope: scopeIngest, limit: limitIngest, handler: s.postEvent},
		{id: "R-2", method: "POST", path: "/v1/events/batch", scope: scopeIngest, limit: limitIngest, handler: s.postBatch, counts: true},
		{id: "R-3", method: "POST", path: "/v1/ingest", scope: scopeIngest, limit: limitIngest, handler: s.postIngest},

		{id: "R-20", method: "GET", path: "/v1/health", handler: s.getHealth},
		{id: "R-21", method: "GET", path: "/v1/health/live", handler: s.getLive},
		{id: "R-22", method: "GET", path: "/v1/health/ready", handler: s.getReady},
	}
}
