// Package posthog tells PostHog of events and of properties of people, and says of
// every failure whether it concerns the event or PostHog as a whole (P-10).
package posthog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	sdk "github.com/posthog/posthog-go"
)

const (
	defaultHost = "https://us.i.posthog.com"
	callTimeout = 15 * time.Second
	// maxBatch is how many events go in one call (P-10).
	maxBatch = 100
)

// Config says how to reach PostHog.
type Config struct {
	// APIKey is the project's key and required.
	APIKey string
	// Host is where events go; "" means https://us.i.posthog.com.
	Host string
	// Version is told with every event as $lib_version.
	Version string
	// Transport carries the calls; nil means a copy of http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds a call; 0 means 15 s (P-18).
	Timeout time.Duration
	// Now is the clock that a Retry-After date is compared with; nil means time.Now.
	Now func() time.Time
}

// Client is PostHog. It is safe for concurrent use.
type Client struct {
	cfg  Config
	turn chan struct{} // one call at a time: those that come meanwhile share the next one

	mu      sync.Mutex
	waiting *batch
}

// batch are the events of one call to be.
type batch struct {
	events []Event
	errs   []error
	done   chan struct{}
}

// New checks the configuration; it makes no call.
func New(cfg Config) (*Client, error) {
	if cfg.APIKey = strings.TrimSpace(cfg.APIKey); cfg.APIKey == "" {
		return nil, errors.New("posthog: no API key")
	}
	cfg.Host = strings.TrimSuffix(cmp.Or(cfg.Host, defaultHost), "/")
	if base, err := url.Parse(cfg.Host); err != nil || base.Host == "" {
		return nil, fmt.Errorf("posthog: %q is not a base URL", cfg.Host)
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, callTimeout)
	return &Client{cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// Event is one thing to tell. Properties of the person are written by the event $set.
type Event struct {
	// UUID makes repetitions the same event.
	UUID string
	// DistinctID says of whom; never an address.
	DistinctID string
	Name       string
	// Properties may be nil. They cannot say that the event is anybody else's than ours.
	Properties map[string]any
	Timestamp  time.Time
}

// SetEvent is the name of the event that only writes properties of the person.
const SetEvent = "$set"

// SetPerson is the property of an event that writes properties of the person.
func SetPerson(properties map[string]any) map[string]any {
	return map[string]any{"$set": properties}
}

// UnsetPerson is the property of an event that removes properties of the person.
func UnsetPerson(names ...string) map[string]any {
	return map[string]any{"$unset": names}
}

// Send tells PostHog one event and returns when PostHog has it. Events that are sent
// at the same time share a call; one that PostHog refuses fails alone. The error is an
// *Error, or that of ctx, after which the event may still be told.
func (c *Client) Send(ctx context.Context, event Event) error {
	b, place := c.join(event)
	select {
	case <-b.done:
		return b.errs[place]
	case <-ctx.Done():
		return fmt.Errorf("tell posthog: %w", ctx.Err())
	}
}

// join adds an event to the next call. Whoever opens a batch has it sent.
func (c *Client) join(event Event) (*batch, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.waiting
	if b == nil || len(b.events) == maxBatch {
		b = &batch{done: make(chan struct{})}
		c.waiting = b
		go c.run(b)
	}
	b.events = append(b.events, event)
	return b, len(b.events) - 1
}

func (c *Client) run(b *batch) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.mu.Lock()
	if c.waiting == b {
		c.waiting = nil
	}
	c.mu.Unlock()
	b.errs = c.tell(b.events)
	close(b.done)
}

// tell makes one call. If PostHog refuses it as a whole, each event has a call of its
// own: one of them is what it refuses, and the others are not to suffer.
func (c *Client) tell(events []Event) []error {
	errs := c.call(events)
	if len(events) == 1 {
		return errs
	}
	for i, err := range errs {
		var e *Error
		if errors.As(err, &e) && e.Kind == Permanent {
			errs[i] = c.call(events[i : i+1])[0]
		}
	}
	return errs
}

// call makes one attempt. The SDK's client sends in the background and tries again by
// itself; one that lives as long as its call does neither: to close it is to send, and
// what failed is not repeated once it is closed.
func (c *Client) call(events []Event) []error {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Timeout)
	defer cancel()
	told := &results{byID: make(map[string]error, len(events))}
	errs := make([]error, len(events))
	client, err := sdk.NewWithConfig(c.cfg.APIKey, sdk.Config{
		Endpoint: c.cfg.Host, BatchSize: maxBatch, Interval: time.Hour, Callback: told, Logger: silence{},
		Transport:  transport{ctx: ctx, next: c.cfg.Transport, now: c.cfg.Now},
		RetryAfter: func(int) time.Duration { return time.Hour },
	})
	if err != nil {
		for i := range errs {
			errs[i] = classify(err)
		}
		return errs
	}
	for i := range events {
		if err := client.Enqueue(c.capture(&events[i])); err != nil {
			errs[i] = &Error{Kind: Permanent, Err: err}
		}
	}
	if err := client.Close(); err != nil {
		told.lost = err
	}
	for i := range events {
		if errs[i] == nil {
			errs[i] = told.of(events[i].UUID)
		}
	}
	return errs
}

// capture is the event with what tells whose it is. Where the call comes from says
// nothing about where the person is.
func (c *Client) capture(e *Event) sdk.Capture {
	properties := sdk.NewProperties().Set("$geoip_disable", true)
	for name, value := range e.Properties {
		properties.Set(name, value)
	}
	properties.Set("$lib", "hogsend").Set("$lib_version", c.cfg.Version)
	return sdk.Capture{Uuid: e.UUID, DistinctId: e.DistinctID, Event: e.Name, Timestamp: e.Timestamp, Properties: properties}
}
