package studio

import (
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/hogsend/hogsend/internal/store/storedb"
)

// mailBody is the stored mail for a frame that can run nothing and lead nowhere (U-50):
// looking at a mail never counts, never unsubscribes and shows nobody a token.
func (s *Studio) mailBody(r *request) error {
	var m storedb.Send
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		m, err = s.mail(r, q)
		return err
	})
	if err != nil {
		return err
	}
	images := "data:"
	if r.query("images") == "1" {
		images = "data: https:"
	}
	h := r.w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src "+images+"; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Disposition", "inline")
	body := m.Html
	if body == "" {
		body = "<!DOCTYPE html><meta charset=\"utf-8\"><pre>" + html.EscapeString(m.Text) + "</pre>"
	}
	write(r.w, r.Request, http.StatusOK, "text/html; charset=utf-8", []byte(hideTokens(withoutTracking(body))), nil)
	return nil
}

// Ours in a mail: the pixel, tracked links, and links with a token of the
// reader's.
const (
	pixelPattern = `(?is)<img\b[^>]*\bsrc\s*=\s*["'][^"']*/v1/t/o/[^"']*["'][^>]*>`
	clickPattern = `https?://[^"'\s<>]*/v1/t/c/[0-9a-fA-F-]{36}`
	tokenPattern = `([?&](?:amp;)?token=)[^"'&\s<>]+` //nolint:gosec // what a link looks like, no secret
)

// withoutTracking takes away what would count that the mail was opened or a link clicked.
func withoutTracking(body string) string {
	body = regexp.MustCompile(pixelPattern).ReplaceAllString(body, "")
	return regexp.MustCompile(clickPattern).ReplaceAllString(body, "#tracked-link")
}

// hideTokens puts a word that opens nothing in the place of a reader's token.
func hideTokens(text string) string {
	if !strings.Contains(text, "token=") {
		return text
	}
	return regexp.MustCompile(tokenPattern).ReplaceAllString(text, "${1}hidden")
}
