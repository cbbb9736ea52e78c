package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/tracking"
)

const (
	// answerLifetime is how long after its mail an answer is taken.
	answerLifetime = 90 * 24 * time.Hour
	// detonation is how long after its mail was handed over whatever opens it all, with the
	// browser of a person, mostly does: then the picture of the page does not count.
	detonation = time.Minute
	// seenLifetime is how long the page may take to show its picture.
	seenLifetime = 10 * time.Minute
	maxComment   = 8000 // bytes, room for 2,000 characters
)

// answered is a mail's link that somebody followed.
type answered struct {
	token email.AnswerToken
	send  storedb.Send
}

// answerOf verifies the token of a request. ok is false for one that is not valid, or whose
// mail is not there or too old.
func (s *Server) answerOf(r *request, action email.Action, text string) (a answered, ok bool, err error) {
	if s.cfg.Tokens == nil {
		return a, false, nil
	}
	a.token, err = s.cfg.Tokens.VerifyAnswer(text, action, s.now().Unix())
	var reason email.TokenError
	if errors.As(err, &reason) {
		s.log.Info("token refused", "reason", string(reason), "request_id", requestID(r))
		return a, false, nil
	}
	id, err := uuid.Parse(a.token.Send)
	if err != nil {
		return a, false, nil //nolint:nilerr // we signed no such token
	}
	rows, err := s.store.SendGet(r.ctx(), id)
	if err != nil || len(rows) == 0 || strings.HasPrefix(rows[0].Key, "erased:") {
		return a, false, err
	}
	a.send = rows[0]
	return a, s.now().Sub(a.send.CreatedAt) < answerLifetime, nil
}

// handedOver is when a mail was at the earliest.
func handedOver(row storedb.Send) time.Time {
	for _, at := range []*time.Time{row.SentAt, row.FirstAttemptAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

// human reports that a person made the request. Of one who comes by the picture of the page
// alone it is believed only some time after the mail: machines open pages as well.
func (s *Server) human(r *request, a answered, alone bool) bool {
	hit, sent := s.hitOf(r), handedOver(a.send)
	return s.cfg.Tracking.Class(hit, sent, 0) == tracking.Human && (!alone || hit.At.Sub(sent) >= detonation)
}

// showAnswer is R-140, where the link of an answer leads. It changes nothing: whether a
// person opened it says the picture on it, or its button (E-86).
func (s *Server) showAnswer(r *request) error {
	a, ok, err := s.answerOf(r, email.AnswerGiven, r.QueryParam("token"))
	if err != nil {
		return err
	}
	if !ok {
		return s.invalidAnswer(r)
	}
	known, err := s.store.AnswerGet(r.ctx(), a.send.ID, a.token.Event)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(known) > 0 {
		return s.showAnswered(r, a, known[0])
	}
	t := s.texts
	if !s.human(r, a, true) {
		v := s.answerView(t.AnswerAskTitle, t.AnswerText, a.token.Properties)
		v.Action, v.Button, v.Comment = answerAction(r), t.AnswerButton, t.CommentLabel
		return s.show(r, http.StatusOK, v)
	}
	seen := a.token
	seen.Action, seen.Expires = email.AnswerSeen, s.now().Add(seenLifetime).Unix()
	signed, err := s.cfg.Tokens.SignAnswer(seen)
	if err != nil {
		return fmt.Errorf("sign picture: %w", err)
	}
	v := s.answerView(t.AnswerTitle, t.AnswerText, a.token.Properties)
	v.Seen = "/v1/email/answer/seen?token=" + url.QueryEscape(signed)
	v.Action, v.Button, v.Comment = answerAction(r), t.CommentButton, t.CommentLabel
	return s.show(r, http.StatusOK, v)
}

func answerAction(r *request) string {
	return "/v1/email/answer?token=" + url.QueryEscape(r.QueryParam("token"))
}

// seeAnswer is R-141, the picture of the page: whoever shows it has the page open.
func (s *Server) seeAnswer(r *request) error {
	r.Response().Header().Set("Cache-Control", "no-store")
	a, ok, err := s.answerOf(r, email.AnswerSeen, r.QueryParam("token"))
	if err != nil {
		return err
	}
	if ok && s.human(r, a, true) {
		if _, err := s.keepAnswer(r, a, ""); err != nil {
			return err
		}
	}
	return r.Blob(http.StatusOK, "image/gif", tracking.Pixel)
}

// postAnswer is R-142, the button of the page, with a comment or without.
func (s *Server) postAnswer(r *request) error {
	fields, err := form(r)
	if err != nil {
		return err
	}
	a, ok, err := s.answerOf(r, email.AnswerGiven, r.QueryParam("token"))
	if err != nil {
		return err
	}
	if !ok || !s.human(r, a, false) {
		return s.invalidAnswer(r)
	}
	kept, err := s.keepAnswer(r, a, comment(fields.Get("comment")))
	if err != nil {
		return err
	}
	return s.showAnswered(r, a, kept)
}

// comment is what somebody wrote, without what is no text.
func comment(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	return clip.Stored(strings.TrimSpace(text), maxComment)
}

func (s *Server) keepAnswer(r *request, a answered, comment string) (storedb.Answer, error) {
	return s.cfg.Ingest.Answer(r.ctx(), ingest.Answer{Send: a.send, Event: a.token.Event, Properties: a.token.Properties, Comment: comment, At: s.now()})
}

// showAnswered says which answer stays, and asks for a comment if there is none.
func (s *Server) showAnswered(r *request, a answered, kept storedb.Answer) error {
	t := s.texts
	text := t.AnswerText
	if !email.Same(kept.Properties, a.token.Properties) {
		text = t.AnswerStays
	}
	v := s.answerView(t.AnswerTitle, text, kept.Properties)
	if kept.Comment != nil {
		v.Notice = t.Commented
	} else {
		v.Action, v.Button, v.Comment = answerAction(r), t.CommentButton, t.CommentLabel
	}
	return s.show(r, http.StatusOK, v)
}

func (s *Server) invalidAnswer(r *request) error {
	return s.show(r, http.StatusBadRequest, s.view(s.texts.InvalidTitle, s.texts.AnswerInvalidHint))
}

// answerView is a page about an answer, which {answer} in its text stands for.
func (s *Server) answerView(title, text string, properties json.RawMessage) pageView {
	var values map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(properties)))
	decoder.UseNumber()
	said := []string{}
	if decoder.Decode(&values) == nil {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			said = append(said, fmt.Sprint(values[name]))
		}
	}
	v := s.view(title, "")
	v.Text = strings.ReplaceAll(v.words(text, "", ""), "{answer}", strings.Join(said, ", "))
	return v
}
