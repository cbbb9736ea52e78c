package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// tools are what can be asked. Each is one route, or a few.
type tools struct{ ask Ask }

// Pages of lists.
const (
	page    = 20
	maxPage = 50
)

func limit(n int) string {
	if n <= 0 {
		n = page
	}
	return strconv.Itoa(min(n, maxPage))
}

func (t tools) get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return t.ask(ctx, http.MethodGet, path, query, nil)
}

type findContactInput struct {
	Text  string `json:"text" jsonschema:"part of an e-mail address or of a user id"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many at most, 20 unless given, 50 at most"`
}

func (t tools) findContact(ctx context.Context, in findContactInput) (any, error) {
	return t.get(ctx, "/v1/admin/contacts", url.Values{"search": {in.Text}, "limit": {limit(in.Limit)}})
}

type personInput struct {
	Person string `json:"person" jsonschema:"user id, e-mail address, anonymous id or id of the contact"`
}

func (t tools) showContact(ctx context.Context, in personInput) (any, error) {
	return t.get(ctx, "/v1/admin/contacts/"+url.PathEscape(in.Person)+"/summary", nil)
}

type whyInput struct {
	Person string `json:"person" jsonschema:"user id, e-mail address, anonymous id or id of the contact"`
	About  string `json:"about" jsonschema:"id of a mail template, a journey or a bucket"`
	Kind   string `json:"kind,omitempty" jsonschema:"template, journey or bucket, where several are called the same"`
}

func (t tools) why(ctx context.Context, in whyInput) (any, error) {
	query := url.Values{"about": {in.About}}
	if in.Kind != "" {
		query.Set("kind", in.Kind)
	}
	return t.get(ctx, "/v1/admin/contacts/"+url.PathEscape(in.Person)+"/why", query)
}

type nothing struct{}

func (t tools) listJourneys(ctx context.Context, _ nothing) (any, error) {
	return t.get(ctx, "/v1/admin/metrics/journeys", nil)
}

type journeyInput struct {
	Journey string `json:"journey" jsonschema:"id of the journey"`
	Status  string `json:"status,omitempty" jsonschema:"active, waiting, completed, failed or exited; all unless given"`
	Limit   int    `json:"limit,omitempty" jsonschema:"how many at most, 20 unless given, 50 at most"`
	Offset  int    `json:"offset,omitempty" jsonschema:"how many to leave out first"`
}

func (t tools) whoIsInJourney(ctx context.Context, in journeyInput) (any, error) {
	query := url.Values{"limit": {limit(in.Limit)}, "offset": {strconv.Itoa(in.Offset)}}
	if in.Status != "" {
		query.Set("status", in.Status)
	}
	return t.get(ctx, "/v1/admin/journeys/"+url.PathEscape(in.Journey)+"/states", query)
}

func (t tools) listBuckets(ctx context.Context, _ nothing) (any, error) {
	return t.get(ctx, "/v1/admin/buckets", url.Values{"limit": {"100"}})
}

type criteriaInput struct {
	Criteria map[string]any `json:"criteria" jsonschema:"criteria in their JSON form"`
	Bucket   string         `json:"bucket,omitempty" jsonschema:"id of a bucket, to learn who would join and leave it"`
	Limit    int            `json:"limit,omitempty" jsonschema:"how many contacts to show at most, 20 unless given, 50 at most"`
}

func (t tools) previewCriteria(ctx context.Context, in criteriaInput) (any, error) {
	if in.Limit <= 0 {
		in.Limit = page
	}
	body := map[string]any{"criteria": in.Criteria, "limit": min(in.Limit, maxPage)}
	if in.Bucket != "" {
		body["bucketId"] = in.Bucket
	}
	return t.ask(ctx, http.MethodPost, "/v1/admin/buckets/preview", nil, body)
}

// whatIsFailing puts together what an operator looks at first. A part that the key may not
// read is told as such, and takes nothing from the others.
func (t tools) whatIsFailing(ctx context.Context, _ nothing) (any, error) {
	out := map[string]any{}
	var failed int
	var last error
	for _, part := range []struct {
		name, path string
		query      url.Values
		pick       func(json.RawMessage) (any, error)
	}{
		{name: "health", path: "/v1/health"},
		{name: "journeysWithFailures", path: "/v1/admin/metrics/journeys", pick: failing},
		{name: "failedMails", path: "/v1/admin/emails", query: url.Values{"status": {"failed"}, "limit": {"10"}}},
		{name: "bouncedMails", path: "/v1/admin/emails", query: url.Values{"status": {"bounced"}, "limit": {"10"}}},
		{name: "couldNotBeDelivered", path: "/v1/admin/dlq", query: url.Values{"limit": {"10"}}},
	} {
		var found any
		raw, err := t.get(ctx, part.path, part.query)
		if found = raw; err == nil && part.pick != nil {
			found, err = part.pick(raw)
		}
		var refused *Refused
		switch {
		case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
			found = "this key may not read it"
		case err != nil:
			failed, last, found = failed+1, err, "could not be read: "+err.Error()
		}
		out[part.name] = found
	}
	if failed == len(out) {
		return nil, last
	}
	return out, nil
}

// failing are the journeys of R-87 with runs that failed.
func failing(raw json.RawMessage) (any, error) {
	var all struct{ Journeys []map[string]any }
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("decode journeys: %w", err)
	}
	found := []map[string]any{}
	for _, j := range all.Journeys {
		if n, ok := j["failed"].(float64); ok && n > 0 {
			found = append(found, j)
		}
	}
	return found, nil
}
