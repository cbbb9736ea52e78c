package hogsendtest

import (
	"slices"
	"sync"
	"time"
)

// order lets the local activities of a workflow run one after another, in the order
// in which its code asked for them: the SDK hands several of one task out in any
// order, and a timeline is to be the same each time (T-8).
type order struct {
	mu      sync.Mutex
	changed *sync.Cond
	due     map[string][]int // ids of those asked for and not done, by run
}

func newOrder() *order {
	o := &order{due: map[string][]int{}}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// forget starts a run over.
func (o *order) forget(runID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.due, runID)
	o.changed.Broadcast()
}

// expect notes that the activity with an id was asked for. Ids grow.
func (o *order) expect(runID string, id int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due[runID] = append(o.due[runID], id)
}

// overdue is how long an activity waits for one that was given up, in real time.
const overdue = 200 * time.Millisecond

// await returns when it is the turn of an activity: when those asked for before it
// are done.
func (o *order) await(runID string, id int) {
	late := false
	timer := time.AfterFunc(overdue, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		late = true
		o.changed.Broadcast()
	})
	defer timer.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for !late && slices.Contains(o.due[runID], id) && slices.Min(o.due[runID]) < id {
		o.changed.Wait()
	}
}

// done notes that the code of the workflow has the activity's result.
func (o *order) done(runID string, id int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due[runID] = slices.DeleteFunc(o.due[runID], func(other int) bool { return other == id })
	o.changed.Broadcast()
}
