package studio

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hogsend/hogsend/server/studio/view"
)

// Health is what the server knows of what it stands on, as /v1/health tells it.
type Health struct {
	// Status is healthy, degraded or migration_pending.
	Status             string
	Database, Temporal Component
	// Applied and Required are the newest migrations of the database and of this build.
	Applied, Required string
	// Behind are the migrations that the database lacks.
	Behind []string
	// Pending is how many messages wait for delivery, Lag how long the oldest has.
	Pending int64
	Lag     time.Duration
	Workers int
}

// Component is a part that answers or does not.
type Component struct {
	Up      bool
	Latency time.Duration
}

// pulse is what the frame of every page shows: whether all is well, and who needs somebody.
type pulse struct {
	health              Health
	troubles, letters   int64
	digests             int64 // how many different definitions workers run
	known               bool
	at                  time.Time
	lagging, unattended bool
}

const (
	// pulseLife is how long the frame shows the same.
	pulseLife = 5 * time.Second
	// lagAfter is a lag of the outbox that is too long (O-30).
	lagAfter = time.Minute
)

// pulses keeps the newest one for all pages.
type pulses struct {
	asking sync.Mutex // held by the one that looks
	mu     sync.Mutex
	last   pulse
}

func (p *pulses) get() pulse {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *pulses) set(now pulse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = now
}

// banners say what is wrong with the installation, on every page (U-2).
func (s *Studio) banners(p pulse) []view.Banner {
	var out []view.Banner
	if mode := s.cfg.TestMode(); mode != "" {
		out = append(out, view.Banner{Tone: "wait", Text: "Test mode is " + mode + "."})
	}
	if len(s.cfg.Unset) > 0 {
		out = append(out, view.Banner{Tone: "wait", Text: "Webhooks are refused, and what they tell is not heard of, for want of " + strings.Join(s.cfg.Unset, ", ") + "."})
	}
	if !p.known {
		return out
	}
	h := p.health
	if len(h.Behind) > 0 {
		out = append(out, view.Banner{Tone: "bad", Text: "The database is behind this build: it lacks " + strings.Join(h.Behind, ", ") + ". Run hogsend migrate."})
	}
	if !h.Temporal.Up {
		out = append(out, view.Banner{Tone: "bad", Text: "Temporal does not answer. Events are accepted; journeys and mails wait until it does."})
	}
	if p.unattended {
		out = append(out, view.Banner{Tone: "bad", Text: "No worker runs. Events are accepted; journeys and mails wait until one does."})
	} else if p.lagging {
		out = append(out, view.Banner{Tone: "wait", Text: "Messages are late: the oldest has waited " + ahead(h.Lag) + "."})
	}
	if p.digests > 1 {
		out = append(out, view.Banner{Tone: "wait", Text: fmt.Sprintf("Workers run %d different definitions, as during a deploy. If none is under way, restart the old ones.", p.digests)})
	}
	return out
}

// count tells the rail how many there need somebody.
func (p pulse) count(groups []view.NavGroup) {
	for _, group := range groups {
		for i := range group.Items {
			switch item := &group.Items[i]; {
			case item.URL == "/studio/journeys" && p.troubles > 0:
				item.Count, item.Counts = capped(p.troubles), "in trouble"
			case item.URL == "/studio/dead-letters" && p.letters > 0:
				item.Count, item.Counts = capped(p.letters), "to decide"
			case item.URL == "/studio/outbox" && p.lagging:
				item.Count, item.Counts = capped(p.health.Pending), "wait"
			}
		}
	}
}

// dot is the light in the header.
func (p pulse) dot() *view.Badge {
	if !p.known {
		return nil
	}
	b := ok("All is well")
	switch {
	case !p.health.Database.Up || !p.health.Temporal.Up || p.unattended || len(p.health.Behind) > 0:
		b = bad("Something is down")
	case p.lagging:
		b = wait("Messages are late")
	case p.troubles > 0 || p.letters > 0:
		b = wait("Somebody needs you")
	}
	return &b
}
