package studio

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// scopeWords are what a key may do (H-3).
func scopeWords() [][2]string {
	return [][2]string{
		{"ingest", "send events and campaigns"}, {"read", "look at everything"}, {"journey-admin", "pause, switch, enroll, retry"}, {"full-admin", "everything"},
	}
}

// keysPage is U-39.
func (s *Studio) keysPage(r *request) (view.Keys, error) {
	v := view.Keys{Password: !r.session.Proved(s.cfg.Now())}
	for _, scope := range scopeWords() {
		v.Scopes = append(v.Scopes, view.Choice{Value: scope[0], Label: scope[0], Hint: scope[1], On: scope[0] == "ingest"})
	}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.ApiKeysList(r.ctx(), true, 0, 200)
		for _, k := range rows {
			row := view.KeyRow{ID: k.ID.String(), Name: visible(k.Name), Prefix: visible(k.Prefix), Scopes: strings.Join(k.Scopes, ", "), By: visible(textOf(k.CreatedBy)), Used: s.momentOrNil(r, k.LastUsedAt), Expires: s.momentOrNil(r, k.ExpiresAt), State: ok("valid")}
			switch {
			case k.RevokedAt != nil:
				row.State = off("revoked")
			case k.ExpiresAt != nil && !k.ExpiresAt.After(s.cfg.Now()):
				row.State = off("expired")
			default:
				row.Revoke = "/studio/keys/" + row.ID + "/revoke"
			}
			v.Rows = append(v.Rows, row)
		}
		return err
	})
	v.Frame = s.frame(r, "API keys", "API keys")
	return v, err
}

func (s *Studio) listKeys(r *request) error {
	v, err := s.keysPage(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "keys", v)
}

// maxKeyName is the length of the longest name, as on the API (H-12).
const maxKeyName = 100

// createKey makes a key and shows it, once: it is nowhere to be read again.
func (s *Studio) createKey(r *request) error {
	if !r.session.Proved(s.cfg.Now()) {
		if err := s.prove(r); err != nil {
			return err
		}
	}
	now := s.instant()
	if err := r.ParseForm(); err != nil {
		return &problem{status: http.StatusUnprocessableEntity, heading: "The form cannot be read", text: "Nothing was done."}
	}
	k := store.NewKey{Name: clean(r.PostFormValue("name")), Scopes: slices.Clone(r.PostForm["scope"]), CreatedBy: r.session.User.Email}
	refused := view.Problem{}
	slices.Sort(k.Scopes)
	k.Scopes = slices.Compact(k.Scopes)
	for _, scope := range k.Scopes {
		if !slices.ContainsFunc(scopeWords(), func(w [2]string) bool { return w[0] == scope }) {
			refused = view.Problem{Field: "scope", Text: "No key may do this."}
		}
	}
	if len(k.Scopes) == 0 {
		refused = view.Problem{Field: "scope", Text: "Choose what it may do."}
	}
	if text := r.PostFormValue("expires"); text != "" {
		day, err := time.ParseInLocation(time.DateOnly, text, r.zone)
		if k.ExpiresAt = &day; err != nil || !day.After(now) {
			refused = view.Problem{Field: "expires", Text: "It has to be a day in the future."}
		}
	}
	if k.Name == "" || utf8.RuneCountInString(k.Name) > maxKeyName {
		refused = view.Problem{Field: "name", Text: "A name has 1 to 100 characters."}
	}
	secret := ""
	if refused.Text == "" {
		var err error
		if _, secret, err = s.cfg.Store.KeyInsert(r.ctx(), k, s.actor(r), now); err != nil {
			return err
		}
	}
	v, err := s.keysPage(r)
	if err != nil {
		return err
	}
	v.Problem, v.Secret = refused, secret
	if refused.Text != "" {
		v.Name = visible(k.Name)
		return s.show(r, http.StatusUnprocessableEntity, "keys", v)
	}
	v.For = visible(k.Name)
	return s.show(r, http.StatusOK, "keys", v)
}

func (s *Studio) confirmRevoke(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Revoke", "Revoke the key?"), Action: "/studio/keys/" + id.String() + "/revoke", Back: "/studio/keys", Verb: "Revoke the key", Password: !r.session.Proved(s.cfg.Now()),
		Points: []string{"It is refused everywhere within a second.", "It cannot be made valid again."},
	})
}

func (s *Studio) revokeKey(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if !r.session.Proved(s.cfg.Now()) {
		if err := s.prove(r); err != nil {
			return err
		}
	}
	if err := s.cfg.Store.KeyRevoke(r.ctx(), id, s.actor(r), s.instant()); errors.Is(err, store.ErrNotFound) {
		return lost("No key has this id.")
	} else if err != nil {
		return err
	}
	return r.see("/studio/keys?done=revoked")
}
