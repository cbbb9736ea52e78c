package studio

import (
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
func (p pulse) banners() []view.Banner {
	if !p.known {
		return nil
	}
	var out []view.Banner
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
	return out
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
