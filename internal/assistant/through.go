package assistant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Through asks the routes of an API in this process, as the client of a request does: by its
// key, from its address.
func Through(api http.Handler, client *http.Request) Ask {
	return func(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
		var payload []byte
		if body != nil {
			var err error
			if payload, err = json.Marshal(body); err != nil {
				return nil, fmt.Errorf("encode question: %w", err)
			}
		}
		r, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(payload))
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", path, err)
		}
		r.URL.RawQuery = query.Encode()
		r.RemoteAddr, r.Host = client.RemoteAddr, client.Host
		for _, name := range []string{"Authorization", "X-Forwarded-For", "X-Request-Id"} {
			for _, value := range client.Header.Values(name) {
				r.Header.Add(name, value) // each proxy may have written a line of its own
			}
		}
		if body != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		w := &answer{header: http.Header{}}
		api.ServeHTTP(w, r)
		if w.status < 300 && w.err == nil {
			return w.body.Bytes(), nil
		}
		return nil, w.refusal()
	}
}

// maxAnswer bounds what of an answer is kept before it is cut to what is told.
const maxAnswer = 8 << 20

// answer keeps what a route answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	err    error
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxAnswer {
		a.err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
		return 0, a.err
	}
	return a.body.Write(p)
}

func (a *answer) refusal() error {
	if a.err != nil {
		return a.err
	}
	var said struct {
		Error   string
		Details []struct{ Path, Message string }
	}
	if err := json.Unmarshal(a.body.Bytes(), &said); err != nil || said.Error == "" {
		said.Error = http.StatusText(a.status)
	}
	for _, d := range said.Details {
		said.Error += fmt.Sprintf("; %s: %s", d.Path, d.Message)
	}
	return &Refused{Status: a.status, Message: said.Error}
}
