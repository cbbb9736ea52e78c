package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// apiClient talks to a running server with an API key.
type apiClient struct {
	base, key string
	// hint is said with a refused key.
	hint string
	http *http.Client
	// pause waits between two tries; it returns early when ctx ends.
	pause func(ctx context.Context, d time.Duration) error
}

// clientFlags adds --url and --api-key to a command and returns the client made of them.
func (p *program) clientFlags(cmd *cobra.Command) func() (*apiClient, error) {
	base := cmd.Flags().String("url", "", "server to talk to (HOGSEND_API_URL; default: the dev that runs here, else "+defaultAPI+")")
	key := cmd.Flags().String("api-key", "", "API key (HOGSEND_API_KEY; default: that of the dev that runs here)")
	data := cmd.Flags().String("data", "", dataUsage)
	return func() (*apiClient, error) {
		c := &apiClient{http: &http.Client{Timeout: 35 * time.Second}, pause: pause}
		var here *installation
		var err error
		if *data != "" {
			here, err = p.named(*data)
		} else {
			here, err = findInstallation(filepath.Join(p.Dir, defaultData))
		}
		if err != nil {
			return nil, err
		}
		c.base, c.key = p.serverAndKey(*base, *key, here, *data != "")
		if here != nil && c.base == here.API && c.key != here.APIKey && *key == "" {
			c.hint = " (HOGSEND_API_KEY of the shell is not the key of the hogsend dev that runs here; unset it)"
		}
		if u, err := url.Parse(c.base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("--url: %q is not an address such as %s", c.base, defaultAPI)
		}
		if c.key == "" {
			return nil, errors.New("--api-key: no API key given (flag or HOGSEND_API_KEY), and no `hogsend dev` runs on ./" + defaultData)
		}
		return c, nil
	}
}

const defaultAPI = "http://127.0.0.1:3002"

// serverAndKey says whom to talk to, and as whom: flags win over --data, that over the
// environment, that over a dev which was only found. The key of a dev is for that dev.
func (p *program) serverAndKey(base, key string, here *installation, named bool) (server, apiKey string) {
	var dev installation
	if here != nil {
		dev = *here
	}
	if named {
		server, apiKey = first(base, dev.API), key
	} else {
		server, apiKey = first(base, p.env("HOGSEND_API_URL"), dev.API, defaultAPI), first(key, p.env("HOGSEND_API_KEY"))
	}
	server = strings.TrimRight(server, "/")
	if apiKey == "" && server == dev.API {
		apiKey = dev.APIKey
	}
	return server, apiKey
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// apiError is the server's refusal of what it was asked for.
type apiError struct {
	Asked   string `json:"-"`
	Status  int    `json:"-"`
	Message string `json:"error"`
	Details []struct{ Path, Message string }
	Results json.RawMessage
	hint    string
}

func (e *apiError) Error() string {
	text := fmt.Sprintf("%s: server answered %d: %s", e.Asked, e.Status, escapeControls(e.Message, "")) + e.hint
	for _, d := range e.Details {
		text += fmt.Sprintf("\n  %s: %s", escapeControls(d.Path, ""), escapeControls(d.Message, ""))
	}
	return text
}

// maxTries bounds how often one request is repeated while the server is away.
const maxTries = 10

// do sends one request and decodes the reply into out. A request that the server
// could not take (no connection, 429, 5xx) is repeated with growing pauses, so the
// body must be idempotent.
func (c *apiClient) do(ctx context.Context, method, path string, body, out any) error {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	wait := 200 * time.Millisecond
	for try := 1; ; try++ {
		after, err := c.once(ctx, method, path, payload, out)
		if err == nil || after < 0 || try == maxTries || ctx.Err() != nil {
			return err
		}
		if err := c.pause(ctx, max(after, wait)); err != nil {
			return err
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// once is one try; a negative pause says that another would not help.
func (c *apiClient) once(ctx context.Context, method, path string, payload []byte, out any) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return -1, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("reach server: %w", err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return 0, fmt.Errorf("%s %s: read reply: %w", method, c.base+path, err)
	}
	if res.StatusCode < 300 {
		if err := json.Unmarshal(data, out); err != nil {
			return -1, fmt.Errorf("%s %s: decode reply: %w", method, c.base+path, err)
		}
		return 0, nil
	}
	refusal := &apiError{Asked: method + " " + c.base + path, Status: res.StatusCode}
	if res.StatusCode == http.StatusUnauthorized {
		refusal.hint = c.hint
	}
	if err := json.Unmarshal(data, refusal); err != nil || refusal.Message == "" {
		refusal.Message = http.StatusText(res.StatusCode)
	}
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
		return -1, refusal
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // absent or no number: 0
	return time.Duration(seconds) * time.Second, refusal
}

// pages reads all items of a paged list, under the key of the reply that holds them.
// It ends early when each returns false.
func pages(ctx context.Context, c *apiClient, path string, query url.Values, key string, each func(item json.RawMessage) (bool, error)) error {
	for offset := 0; ; {
		query.Set("limit", "100")
		query.Set("offset", fmt.Sprint(offset))
		var page map[string]json.RawMessage
		if err := c.do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		var items []json.RawMessage
		var total int
		if err := errors.Join(json.Unmarshal(page[key], &items), json.Unmarshal(page["total"], &total)); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		for _, item := range items {
			if more, err := each(item); err != nil || !more {
				return err
			}
		}
		if offset += len(items); len(items) == 0 || offset >= total {
			return nil
		}
	}
}
