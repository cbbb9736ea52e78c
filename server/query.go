package server

import (
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// query reads the parameters of a request; what is wrong with them is kept until
// err is asked. Empty values are absent, unknown names are ignored (H-6).
type query struct {
	values url.Values
	problems
}

func queryOf(r *request) *query { return &query{values: r.QueryParams()} }

func (q *query) text(name string) string {
	s := q.values.Get(name)
	if !isText(s) {
		q.report(name, "must be valid Unicode text")
		return ""
	}
	return s
}

// isText reports whether Postgres takes s as text (H-6).
func isText(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}

// optional is nil for an absent parameter.
func (q *query) optional(name string) *string {
	if s := q.text(name); s != "" {
		return &s
	}
	return nil
}

// id is an optional uuid.
func (q *query) id(name string) *uuid.UUID {
	text := q.text(name)
	if text == "" {
		return nil
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		q.report(name, "must be a uuid")
		return nil
	}
	return &id
}

// oneOf is an optional parameter with a closed set of values.
func (q *query) oneOf(name string, words ...string) *string {
	s := q.optional(name)
	if s == nil {
		return nil
	}
	for _, word := range words {
		if *s == word {
			return s
		}
	}
	q.report(name, "unknown value")
	return nil
}

func (q *query) boolean(name string) *bool {
	var b bool
	switch q.values.Get(name) {
	case "":
		return nil
	case "true":
		b = true
	case "false":
	default:
		q.report(name, "must be true or false")
	}
	return &b
}

func (q *query) integer(name string, fallback, low, high int) int {
	text := q.values.Get(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		q.report(name, "must be an integer from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return fallback
	}
	return n
}

// page is one page of a list; it is part of the reply (H-8).
type page struct {
	Total  int64 `json:"total"`
	Limit  int32 `json:"limit"`
	Offset int32 `json:"offset"`
}

func (q *query) page() page {
	return page{
		Limit:  int32(q.integer("limit", 50, 1, 100)),     //nolint:gosec // at most 100
		Offset: int32(q.integer("offset", 0, 0, 1<<31-1)), //nolint:gosec // it was checked to fit
	}
}

// maxListBytes is about how large a page of a list may be (H-12): one of large rows is
// shorter than was asked for.
const maxListBytes = 4 << 20

// shown notes how many rows a page has: one that ends before its limit though there are
// more tells its length as the limit, so that the next one begins where it ended.
func (p *page) shown(n int) {
	if n > 0 && int64(p.Offset)+int64(n) < p.Total && n < int(p.Limit) {
		p.Limit = int32(n) //nolint:gosec // less than the limit
	}
}

// cut is the part of a whole list that a page shows.
func cut[T any](p page, list []T) []T {
	from := min(int(p.Offset), len(list))
	return list[from:min(from+int(p.Limit), len(list))]
}

// span reads from and to, both inclusive; a day as to means its end (H-10).
func (q *query) span() (since, until *time.Time) {
	since, until = q.instant("from", false), q.instant("to", true)
	if since != nil && until != nil && since.After(*until) {
		q.report("from", "must not be after to")
	}
	return since, until
}

func (q *query) instant(name string, end bool) *time.Time {
	text := q.values.Get(name)
	if text == "" {
		return nil
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err == nil {
		t = t.UTC()
		return &t
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		q.report(name, "must be an RFC 3339 time or a day such as 2026-01-31")
		return nil
	}
	if end {
		t = t.AddDate(0, 0, 1).Add(-time.Microsecond) // the last instant Postgres can tell from the next day
	}
	return &t
}

// param is a path parameter, decoded exactly once (H-1).
func param(r *request, name string) (string, error) {
	value := r.Param(name)
	if r.Request().URL.RawPath != "" {
		var err error
		if value, err = url.PathUnescape(value); err != nil {
			return "", invalid(detail{Path: name, Message: "malformed percent-encoding"})
		}
	}
	if !isText(value) {
		return "", invalid(detail{Path: name, Message: "must be valid Unicode text"})
	}
	return value, nil
}

// idParam is a path parameter that must be a uuid.
func idParam(r *request, name string) (uuid.UUID, error) {
	text, err := param(r, name)
	if err != nil {
		return uuid.UUID{}, err
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.UUID{}, invalid(detail{Path: name, Message: "must be a uuid"})
	}
	return id, nil
}
