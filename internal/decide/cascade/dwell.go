package cascade

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/decide"
)

// dwell fires a timer whose membership is still as it was read (B-40). The instants
// that time has brought were applied before: one that ended by them does not dwell.
func (d *Decider) dwell(c *work, f *decide.Dwell) error {
	b, m := d.Buckets.On(f.BucketID), c.Contact.Membership(f.BucketID)
	if b == nil || m == nil || m.ID != f.MembershipID || !m.Fires(f.Due) || m.Fired[f.Label] >= f.Ordinal {
		c.Refused = true
		return nil
	}
	if m.Fired == nil {
		m.Fired = map[string]int{}
	}
	m.Fired[f.Label] = f.Ordinal
	d.Effects.Fired = append(d.Effects.Fired, decide.DwellFire{MembershipID: m.ID, Label: f.Label, Ordinal: f.Ordinal})
	what := bucketEvent{Source: bucket.SourceClock, DwellCount: f.Ordinal, label: f.Label}
	about, err := d.announceTransition(causeOf(c), b, m, hogsend.ReactionDwell, f.Due, what)
	if err != nil {
		return err
	}
	if about.started != nil {
		c.Enrolled = about.started.ID
	}
	return nil
}

// dueEvent is what the event of a recurrence tells.
type dueEvent struct {
	BucketID   string    `json:"bucketId"`
	BucketName string    `json:"bucketName"`
	UserID     string    `json:"userId"`
	EntryCount int       `json:"entryCount"`
	DueAt      time.Time `json:"dueAt"`
}

// due tells a member of an instant of a recurrence, if it still is one.
func (d *Decider) due(c *work, f *decide.Due) error {
	b, m := d.Buckets.On(f.BucketID), c.Contact.Membership(f.BucketID)
	if b == nil || m == nil || m.ID != f.MembershipID {
		return nil
	}
	name := hogsend.Due(f.BucketID, f.Label)
	body, err := json.Marshal(dueEvent{b.ID, b.Name, c.ContactKey, m.Epoch, f.Due.UTC()})
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	e := &eventState{id: c.ID, name: name, properties: body, source: decide.SourceBucket, occurred: f.Due}
	return d.internal(causeOf(c), e, "")
}
