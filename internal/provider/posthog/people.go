package posthog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// PeopleConfig says how to look people up (P-13). APIKey and Project are required.
type PeopleConfig struct {
	// APIKey is a personal one with the scope person:read, Project the id of the project.
	APIKey, Project string
	// Host is where events go; the application is beside it. "" means https://us.i.posthog.com.
	Host string
	// Transport carries the calls; nil means a copy of http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds a call; 0 means 2 s. Now is the clock of the cache; nil means time.Now.
	Timeout time.Duration
	Now     func() time.Time
}

const (
	lookupTimeout = 2 * time.Second
	// maxPerson is how much of an answer is read.
	maxPerson = 1 << 20
	// knownFor is how long an answer holds, knownPeople how many are remembered.
	knownFor    = 300 * time.Second
	knownPeople = 10_000
)

// People looks up what PostHog knows of people, and remembers it for a while. It is safe for
// concurrent use.
type People struct {
	cfg    PeopleConfig
	client *http.Client

	mu    sync.Mutex
	known map[string]person
	order []string // of known, the oldest first
}

type person struct {
	properties map[string]any
	until      time.Time
}

// NewPeople checks the configuration; it makes no call.
func NewPeople(cfg PeopleConfig) (*People, error) {
	if cfg.APIKey == "" || cfg.Project == "" {
		return nil, errors.New("posthog: a personal API key and a project are required")
	}
	if cfg.Host == "" {
		cfg.Host = defaultHost
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = lookupTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	}
	// us.i.posthog.com takes events, us.posthog.com answers.
	cfg.Host = strings.TrimSuffix(strings.Replace(cfg.Host, ".i.posthog.com", ".posthog.com", 1), "/")
	return &People{cfg: cfg, known: map[string]person{}, client: &http.Client{
		Transport: cfg.Transport, Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Known are the properties of a contact that were looked up lately; nil for none.
func (p *People) Known(contactID string) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one, ok := p.known[contactID]; ok && p.cfg.Now().Before(one.until) {
		return one.properties
	}
	return nil
}

// Find looks a contact up by what PostHog knows it by, unless that was done lately. Of somebody whom PostHog does not know
// there are no properties, which is remembered too; a failure is not.
func (p *People) Find(ctx context.Context, contactID, distinctID string) (map[string]any, error) {
	if known := p.Known(contactID); known != nil {
		return known, nil
	}
	properties, err := p.ask(ctx, distinctID)
	if err != nil {
		return nil, err
	}
	p.remember(contactID, properties)
	return properties, nil
}

func (p *People) ask(ctx context.Context, distinctID string) (map[string]any, error) {
	address := p.cfg.Host + "/api/projects/" + url.PathEscape(p.cfg.Project) + "/persons/?distinct_id=" + url.QueryEscape(distinctID)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("look person up: address is malformed")
	}
	req.Header.Set("Authorization", "Bearer "+p.cfg.APIKey)
	res, err := p.client.Do(req)
	if err != nil {
		var failed *url.Error // it would name the person
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("look person up: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("look person up: posthog answers %d", res.StatusCode)
	}
	var found struct {
		Results []struct {
			Properties map[string]any `json:"properties"`
		} `json:"results"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxPerson)).Decode(&found); err != nil {
		return nil, errors.New("look person up: the answer is not readable")
	}
	if len(found.Results) > 0 && found.Results[0].Properties != nil {
		return found.Results[0].Properties, nil
	}
	return map[string]any{}, nil
}

// remember keeps an answer; of too many the oldest goes. Only zones are asked for.
func (p *People) remember(contactID string, properties map[string]any) {
	kept := map[string]any{}
	for _, name := range []string{"$timezone", "$geoip_time_zone"} {
		if value, ok := properties[name]; ok {
			kept[name] = value
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.known[contactID]; !ok {
		if len(p.order) >= knownPeople {
			delete(p.known, p.order[0])
			p.order = append(p.order[:0], p.order[1:]...)
		}
		p.order = append(p.order, contactID)
	}
	p.known[contactID] = person{kept, p.cfg.Now().Add(knownFor)}
}
