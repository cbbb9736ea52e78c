package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// holder is whoever holds a valid token: what it says, and the record that it names.
type holder struct {
	token  email.Token
	record storedb.Preference
}

// maxForm bounds the body of a token form (E-56).
const maxForm = 64 << 10

// holder verifies the token of a request, from its URL or its form. ok is false for one
// that is not valid; its reason is logged, and nobody else is told it (E-52).
func (s *Server) holder(r *request, form url.Values) (b holder, ok bool, err error) {
	text := r.QueryParam("token")
	if text == "" {
		text = form.Get("token")
	}
	b, err = s.verify(r, text)
	var reason email.TokenError
	if errors.As(err, &reason) {
		s.log.Info("token refused", "reason", string(reason), "request_id", requestID(r))
		return b, false, nil
	}
	return b, err == nil, err
}

func (s *Server) verify(r *request, text string) (b holder, err error) {
	if s.cfg.Tokens == nil {
		return b, email.ErrTokenSignature
	}
	if b.token, err = s.cfg.Tokens.Verify(text, s.now()); err != nil {
		return b, err
	}
	id, err := uuid.Parse(b.token.Recipient)
	if err != nil {
		return b, email.ErrUnknownRecipient
	}
	rows, err := s.store.PreferenceGet(r.ctx(), id)
	switch {
	case err != nil:
		return b, fmt.Errorf("read preference record: %w", err)
	case len(rows) == 0:
		return b, email.ErrUnknownRecipient
	}
	b.record = rows[0]
	return b, nil
}

// form reads the fields of a posted form of either encoding; another body is ignored.
func form(r *request) (url.Values, error) {
	req := r.Request()
	req.Body = http.MaxBytesReader(r.Response(), req.Body, maxForm)
	kind := req.Header.Get("Content-Type")
	var err error
	switch {
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		err = req.ParseForm()
	case strings.HasPrefix(kind, "multipart/form-data"):
		err = req.ParseMultipartForm(maxForm)
	default:
		_, err = io.Copy(io.Discard, req.Body)
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return nil, tooLarge()
	}
	return req.PostForm, nil // what cannot be read names nothing: the token in the URL counts
}

func (s *Server) invalidLink(r *request) error {
	texts := s.texts
	return s.show(r, http.StatusBadRequest, s.view(texts.InvalidTitle, texts.InvalidHint))
}

// confirmUnsubscribe is R-25: it asks, and changes nothing (E-55).
func (s *Server) confirmUnsubscribe(r *request) error {
	b, ok, err := s.holder(r, nil)
	if err != nil {
		return err
	}
	if !ok || b.token.Action == email.Manage {
		return s.invalidLink(r)
	}
	t := s.texts
	title, text, button := t.UnsubscribeTitle, pick(b, t.UnsubscribeAll, t.UnsubscribeList), t.UnsubscribeButton
	if b.token.Action == email.Resubscribe {
		title, text, button = t.ResubscribeTitle, pick(b, t.ResubscribeAll, t.ResubscribeList), t.ResubscribeButton
	}
	v := s.view(title, "")
	v.Text, v.Action, v.Button = s.words(v, b, text), "/v1/email/unsubscribe?token="+url.QueryEscape(r.QueryParam("token")), button
	return s.show(r, http.StatusOK, v)
}

// pick is the text for everything, or that for a list.
func pick(b holder, all, list string) string {
	if b.token.Category == "" {
		return all
	}
	return list
}

func (s *Server) words(v pageView, b holder, text string) string {
	return v.words(text, masked(b.record.Email), s.categoryName(b.token.Category))
}

// categoryName is how people know a category.
func (s *Server) categoryName(id string) string {
	if i := slices.IndexFunc(s.cfg.Registry.Lists, func(l hogsend.List) bool { return l.ID == id }); i >= 0 {
		return s.cfg.Registry.Lists[i].Name
	}
	if id == journeyCategory {
		return s.texts.JourneyEmail
	}
	return id
}

// journeyCategory is that of mails whose category nobody has named (E-19).
const journeyCategory = "journey"

// unsubscribe is R-26: the button of the page, and the one click of a mail program
// (RFC 8058). Asking twice changes nothing more (E-56).
func (s *Server) unsubscribe(r *request) error {
	fields, err := form(r)
	if err != nil {
		return err
	}
	b, ok, err := s.holder(r, fields)
	if err != nil {
		return err
	}
	if !ok || b.token.Action == email.Manage {
		return s.invalidLink(r)
	}
	via := "page"
	if fields.Get("List-Unsubscribe") == "One-Click" {
		via = "one_click"
	}
	if err := s.decide(r, b, via); err != nil {
		return err
	}
	return s.showResult(r, b)
}

// decide does what a token allows (E-53).
func (s *Server) decide(r *request, b holder, via string) error {
	yes, no := true, false
	c := ingest.Choice{PreferenceChange: store.PreferenceChange{ID: &b.record.ID}, Via: via, SendID: sendOf(b.token)}
	category := b.token.Category
	switch {
	case b.token.Action == email.Unsubscribe && category == "":
		c.UnsubscribedAll = &yes
	case b.token.Action == email.Unsubscribe:
		c.Categories = map[string]bool{category: false}
	case category == "":
		c.UnsubscribedAll = &no
	default: // whoever was off everything is brought back to this category alone
		c.UnsubscribedAll, c.Categories = &no, map[string]bool{category: true}
		c.OthersOff = s.declared()
	}
	_, _, err := s.cfg.Ingest.Choose(r.ctx(), c)
	return err
}

// declared are the categories that the registry names.
func (s *Server) declared() []string {
	all := []string{journeyCategory}
	for _, l := range s.cfg.Registry.Lists {
		all = append(all, l.ID)
	}
	return all
}

func sendOf(t email.Token) *uuid.UUID {
	id, err := uuid.Parse(t.Send)
	if err != nil {
		return nil
	}
	return &id
}

// showResult says what holds now and offers the other scope, the way back and all
// choices (E-54).
func (s *Server) showResult(r *request, b holder) error {
	t := s.texts
	back := b.token
	title, text := t.UnsubscribedTitle, pick(b, t.UnsubscribedAll, t.UnsubscribedList)
	back.Action, back.Expires = email.Resubscribe, s.now().Add(email.ActionLifetime).Unix()
	if b.token.Action == email.Resubscribe {
		title, text = t.ResubscribedTitle, pick(b, t.ResubscribedAll, t.ResubscribedList)
		back.Action, back.Expires = email.Unsubscribe, 0
	}
	v := s.view(title, "")
	v.Text = s.words(v, b, text)
	link := func(token email.Token, path, label string) error {
		signed, err := s.cfg.Tokens.Sign(token)
		if err != nil {
			return fmt.Errorf("sign link: %w", err)
		}
		v.Links = append(v.Links, pageLink{path + "?token=" + url.QueryEscape(signed), s.words(v, b, label)})
		return nil
	}
	if b.token.Action == email.Unsubscribe && b.token.Category != "" {
		everything := b.token
		everything.Category = ""
		if err := link(everything, "/v1/email/unsubscribe", t.StopEverything); err != nil {
			return err
		}
	}
	manage := email.Token{Recipient: b.token.Recipient, Action: email.Manage, Send: b.token.Send, Expires: s.now().Add(email.ActionLifetime).Unix()}
	if err := link(manage, "/v1/email/preferences", t.ChooseYourself); err != nil {
		return err
	}
	if b.token.Action == email.Unsubscribe {
		if err := link(back, "/v1/email/unsubscribe", t.Undo); err != nil {
			return err
		}
	}
	return s.show(r, http.StatusOK, v)
}

// categoriesOf are the choices of a record.
func categoriesOf(row storedb.Preference) (map[string]bool, error) {
	categories := map[string]bool{}
	if err := json.Unmarshal(row.Categories, &categories); err != nil {
		return nil, fmt.Errorf("decode categories of preference %s: %w", row.ID, err)
	}
	return categories, nil
}
