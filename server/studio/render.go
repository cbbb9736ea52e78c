package studio

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

func (s *Studio) assetsOf() view.Assets {
	var out view.Assets
	for p := range s.assets {
		switch path.Base(p) {
		case "studio.css":
			out.CSS = p
		case "studio.js":
			out.JS = p
		case "htmx.min.js":
			out.HTMX = p
		}
	}
	return out
}

// show answers with a page in its frame, or in a dialog if that is what asks.
func (s *Studio) show(r *request, status int, name string, data any) error {
	root := "frame"
	switch {
	case name == "sign_in" || name == "setup":
		root = "gate"
	case r.Header.Get("X-Studio-Part") == "dialog":
		root = "dialog"
	case r.live && r.query("part") == "live":
		return s.showPart(r, name, "live", data)
	}
	return s.showAs(r, status, name, root, data)
}

func (s *Studio) showAs(r *request, status int, name, root string, data any) error {
	var body bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&body, root, data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	write(r.w, r.Request, status, "text/html; charset=utf-8", body.Bytes(), nil)
	return nil
}

// frame is what a page has around it.
func (s *Studio) frame(r *request, title, heading string) view.Frame {
	f := view.Frame{
		Title: title, Heading: heading, Theme: "auto", Assets: s.assetsOf(), Find: "",
		Foot: view.Foot{Version: s.cfg.Version, Build: s.cfg.BuildID, RequestID: r.id},
	}
	if took := s.cfg.Now().Sub(r.began); took >= 0 {
		f.Foot.Took = strconv.FormatInt(took.Milliseconds(), 10) + " ms"
	}
	if r.session == nil {
		return f
	}
	u := r.session.User
	f.User = &view.User{Name: visible(u.Name), Email: visible(u.Email), Role: u.Role}
	f.Theme, f.Compact, f.Keys = u.Theme, u.Compact, u.Shortcuts
	f.Nav = nav(users.Role(u.Role), r.URL.Path)
	r.pulse.count(f.Nav)
	f.Banners, f.Dot, f.Environment = s.banners(r.pulse), r.pulse.dot(), s.cfg.Environment
	f.Flash = flash(r.query("done"))
	f.Live = r.liveURL("live")
	f.Polls = f.Live != ""
	f.Copies = s.copies(r)
	return f
}

// nav are the pages of the rail that a role may open, and which exist.
func nav(role users.Role, here string) []view.NavGroup {
	groups := []view.NavGroup{
		{Label: "People", Items: []view.NavItem{
			{Label: "Contacts", URL: "/studio/contacts", Key: "c"}, {Label: "Events", URL: "/studio/events", Key: "e"}, {Label: "Mails", URL: "/studio/mails", Key: "m"},
		}},
		{Label: "Programs", Items: []view.NavItem{{Label: "Journeys", URL: "/studio/journeys", Key: "j"}, {Label: "Buckets", URL: "/studio/buckets", Key: "b"}, {Label: "Campaigns", URL: "/studio/campaigns"}, {Label: "Templates", URL: "/studio/templates", Key: "t"}, {Label: "Lists", URL: "/studio/lists"}}},
		{Label: "Running", Items: []view.NavItem{{Label: "Health", URL: "/studio/health", Key: "h"}, {Label: "Imports", URL: "/studio/imports"}}},
	}
	groups = append(groups, view.NavGroup{Label: "Admin", Items: []view.NavItem{{Label: "Suppressions", URL: "/studio/suppressions"}}})
	if role == users.Admin {
		running, admin := &groups[2], &groups[3]
		running.Items = append(running.Items, view.NavItem{Label: "Outbox", URL: "/studio/outbox", Key: "o"}, view.NavItem{Label: "Dead letters", URL: "/studio/dead-letters"})
		admin.Items = append(admin.Items, view.NavItem{Label: "API keys", URL: "/studio/keys"}, view.NavItem{Label: "Users", URL: "/studio/users"}, view.NavItem{Label: "Audit", URL: "/studio/audit"}, view.NavItem{Label: "Erasures", URL: "/studio/erasures"}, view.NavItem{Label: "Settings", URL: "/studio/settings"})
	}
	for g := range groups {
		for i := range groups[g].Items {
			item := &groups[g].Items[i]
			item.Here = here == item.URL || strings.HasPrefix(here, item.URL+"/")
		}
	}
	return groups
}

// flash is the line that tells what was done; only these can be said.
func flash(done string) string {
	return map[string]string{
		"campaign-made": "The campaign is made.", "campaign-paused": "The campaign is paused.", "campaign-resumed": "The campaign goes on.", "campaign-canceled": "The campaign is canceled.",
		"tested": "The test is on its way.", "import": "The file is taken; a worker brings it in.", "resent": "It is sent again: this is the new mail.", "saved": "The contact is changed.", "again": "It has run again.",
		"paused": "The journey is paused.", "resumed": "The journey goes on.", "switched-off": "The bucket is switched off.", "switched-on": "The bucket is switched on; it settles everybody.", "blocked": "The address is blocked.", "lifted": "The block is lifted.", "revoked": "The key is revoked.", "tried": "It is tried again now.", "discarded": "It is discarded.", "mail-off": "No more mail goes to them.", "mail-on": "Mail goes to them again.", "deleted": "The contact is deleted.", "canceled": "It has ended.", "canceled-all": "All who stood there have ended.", "retried": "It goes on where it failed.", "retired": "Everybody leaves; that may take a moment.", "role": "The role is changed; they have to sign in again.",
		"removed": "The user is removed.", "profile": "Your profile is saved.", "others": "You are signed out everywhere else.",
		"merged": "Two contacts turned out to be one person: this is the one that stayed.",
	}[done]
}

// fail answers what went wrong, and logs the causes that are ours.
func (s *Studio) fail(r *request, err error) {
	if errors.Is(err, errRedirected) {
		return
	}
	var p *problem
	switch {
	case errors.As(err, &p):
	case store.IsUnavailable(err):
		p = &problem{status: http.StatusServiceUnavailable, heading: "The database does not answer", text: "Nothing was changed. Try again in a moment."}
		r.w.Header().Set("Retry-After", "5")
		if r.Method == http.MethodGet {
			r.w.Header().Set("Refresh", "5") // the page asks again by itself
		}
	default:
		p = &problem{status: http.StatusInternalServerError, heading: "This page could not be made", text: "The cause is in the log, under the request's id."}
	}
	if p.status >= 500 {
		s.cfg.Logger.Error("page failed", "request_id", r.id, "route", r.Pattern, "status", p.status, "error", err)
	}
	r.live = false
	v := view.Error{Frame: s.frame(r, p.heading, p.heading), Status: p.status, Text: p.text, Next: view.Link{Text: p.next[0], URL: p.next[1]}}
	if p.status == http.StatusNotFound && r.session != nil {
		v.Find = visible(path.Base(r.URL.Path))
	}
	root := "frame"
	if r.session == nil {
		root = "gate"
	}
	if err := s.showAs(r, p.status, "error", root, v); err != nil {
		s.cfg.Logger.Error("page failed", "request_id", r.id, "error", err)
	}
}

// moment is an instant as the user reads it (U-4).
func (s *Studio) moment(r *request, t time.Time) view.Time {
	local := t.In(r.zone)
	return view.Time{
		Text: local.Format("2 Jan 2006, 15:04:05"), Wire: t.UTC().Format("2006-01-02T15:04:05.000Z"), Title: local.Format("MST, UTC-07:00"),
		Ago: ago(s.cfg.Now().Sub(t)),
	}
}

func (s *Studio) momentOrNil(r *request, t *time.Time) *view.Time {
	if t == nil {
		return nil
	}
	m := s.moment(r, *t)
	return &m
}

// ago is how long something is past, as the script goes on to say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min ago"
	case d < 24*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h ago"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d ago"
}
