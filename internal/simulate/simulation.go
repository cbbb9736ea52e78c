package simulate

import (
	"context"
	"sync"
	"time"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/engine"
)

// simulation is one run of Run.
type simulation struct {
	Params
	scratch *scratch
	out     Result

	workers []*simulator
	windows []*clock.Window
	// watching are the events whose edges count.
	watching map[string]bool
	aging    bool // some stay may end by its age, or some leave be held back

	mu          sync.Mutex
	source      func(ctx context.Context, size int) ([]*cluster, error)
	done, total int
}

// simulator applies items for some clusters at a time.
type simulator struct {
	*simulation
	engine *engine.Engine
	watch  *recorder
}

// PropertiesWarning says that the properties of stored contacts are those of today (B-61).
const PropertiesWarning = "property history is not kept"

// Params asks what buckets would have done between two instants.
type Params struct {
	// From is where the buckets begin to run: who matches then is a member silently. To
	// is where they end; what is due then still happens.
	From, To time.Time
	// Definitions are the buckets. They run whether they are disabled or not.
	Definitions []bucket.Definition
	// Events are the history, in any order; each needs a Timestamp and must be valid.
	// nil means what is stored.
	Events []decide.Event
	// Progress, if not nil, is told now and then how many people of about how many are
	// done.
	Progress func(done, total int)
}

// Result is what a simulation found.
type Result struct {
	// Transitions are in order of instant; at one instant by contact, and for one
	// contact as they happen.
	Transitions []Transition
	// People is how many contacts had a history.
	People int
	// Warnings tell where history is not known.
	Warnings []string
}

// cluster is people whose identities may touch: what one of them does may merge it
// with another. Nobody else has to do with them, so that it lives at its own pace.
type cluster struct {
	items []item // in order
	next  int
	// people are the contacts that exist by now.
	people []*contact
	// until is where its history ends; over is set if it ends before that instant, by a
	// deletion.
	until time.Time
	over  bool
	// shown are the contact keys of people who go by their uuids in the simulation.
	shown map[string]string
}
