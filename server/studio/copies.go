package studio

import (
	"net/url"
	"strings"

	"github.com/hogsend/hogsend/server/studio/view"
)

// twin is the route and the command that tell what a page tells. {id} stands for that of
// the path; query are the names of the page's filters and of theirs on the route, flags
// those of the command.
type twin struct {
	route, command string
	query, flags   map[string]string
}

// twins are those of pages, by their patterns (U-12).
func twins() map[string]twin {
	return map[string]twin{
		"GET /studio/{$}":                  {route: "/v1/admin/metrics/overview", command: "hogsend stats"},
		"GET /studio/contacts":             {route: "/v1/admin/contacts", command: "hogsend contacts list", query: map[string]string{"search": "search"}, flags: map[string]string{"search": "--search"}},
		"GET /studio/contacts/{id}":        {route: "/v1/admin/contacts/{id}/summary", command: "hogsend contacts show {id}"},
		"GET /studio/events":               {route: "/v1/admin/events", query: map[string]string{"name": "event"}},
		"GET /studio/events/{id}":          {route: "/v1/admin/events/{id}"},
		"GET /studio/mails":                {route: "/v1/admin/emails", query: map[string]string{"to": "toEmail", "template": "templateKey", "journey": "journeyId"}},
		"GET /studio/mails/{id}":           {route: "/v1/admin/emails/{id}"},
		"GET /studio/journeys":             {route: "/v1/admin/journeys", command: "hogsend journeys list"},
		"GET /studio/journeys/{id}":        {route: "/v1/admin/journeys/{id}", command: "hogsend journeys inflight {id}"},
		"GET /studio/journeys/{id}/people": {route: "/v1/admin/journeys/{id}/states", command: "hogsend journeys states {id}"},
		"GET /studio/journeys/{id}/deploy": {command: "hogsend replay --journey {id}"},
		"GET /studio/buckets":              {route: "/v1/admin/buckets", command: "hogsend buckets list"},
		"GET /studio/buckets/{id}":         {route: "/v1/admin/buckets/{id}", command: "hogsend buckets show {id}"},
		"GET /studio/imports/{id}":         {route: "/v1/admin/contacts/import/{id}"},
		"GET /studio/suppressions":         {route: "/v1/admin/suppressions", query: map[string]string{"search": "search"}},
		"GET /studio/health":               {route: "/v1/health", command: "hogsend doctor"},
		"GET /studio/outbox":               {route: "/v1/admin/outbox", command: "hogsend outbox list"},
		"GET /studio/dead-letters":         {route: "/v1/admin/dlq?status=pending", command: "hogsend dlq list"},
		"GET /studio/keys":                 {route: "/v1/admin/api-keys?includeRevoked=true"},
		"GET /studio/audit":                {route: "/v1/admin/audit-logs", command: "hogsend audit", query: map[string]string{"actor": "actor", "resource": "resource", "action": "action"}, flags: map[string]string{"actor": "--actor", "resource": "--resource", "action": "--action"}},
		"GET /studio/users":                {command: "hogsend admin list"},
		"GET /studio/templates":            {route: "/v1/admin/templates", command: "hogsend templates list"},
		"GET /studio/campaigns":            {route: "/v1/campaigns", command: "hogsend campaigns list"},
		"GET /studio/campaigns/{id}":       {route: "/v1/campaigns/{id}", command: "hogsend campaigns show {id}"},
	}
}

// copies are what a page can be taken along as.
func (s *Studio) copies(r *request) []view.Copy {
	t, known := twins()[r.Pattern]
	if !known {
		return nil
	}
	query := r.URL.Query()
	query.Del("done")
	query.Del("part")
	query.Del("seen")
	out := []view.Copy{{Label: "link", Text: withQuery(s.cfg.PublicURL+r.URL.EscapedPath(), query)}}
	if t.route != "" {
		route, asked := strings.ReplaceAll(t.route, "{id}", url.PathEscape(r.PathValue("id"))), url.Values{}
		for ours, theirs := range t.query {
			if value := r.query(ours); value != "" {
				asked.Set(theirs, value)
			}
		}
		address := withQuery(s.cfg.PublicURL+route, asked)
		text := "curl -s " + quoted(address)
		if !strings.HasPrefix(t.route, "/v1/health") {
			text += ` -H "Authorization: Bearer $HOGSEND_API_KEY"`
		}
		out = append(out, view.Copy{Label: "curl", Text: text})
	}
	if t.command != "" {
		text := strings.ReplaceAll(t.command, "{id}", quoted(r.PathValue("id")))
		for _, ours := range sorted(t.flags) {
			if value := r.query(ours); value != "" {
				text += " " + t.flags[ours] + " " + quoted(value)
			}
		}
		out = append(out, view.Copy{Label: "command", Text: text})
	}
	return out
}

// quoted is a word of a shell that means nothing but itself.
func quoted(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
