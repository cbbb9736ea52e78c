package studio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
)

// liveURL is where a part of this page is asked for again (U-6); "" where nothing changes
// any more.
func (r *request) liveURL(part string) string {
	query := r.URL.Query()
	if !r.live || r.Method != http.MethodGet || query.Has("before") || query.Has("after") {
		return ""
	}
	query.Del("done")
	query.Del("seen")
	query.Set("part", part)
	return r.URL.Path + "?" + query.Encode() + "&seen="
}

// showPart answers with a part of a page, and with nothing (204) to who has seen it. The
// part says what it is by its hash, which the browser gives back when it asks again.
func (s *Studio) showPart(r *request, name, root string, data any) error {
	var body bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&body, root, data); err != nil {
		return fmt.Errorf("render part of page %s: %w", name, err)
	}
	sum := sha256.Sum256(body.Bytes())
	seen := hex.EncodeToString(sum[:8])
	if r.query("seen") == seen {
		r.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	// What people wrote cannot stand before it: a quote of theirs is escaped.
	part := bytes.Replace(body.Bytes(), []byte(`seen="`), []byte(`seen=`+seen+`"`), 1)
	write(r.w, r.Request, http.StatusOK, "text/html; charset=utf-8", part, nil)
	return nil
}
