package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// mirror follows the membership with a person property of PostHog, not before an
// instant (B-54).
func (w *wave) mirror(p *person, g *segment, s *bucket.Stay, member bool, at time.Time) error {
	if !g.SyncToPostHog || !w.cfg.Mirror {
		return nil
	}
	what := "left"
	if member {
		what = "entered"
	}
	return w.changes.tellAt(p.id, uuid.Nil, contract.OutboxMirror, mirrorKey(s.ID, what), contract.MirrorPayload{
		ContactID: p.id.String(), StayID: s.ID.String(), Property: g.PostHogPropertyKey, Member: member,
	}, at)
}

func mirrorKey(stayID uuid.UUID, what string) string { return "mirror/" + stayID.String() + "/" + what }

// pace spreads what a backfill mirrors by the dwell rate (B-55). It is the zero time
// for every other transition.
func (w *wave) pace(d *transition) time.Time {
	f := d.segment.settling
	if d.mode.Source != bucket.SourceBackfill || f == nil || f.id != w.chunk {
		return time.Time{}
	}
	w.moved++
	return f.at.Add(time.Duration(w.moved) * time.Second / time.Duration(w.cfg.DwellRate))
}

// mirror has the members mirrored that were there before the mirror, or before its
// property had its name (W-32).
func (r *registration) mirror(ctx context.Context, d, before *bucket.Definition) error {
	if !d.SyncToPostHog || before.SyncToPostHog && before.PostHogPropertyKey == d.PostHogPropertyKey {
		return nil
	}
	id := newID()
	return r.q.ArmingInsert(ctx, storedb.ArmingInsertParams{
		ID: id, BucketID: d.ID, Schedule: json.RawMessage("null"), Property: d.PostHogPropertyKey, Round: id.String(), Now: r.now,
	})
}

// remirror mirrors a member once more.
func (c *changes) remirror(a *storedb.ArmingNextRow, m *storedb.ArmingMembersRow, at time.Time) error {
	return c.tellAt(m.ContactID, uuid.Nil, contract.OutboxMirror, mirrorKey(m.ID, a.Round), contract.MirrorPayload{
		ContactID: m.ContactID.String(), StayID: m.ID.String(), Property: a.Property, Member: true,
	}, at)
}

// capture tells PostHog of an event that is stored (P-11).
func (w *wave) capture(e *flow) error {
	if w.cfg.Captures == nil || !w.cfg.Captures(e.name, e.source) {
		return nil
	}
	return w.changes.tell(e.person.id, e.id, contract.OutboxCapture, "capture/"+e.id.String(), contract.CapturePayload{
		UUID: e.id.String(), ContactID: e.person.id.String(), Event: e.name, Properties: e.properties, Timestamp: e.occurred,
	})
}

// learned tells PostHog what a journey wrote into its contact: values as $set, those
// that it removed as $unset (J-137, P-11).
func (w *wave) learned(it *item) error {
	if !w.cfg.Mirror || it.origin == uuid.Nil {
		return nil
	}
	set, unset := map[string]json.RawMessage{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(it.event.ContactProperties)) {
		if value := it.event.ContactProperties[name]; bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
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
	p := it.verdict.person
	return w.changes.tell(p.id, uuid.Nil, contract.OutboxCapture, "capture/"+it.id.String(), contract.CapturePayload{
		UUID: it.id.String(), ContactID: p.id.String(), Event: "$set", Properties: body, Timestamp: w.now,
	})
}
