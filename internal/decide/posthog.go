package decide

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
)

// mirror follows the membership with a person property of PostHog, not before an
// instant (B-54).
func (d *Decider) mirror(contactID uuid.UUID, b *CompiledBucket, m *bucket.Membership, member bool, at time.Time) {
	if !b.SyncToPostHog || !d.Mirror {
		return
	}
	what := "left"
	if member {
		what = "entered"
	}
	d.MirrorMember(contactID, m.ID, b.PostHogPropertyKey, what, member, at)
}

// MirrorMember tells PostHog of one membership; what tells one message from another.
func (d *Decider) MirrorMember(contactID, membershipID uuid.UUID, property, what string, member bool, at time.Time) {
	d.enqueueAt(contactID, uuid.Nil, contract.OutboxMirror, "mirror/"+membershipID.String()+"/"+what, contract.MirrorPayload{
		ContactID: contactID.String(), StayID: membershipID.String(), Property: property, Member: member,
	}, at)
}

// pace spreads what a backfill mirrors by the dwell rate (B-55). It is the zero time
// for every other transition.
func (d *Decider) pace(t *transition) time.Time {
	f := t.bucket.Backfill
	if t.mode.Source != bucket.SourceBackfill || f == nil || f.ID != d.Chunk.Backfill {
		return time.Time{}
	}
	d.Chunk.Moved++
	return f.At.Add(time.Duration(d.Chunk.Moved) * time.Second / time.Duration(d.DwellRate))
}

// capture tells PostHog of an event that is stored (P-11).
func (d *Decider) capture(e *eventState) {
	if d.Captures == nil || !d.Captures(e.name, e.source) {
		return
	}
	d.enqueue(e.contact.ID, e.id, contract.OutboxCapture, "capture/"+e.id.String(), contract.CapturePayload{
		UUID: e.id.String(), ContactID: e.contact.ID.String(), Event: e.name, Properties: e.properties, Timestamp: e.occurred,
	})
}

// learned tells PostHog what a journey wrote into its contact: values as $set, those
// that it removed as $unset (J-137, P-11).
func (d *Decider) learned(c *Change, u *Update) error {
	if !d.Mirror || u.From == nil {
		return nil
	}
	set, unset := map[string]json.RawMessage{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(u.Properties)) {
		if value := u.Properties[name]; isNull(value) {
			unset = append(unset, name)
		} else {
			set[name] = value
		}
	}
	properties := map[string]any{}
	if len(set) > 0 {
		properties["$set"] = set
	}
	if len(unset) > 0 {
		properties["$unset"] = unset
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fmt.Errorf("encode properties: %w", err)
	}
	contact := c.Contact
	d.enqueue(contact.ID, uuid.Nil, contract.OutboxCapture, "capture/"+c.ID.String(), contract.CapturePayload{
		UUID: c.ID.String(), ContactID: contact.ID.String(), Event: "$set", Properties: body, Timestamp: d.now,
	})
	return nil
}
