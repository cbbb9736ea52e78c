// Package trial lets mails go elsewhere while they are only tried out (E-41).
package trial

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hogsend/hogsend/internal/address"
)

// Modes of EMAIL_TEST_MODE.
const (
	ModeOff  = "off"
	ModeOn   = "on"
	ModeAuto = "auto"
)

// Mode lets mails go to an address of one's own, or to nobody, while they are only tried
// out (E-41). nil is off. It is safe for concurrent use.
type Mode struct {
	to     string   // "" for none
	allow  []string // keys of addresses, and domains after an @
	domain string   // of the sender
	// verified asks the provider about a domain; nil never asks.
	verified func(ctx context.Context, domain string) (bool, error)
	log      *slog.Logger
	on       atomic.Bool
	unknown  atomic.Bool
}

// Config is what a Mode is made of.
type Config struct {
	// Mode is off, on or auto: on exactly while Verified says that the domain of From is not
	// (E-42). "" is auto; without Verified that is off.
	Mode string
	// To is where mails go instead; "" is nowhere: then they are skipped.
	To string
	// Allow are addresses, and domains after an @, whose mails go to them all the same.
	Allow    []string
	From     string
	Verified func(ctx context.Context, domain string) (bool, error)
	Logger   *slog.Logger
}

// New makes no call: Watch does.
func New(cfg Config) *Mode {
	t := &Mode{to: cfg.To, log: cfg.Logger}
	t.on.Store(cfg.Mode == ModeOn)
	for _, one := range cfg.Allow {
		if domain, ok := strings.CutPrefix(one, "@"); ok {
			ascii, _ := address.Domain(domain)
			t.allow = append(t.allow, "@"+ascii)
		} else {
			t.allow = append(t.allow, address.Key(one))
		}
	}
	if from, err := address.ParseMailbox(cfg.From); err == nil && (cfg.Mode == ModeAuto || cfg.Mode == "") {
		t.domain, t.verified = from.Address.Domain(), cfg.Verified
	}
	return t
}

// On reports whether mails go elsewhere now.
func (t *Mode) On() bool { return t != nil && t.on.Load() }

// String says how mails go, for people.
func (t *Mode) String() string {
	switch {
	case t.On() && t.to == "":
		return "on, mails are skipped"
	case t.On():
		return "on, mails go to " + t.to
	case t != nil && t.unknown.Load():
		return "off, domain status unknown"
	}
	return "off"
}

// Route says where a mail to an address goes now: there, redirected to another one, or, if
// that is "", nowhere.
func (t *Mode) Route(to string) (address string, redirected bool) {
	if !t.On() || t.allows(to) {
		return to, false
	}
	return t.to, true
}

func (t *Mode) allows(to string) bool {
	parsed, err := address.Parse(to)
	return err == nil && (slices.Contains(t.allow, parsed.Key()) || slices.Contains(t.allow, "@"+parsed.Domain()))
}

// Subject is before the subjects of mails that go elsewhere.
const Subject = "[test] "

// How often the provider is asked about a domain, and how long that may take.
const (
	askUnverified = 5 * time.Minute
	askVerified   = 24 * time.Hour
	askTimeout    = 5 * time.Second
)

// Ask asks the provider about the domain, and returns when to ask again; 0 is never. What
// cannot be found out leaves the mode as it is.
func (t *Mode) Ask(ctx context.Context) time.Duration {
	if t == nil || t.verified == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	verified, err := t.verified(ctx, t.domain)
	was := t.unknown.Swap(err != nil)
	switch {
	case err != nil:
		if !was && ctx.Err() == nil {
			t.log.Warn("domain status unknown", "domain", t.domain, "error", err)
		}
		return askUnverified
	case verified:
		if t.on.Swap(false) {
			t.log.Info("test mode off: the domain is verified", "domain", t.domain)
		}
		return askVerified
	}
	if !t.on.Swap(true) {
		t.log.Warn("test mode on: the domain is not verified", "domain", t.domain, "redirects", t.to != "")
	}
	return askUnverified
}

// Watch asks now and then, until ctx ends. It returns after the first answer.
func (t *Mode) Watch(ctx context.Context) {
	next := t.Ask(ctx)
	if next == 0 {
		return
	}
	go func() {
		timer := time.NewTimer(next)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
				timer.Reset(t.Ask(ctx))
			}
		}
	}()
}
