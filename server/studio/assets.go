package studio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/server/studio/view"
)

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
		"found": view.Found{}, "help": view.Help{},
		"contacts": view.Contacts{}, "contact": view.Contact{}, "mails": view.Mails{}, "mail": view.Mail{},
		"events": view.Events{}, "event": view.Event{}, "journeys": view.Journeys{}, "journey": view.Journey{},
		"contact_edit": view.ContactEdit{}, "what_if": view.WhatIf{}, "campaigns": view.Campaigns{}, "campaign": view.Campaign{}, "campaign_new": view.CampaignNew{}, "templates": view.Templates{}, "template": view.Template{},
		"imports": view.Imports{}, "import": view.Import{}, "erasures": view.Erasures{}, "erasure": view.Erasure{}, "settings": view.Settings{}, "refused": view.Refused{}, "deploy": view.Deploy{}, "people": view.People{}, "enrollment": view.Enrollment{}, "suppressions": view.Suppressions{}, "keys": view.Keys{}, "lists": view.Lists{}, "outbox": view.Outbox{}, "letters": view.Letters{}, "buckets": view.Buckets{}, "bucket": view.Bucket{}, "overview": view.Overview{}, "health": view.Health{}, "users": view.Users{}, "audit": view.Audit{}, "profile": view.Profile{},
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

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/studio.css static/studio.js static/htmx.min.js
var staticFiles embed.FS
