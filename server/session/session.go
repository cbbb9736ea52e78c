// Package session keeps who is signed in, in cookies: for the API and for Studio alike
// (H-2).
package session

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/users"
)

// The names of the cookies (H-2). On https that of the session binds it to this very host.
const (
	cookieName  = "hogsend_session"
	setupCookie = "hogsend_setup"
)

// Keeper reads and writes the cookies of one server.
type Keeper struct {
	Users *users.Users
	// Secure is set on https; CrossSite when a trusted origin may be another site.
	Secure, CrossSite bool
	// Origins are those that may write: our own and the trusted ones, in lower case.
	Origins []string
	// Client is the address that a request comes from.
	Client func(*http.Request) string
}

func (k *Keeper) name() string {
	if k.Secure {
		return "__Host-" + cookieName
	}
	return cookieName
}

func value(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Secret is what the session cookie of a request holds; "" for none.
func (k *Keeper) Secret(r *http.Request) string { return value(r, k.name()) }

// SetupToken is the token of the setup link that was opened in this browser.
func (k *Keeper) SetupToken(r *http.Request) string { return value(r, setupCookie) }

// From is where a request comes from, as a session remembers it.
func (k *Keeper) From(r *http.Request, requestID string) users.From {
	return users.From{Address: k.Client(r), UserAgent: r.UserAgent(), RequestID: requestID}
}

func (k *Keeper) cookie(name, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure where it is served by https; None only for a trusted origin of another site
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: k.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int(age / time.Second),
	}
	if k.Secure && k.CrossSite {
		c.SameSite = http.SameSiteNoneMode
	}
	return c
}

// Keep hands a session to the browser; without remember it ends with the browser.
func (k *Keeper) Keep(w http.ResponseWriter, secret string, remember bool) {
	age := users.SessionLife
	if !remember {
		age = 0
	}
	http.SetCookie(w, k.cookie(k.name(), secret, age))
	http.SetCookie(w, k.cookie(setupCookie, "", -time.Second))
}

// KeepSetup remembers for an hour that the setup link was opened.
func (k *Keeper) KeepSetup(w http.ResponseWriter, token string) {
	http.SetCookie(w, k.cookie(setupCookie, token, time.Hour))
}

// SignOut ends the session of a request and makes the browser forget what it was shown.
func (k *Keeper) SignOut(w http.ResponseWriter, r *http.Request, requestID string) error {
	if err := k.Users.SignOut(r.Context(), k.Secret(r), k.From(r, requestID)); err != nil {
		return err
	}
	http.SetCookie(w, k.cookie(k.name(), "", -time.Second))
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return nil
}

// SignedIn tells who sent a request by its cookie; nil for nobody. It renews what is a day
// old (O-8).
func (k *Keeper) SignedIn(w http.ResponseWriter, r *http.Request) (*users.Session, error) {
	secret := k.Secret(r)
	s, ok, renewed, err := k.Users.Session(r.Context(), secret)
	if err != nil || !ok {
		return nil, err
	}
	if renewed {
		k.Keep(w, secret, s.Row.Remember)
	}
	return &s, nil
}

// SameSite reports whether a request that a browser may have been made to send comes from
// our own pages: what only looks may come from anywhere (H-2, U-48).
func (k *Keeper) SameSite(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		return slices.Contains(k.Origins, strings.ToLower(origin))
	}
	return r.Header.Get("Sec-Fetch-Site") == "same-origin"
}
