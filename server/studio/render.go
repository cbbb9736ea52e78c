package studio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/studio.css static/studio.js static/htmx.min.js
var staticFiles embed.FS

// page is one template with what it shows.
type page struct {
	*template.Template
	// sample is the zero value of what it shows, for tests.
	sample any
}

// pages are all templates but the frame, each with what it shows.
func pages() map[string]any {
	return map[string]any{
		"sign_in": view.SignIn{}, "setup": view.Setup{}, "error": view.Error{}, "confirm": view.Confirm{},
		"contacts": view.Contacts{}, "contact": view.Contact{}, "mails": view.Mails{}, "mail": view.Mail{},
		"events": view.Events{}, "event": view.Event{}, "journeys": view.Journeys{}, "journey": view.Journey{},
		"people": view.People{}, "enrollment": view.Enrollment{}, "suppressions": view.Suppressions{}, "keys": view.Keys{}, "lists": view.Lists{}, "outbox": view.Outbox{}, "letters": view.Letters{}, "buckets": view.Buckets{}, "bucket": view.Bucket{}, "overview": view.Overview{}, "health": view.Health{}, "users": view.Users{}, "audit": view.Audit{}, "profile": view.Profile{},
	}
}

const frameFile = "templates/frame.html"

// parse reads the templates; one that is on no list, or a page without one, is a defect.
func parse() map[string]*page {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	listed := pages()
	parsed := map[string]*page{}
	for _, file := range files {
		if file == frameFile {
			continue
		}
		name := strings.TrimSuffix(path.Base(file), ".html")
		sample, ok := listed[name]
		if !ok {
			panic("template " + file + " is no page")
		}
		parsed[name] = &page{template.Must(template.ParseFS(templateFiles, frameFile, file)), sample}
	}
	for name := range listed {
		if parsed[name] == nil {
			panic("page " + name + " has no template")
		}
	}
	return parsed
}

// asset is a file that pages load, under an address that changes with it.
type asset struct {
	kind, tag     string
	plain, packed []byte
}

func pack() map[string]*asset {
	assets := map[string]*asset{}
	for name, kind := range map[string]string{"studio.css": "text/css; charset=utf-8", "studio.js": "text/javascript; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8"} {
		data, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		a := &asset{kind: kind, tag: hex.EncodeToString(sum[:6]), plain: data, packed: zip(data)}
		assets["/studio/assets/"+a.tag+"/"+name] = a
	}
	return assets
}

func zip(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	write(w, r, http.StatusOK, a.kind, a.plain, a.packed)
}

// write sends a body, packed if the client takes that; packed may be nil.
func write(w http.ResponseWriter, r *http.Request, status int, kind string, plain, packed []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	body := plain
	if len(plain) > 1<<10 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed == nil {
			packed = zip(plain)
		}
		h.Set("Content-Encoding", "gzip")
		body = packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone, or not
	}
}

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
	f.Banners, f.Dot = r.pulse.banners(), r.pulse.dot()
	f.Flash = flash(r.query("done"))
	return f
}

// nav are the pages of the rail that a role may open, and which exist.
func nav(role users.Role, here string) []view.NavGroup {
	groups := []view.NavGroup{
		{Label: "People", Items: []view.NavItem{
			{Label: "Contacts", URL: "/studio/contacts", Key: "c"}, {Label: "Events", URL: "/studio/events", Key: "e"}, {Label: "Mails", URL: "/studio/mails", Key: "m"},
		}},
		{Label: "Programs", Items: []view.NavItem{{Label: "Journeys", URL: "/studio/journeys", Key: "j"}, {Label: "Buckets", URL: "/studio/buckets", Key: "b"}, {Label: "Lists", URL: "/studio/lists"}}},
		{Label: "Running", Items: []view.NavItem{{Label: "Health", URL: "/studio/health", Key: "h"}}},
	}
	groups = append(groups, view.NavGroup{Label: "Admin", Items: []view.NavItem{{Label: "Suppressions", URL: "/studio/suppressions"}}})
	if role == users.Admin {
		running, admin := &groups[2], &groups[3]
		running.Items = append(running.Items, view.NavItem{Label: "Outbox", URL: "/studio/outbox", Key: "o"}, view.NavItem{Label: "Dead letters", URL: "/studio/dead-letters"})
		admin.Items = append(admin.Items, view.NavItem{Label: "API keys", URL: "/studio/keys"}, view.NavItem{Label: "Users", URL: "/studio/users"}, view.NavItem{Label: "Audit", URL: "/studio/audit"})
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
		"paused": "The journey is paused.", "resumed": "The journey goes on.", "switched-off": "The bucket is switched off.", "switched-on": "The bucket is switched on; it settles everybody.", "blocked": "The address is blocked.", "lifted": "The block is lifted.", "revoked": "The key is revoked.", "tried": "It is tried again now.", "discarded": "It is discarded.", "canceled": "It has ended.", "retried": "It goes on where it failed.", "retired": "Everybody leaves; that may take a moment.", "role": "The role is changed; they have to sign in again.",
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
	default:
		p = &problem{status: http.StatusInternalServerError, heading: "This page could not be made", text: "The cause is in the log, under the request's id."}
	}
	if p.status >= 500 {
		s.cfg.Logger.Error("page failed", "request_id", r.id, "route", r.Pattern, "status", p.status, "error", err)
	}
	v := view.Error{Frame: s.frame(r, p.heading, p.heading), Status: p.status, Text: p.text, Next: view.Link{Text: p.next[0], URL: p.next[1]}}
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
