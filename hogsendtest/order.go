package hogsendtest

import (
	"slices"
	"sync"
	"time"

	"github.com/hogsend/hogsend/internal/virtual"
)

// order lets the local activities of a workflow run one after another, in the order
// in which its code asked for them: the SDK hands several of one task out in any
// order, and a timeline is to be the same each time (T-8).
type order struct {
	progress *virtual.Progress

	mu      sync.Mutex
	changed chan struct{}    // closed with the next change; nil while nobody waits for one
	due     map[string][]int // ids of those asked for and not done, by run
	begun   map[string][]int // of those, the ones that had their turn
	closed  bool
}

func newOrder() *order {
	return &order{progress: virtual.NewProgress(), due: map[string][]int{}, begun: map[string][]int{}}
}

// change makes a change, and has everybody who waits look again.
func (o *order) change(apply func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	apply()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// forget starts a run over.
func (o *order) forget(runID string) {
	o.change(func() {
		delete(o.due, runID)
		delete(o.begun, runID)
	})
}

// close lets everybody go who waits.
func (o *order) close() { o.change(func() { o.closed = true }) }

// expect notes that the activity with an id was asked for. Ids grow.
func (o *order) expect(runID string, id int) {
	o.change(func() { o.due[runID] = append(o.due[runID], id) })
}

// given is how long nothing moves before an activity is taken for one that was given
// up before it began: nobody will say that it is done.
const given = 500 * time.Millisecond

// await returns when it is the turn of an activity: when those asked for before it
// are done, or were given up.
func (o *order) await(runID string, id int) {
	for !o.progress.Await(given, func(tick <-chan time.Time) bool { return o.look(runID, id, tick) }) {
		if !o.ahead(runID, id) {
			break
		}
	}
	o.change(func() { o.begun[runID] = append(o.begun[runID], id) })
}

// look waits for the turn of an activity until a tick.
func (o *order) look(runID string, id int, tick <-chan time.Time) (turn bool) {
	for {
		o.mu.Lock()
		turn := o.closed || !slices.Contains(o.due[runID], id) || slices.Min(o.due[runID]) == id
		if !turn && o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if turn {
			return true
		}
		select {
		case <-changed:
		case <-tick:
			return false
		}
	}
}

// ahead reports whether an activity that was asked for before has begun and is not
// done: it was not given up, and is waited for however long it takes.
func (o *order) ahead(runID string, id int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.begun[runID], func(other int) bool { return other < id })
}

// done notes that the code of the workflow has the activity's result.
func (o *order) done(runID string, id int) {
	is := func(other int) bool { return other == id }
	o.change(func() {
		o.due[runID] = slices.DeleteFunc(o.due[runID], is)
		o.begun[runID] = slices.DeleteFunc(o.begun[runID], is)
	})
}
