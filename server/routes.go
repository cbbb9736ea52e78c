package server

import "strings"

// routes is the table of API.md: what is not here is 404.
func (s *Server) routes() []route {
	return []route{
		{id: "R-1", method: "POST", path: "/v1/events", scope: scopeIngest, handler: s.postEvent},
		{id: "R-2", method: "POST", path: "/v1/events/batch", scope: scopeIngest, handler: s.postBatch, counts: true},
		{id: "R-3", method: "POST", path: "/v1/ingest", scope: scopeIngest, handler: s.postIngest},

		{id: "R-7", method: "GET", path: "/v1/lists", scope: scopeIngest, or: scopeRead, handler: s.getLists},
		{id: "R-8", method: "POST", path: "/v1/lists/:id/subscribe", scope: scopeIngest, handler: s.subscribe},
		{id: "R-9", method: "POST", path: "/v1/lists/:id/unsubscribe", scope: scopeIngest, handler: s.unsubscribeList},

		{id: "R-20", method: "GET", path: "/v1/health", handler: s.getHealth},
		{id: "R-21", method: "GET", path: "/v1/health/live", handler: s.getLive},
		{id: "R-22", method: "GET", path: "/v1/health/ready", handler: s.getReady},

		{id: "R-25", method: "GET", path: "/v1/email/unsubscribe", handler: s.confirmUnsubscribe},
		{id: "R-25", method: "HEAD", path: "/v1/email/unsubscribe", handler: s.confirmUnsubscribe},
		{id: "R-26", method: "POST", path: "/v1/email/unsubscribe", handler: s.unsubscribe},
		{id: "R-27", method: "GET", path: "/v1/email/preferences", handler: s.showPreferences},
		{id: "R-27", method: "HEAD", path: "/v1/email/preferences", handler: s.showPreferences},
		{id: "R-28", method: "POST", path: "/v1/email/preferences", handler: s.savePreferences},
		{id: "R-29", method: "POST", path: "/v1/webhooks/resend", handler: s.postResend},

		{id: "R-34", method: "GET", path: "/metrics", scope: scopeRead, handler: s.getMetrics},

		{id: "R-45", method: "GET", path: "/v1/admin/contacts", scope: scopeRead, handler: s.listContacts},
		{id: "R-47", method: "GET", path: "/v1/admin/contacts/:contact", scope: scopeRead, handler: s.getContact},
		{id: "R-48", method: "PATCH", path: "/v1/admin/contacts/:contact", scope: scopeFullAdmin, handler: s.updateContact},
		{id: "R-49", method: "DELETE", path: "/v1/admin/contacts/:contact", scope: scopeFullAdmin, handler: s.deleteContact},
		{id: "R-50", method: "GET", path: "/v1/admin/contacts/:contact/decisions", scope: scopeRead, handler: s.listDecisions},
		{id: "R-119", method: "GET", path: "/v1/admin/contacts/:contact/summary", scope: scopeRead, handler: s.contactSummary},
		{id: "R-53", method: "PUT", path: "/v1/admin/contacts/:contact/preferences", scope: scopeFullAdmin, handler: s.writePreferences},
		{id: "R-53", method: "PATCH", path: "/v1/admin/contacts/:contact/preferences", scope: scopeFullAdmin, handler: s.writePreferences},
		{id: "R-58", method: "GET", path: "/v1/admin/journeys", scope: scopeRead, handler: s.listJourneys},
		{id: "R-59", method: "GET", path: "/v1/admin/journeys/:id", scope: scopeRead, handler: s.getJourney},
		{id: "R-60", method: "PATCH", path: "/v1/admin/journeys/:id", scope: scopeJourneyAdmin, handler: s.switchJourney},
		{id: "R-60", method: "PUT", path: "/v1/admin/journeys/:id", scope: scopeJourneyAdmin, handler: s.switchJourney},
		{id: "R-61", method: "POST", path: "/v1/admin/journeys/:id/pause", scope: scopeJourneyAdmin, handler: s.pauseJourney},
		{id: "R-62", method: "POST", path: "/v1/admin/journeys/:id/resume", scope: scopeJourneyAdmin, handler: s.resumeJourney},
		{id: "R-63", method: "GET", path: "/v1/admin/journeys/:id/states", scope: scopeRead, handler: s.listStates},
		{id: "R-64", method: "GET", path: "/v1/admin/journeys/:id/states/:stateId", scope: scopeRead, handler: s.getState},
		{id: "R-65", method: "POST", path: "/v1/admin/journeys/:id/enroll", scope: scopeJourneyAdmin, handler: s.enroll},
		{id: "R-66", method: "POST", path: "/v1/admin/journeys/:id/enroll/batch", scope: scopeJourneyAdmin, handler: s.enrollBatch},
		{id: "R-67", method: "DELETE", path: "/v1/admin/journeys/:id/states/:stateId", scope: scopeJourneyAdmin, handler: s.cancelState},
		{id: "R-68", method: "POST", path: "/v1/admin/journeys/:id/states/:stateId/retry", scope: scopeJourneyAdmin, handler: s.retryState},
		{id: "R-69", method: "GET", path: "/v1/admin/journey-logs/:stateId", scope: scopeRead, handler: s.listLogs},
		{id: "R-70", method: "GET", path: "/v1/admin/buckets", scope: scopeRead, handler: s.listBuckets},
		{id: "R-71", method: "GET", path: "/v1/admin/buckets/:id", scope: scopeRead, handler: s.getBucket},
		{id: "R-72", method: "PATCH", path: "/v1/admin/buckets/:id", scope: scopeJourneyAdmin, handler: s.switchBucket},
		{id: "R-72", method: "PUT", path: "/v1/admin/buckets/:id", scope: scopeJourneyAdmin, handler: s.switchBucket},
		{id: "R-73", method: "GET", path: "/v1/admin/buckets/:id/members", scope: scopeRead, handler: s.listMembers},
		{id: "R-74", method: "POST", path: "/v1/admin/buckets/preview", scope: scopeRead, handler: s.previewCriteria},
		{id: "R-75", method: "GET", path: "/v1/admin/buckets/:id/backfills", scope: scopeRead, handler: s.listBackfills},
		{id: "R-76", method: "POST", path: "/v1/admin/buckets/:id/retire", scope: scopeFullAdmin, handler: s.retireBucket},
		{id: "R-77", method: "GET", path: "/v1/admin/events", scope: scopeRead, handler: s.listEvents},
		{id: "R-78", method: "GET", path: "/v1/admin/events/:id", scope: scopeRead, handler: s.getEvent},
		{id: "R-97", method: "GET", path: "/v1/admin/suppressions", scope: scopeRead, handler: s.listSuppressions},
		{id: "R-98", method: "POST", path: "/v1/admin/suppressions", scope: scopeFullAdmin, handler: s.postSuppression},
		{id: "R-99", method: "DELETE", path: "/v1/admin/suppressions/:id", scope: scopeFullAdmin, handler: s.liftSuppression},
		{id: "R-101", method: "GET", path: "/v1/admin/audit-logs", scope: scopeFullAdmin, handler: s.listAudit},
		{id: "R-102", method: "GET", path: "/v1/admin/api-keys", scope: scopeFullAdmin, handler: s.listKeys},
		{id: "R-103", method: "POST", path: "/v1/admin/api-keys", scope: scopeFullAdmin, handler: s.postKey},
		{id: "R-104", method: "DELETE", path: "/v1/admin/api-keys/:id", scope: scopeFullAdmin, handler: s.deleteKey},
		{id: "mailbox", method: "GET", path: "/v1/admin/mailbox", scope: scopeRead, handler: s.listMails},
	}
}

// data reports whether the route belongs to §3, what an SDK sends.
func (rt route) data() bool {
	return strings.HasPrefix(rt.path, "/v1/") && !rt.admin() && rt.scope != scopeNone
}
