package studio

import (
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/server/studio/view"
)

// farAhead is after everything that has happened.
func farAhead() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// pageRows is how many rows a list shows (U-5).
const pageRows = 50

// cursorOf is where a list goes on.
func cursorOf(at time.Time, id uuid.UUID) string {
	return at.UTC().Format(time.RFC3339Nano) + "_" + id.String()
}

// cursor reads one; what is no cursor begins the list.
func cursor(text string) (at time.Time, id uuid.UUID, ok bool) {
	when, rest, found := strings.Cut(text, "_")
	if !found {
		return at, id, false
	}
	at, err := time.Parse(time.RFC3339Nano, when)
	id, failed := uuid.Parse(rest)
	return at, id, err == nil && failed == nil
}

// turning is how a list is asked for: rows older than a key, or those right after one.
type turning struct{ before, after string }

func (r *request) turning() turning {
	return turning{r.query("before"), r.query("after")}
}

// pager leads to the rows around a page whose first and last have these keys; more says
// that there are older ones, first that none is newer.
func pager(path string, query url.Values, newest, oldest string, first, more bool) (p view.Pager) {
	at := func(name, key string) string {
		q := maps.Clone(query)
		q.Set(name, key)
		return withQuery(path, q)
	}
	if !first && newest != "" {
		p.Newer = at("after", newest)
	}
	if more {
		p.Older = at("before", oldest)
	}
	return p
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// stamp is the instant of a row that a form carries (U-8).
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
