// Package operate is what people change by hand, over the API and in Studio alike: each
// change and its entry in the audit log commit together (H-17).
package operate

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/pause"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Desk makes the changes. It is safe for concurrent use.
type Desk struct {
	Store   *store.Store
	Ingest  *ingest.Ingester
	Rollout *rollout.Rollout
}

// IDs are the ids under which enrollments of a journey are stored, the present one first
// (J-13).
func IDs(j hogsend.Journey) []string { return append([]string{j.ID}, j.Aliases...) }

func entry(by store.Actor, action, id string) store.Entry {
	return store.Entry{Actor: by, Action: action, ResourceID: id}
}

// change is what is noted beside a switch or a pause, for every role.
func change(by store.Actor, action, reason string, now time.Time) store.LastChange {
	c := store.LastChange{At: now, By: by.Name, Action: action}
	if reason != "" {
		c.Reason = &reason
	}
	return c
}

// word is the verb of an entry and the word of a change.
func word(enabled bool) (verb, done string) {
	if enabled {
		return ".enable", "enabled"
	}
	return ".disable", "disabled"
}

func switchEntry(by store.Actor, resource, id string, was, enabled bool, reason string) store.Entry {
	verb, _ := word(enabled)
	e := entry(by, resource+verb, id)
	e.Detail.Changed("enabled", was, enabled)
	e.Detail.Given("reason", reason)
	return e
}

// Pause begins the pause of a journey.
func (d *Desk) Pause(ctx context.Context, by store.Actor, j hogsend.Journey, reason string, entries contract.PauseEntries, now time.Time) error {
	e := entry(by, "journeys.pause", j.ID)
	e.Detail.Given("reason", reason)
	if entries != contract.HoldEntries {
		e.Detail.Given("entries", entries)
	}
	_, err := pause.Start(ctx, d.Store, IDs(j), reason, entries, now, d.paused(ctx, e, true, change(by, "paused", reason, now)))
	return err
}

// Resume ends the pause of a journey.
func (d *Desk) Resume(ctx context.Context, by store.Actor, j hogsend.Journey, policy contract.ResumePolicy, late time.Duration, now time.Time) error {
	e := entry(by, "journeys.resume", j.ID)
	e.Detail.Given("policy", policy)
	return pause.Resume(ctx, d.Store, IDs(j), policy, late, now, d.paused(ctx, e, false, change(by, "resumed", "", now)))
}

func (d *Desk) paused(ctx context.Context, e store.Entry, on bool, c store.LastChange) store.Also {
	return func(q *storedb.Queries, changed bool) error {
		e := e // the transaction may be tried again
		if changed {
			e.Detail.Changed("paused", !on, on)
			if err := store.JourneyChanged(ctx, q, e.ResourceID, c); err != nil {
				return err
			}
		}
		return e.Write(ctx)(q)
	}
}

// SwitchJourney switches a journey on or off.
func (d *Desk) SwitchJourney(ctx context.Context, by store.Actor, j hogsend.Journey, enabled bool, reason string, now time.Time) (storedb.JourneyConfig, error) {
	_, done := word(enabled)
	return d.Store.JourneySwitch(ctx, j.ID, change(by, done, reason, now), func(was bool) store.Write {
		return switchEntry(by, "journeys", j.ID, was, enabled, reason).Write(ctx)
	})
}

// SwitchBucket switches a bucket on or off.
func (d *Desk) SwitchBucket(ctx context.Context, by store.Actor, id string, enabled bool, reason string, now time.Time) error {
	_, done := word(enabled)
	return d.Rollout.SwitchBucket(ctx, id, enabled, func(q *storedb.Queries, changed bool) error {
		if changed {
			if err := store.BucketChanged(ctx, q, id, change(by, done, reason, now)); err != nil {
				return err
			}
		}
		return switchEntry(by, "buckets", id, changed != enabled, enabled, reason).Write(ctx)(q)
	})
}

// Retire lets the members of a bucket leave that nobody registers any more.
func (d *Desk) Retire(ctx context.Context, by store.Actor, id string) (leaving int64, err error) {
	return d.Rollout.Retire(ctx, id, func(q *storedb.Queries, _ bool) error {
		return entry(by, "buckets.retire", id).Write(ctx)(q)
	})
}

// Cancel ends an enrollment.
func (d *Desk) Cancel(ctx context.Context, by store.Actor, e storedb.Enrollment) error {
	return d.Ingest.Exit(ctx, e.ID, contract.ExitAdmin, stateEntry(by, "states.cancel", e).Write(ctx))
}

// Retry takes a failed enrollment up again from the run that failed.
func (d *Desk) Retry(ctx context.Context, by store.Actor, e storedb.Enrollment, runID string) error {
	return d.Ingest.Retry(ctx, e.ID, runID, stateEntry(by, "states.retry", e).Write(ctx))
}

func stateEntry(by store.Actor, action string, e storedb.Enrollment) store.Entry {
	out := entry(by, action, e.ID.String())
	out.ContactID = &e.ContactID
	out.Detail.Given("journeyId", e.JourneyID)
	return out
}

// Enroll ingests the trigger of a journey for one contact.
func (d *Desk) Enroll(ctx context.Context, by store.Actor, j hogsend.Journey, event ingest.Event) (ingest.Result, error) {
	return d.Ingest.Ingest(ctx, event, enrollEntry(ctx, by, j))
}

// EnrollAll does so for several contacts, each with an entry of its own.
func (d *Desk) EnrollAll(ctx context.Context, by store.Actor, j hogsend.Journey, events []ingest.Event) ([]ingest.Result, error) {
	return d.Ingest.IngestAll(ctx, events, enrollEntry(ctx, by, j))
}

// enrollEntry names the event, which names the contact, so that the log need not.
func enrollEntry(ctx context.Context, by store.Actor, j hogsend.Journey) func(eventID uuid.UUID) ingest.Write {
	return func(eventID uuid.UUID) ingest.Write {
		e := entry(by, "journeys.enroll", j.ID)
		e.Detail.Given("event", j.Trigger.Event)
		e.Detail.Given("eventId", eventID)
		return e.Write(ctx)
	}
}
