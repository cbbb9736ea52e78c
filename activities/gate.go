package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// gate is what decides about one send, as it is read under the locks.
type gate struct {
	request   contract.SendRequest
	draft     draft
	address   string // as mail is sent to it
	emailKey  string // as it is compared
	addressOK bool
	limits    steps.Limits

	known    []storedb.Send // under the key
	contact  storedb.Contact
	records  []storedb.Preference
	pause    *pauseGate
	deferral *deferral
	// gapSends and capSends are as many of the newest sends as the limits ask for.
	gapSends []storedb.SendGapRow
	capSends []storedb.SendCapRow
	// outrank are the deferred sends that go before this one.
	outrank []storedb.DeferralsOutrankingRow
}

// readGate takes the locks and reads everything, in one round trip.
func (a *Activities) readGate(ctx context.Context, tx *store.EnrollmentTx, r contract.SendRequest, d draft) (*gate, error) {
	journey := tx.Enrollment.JourneyID
	g := &gate{request: r, draft: d, pause: a.pauseGate(tx, r.Step), deferral: deferralOf(r)}
	g.limits = steps.LimitsOf(a.Registry.Defaults().FrequencyCap, a.Registry.MinSendGap(journey), a.Registry.IDs(journey), d.category, r.SkipPreferenceCheck)
	g.limits.Priority = a.Registry.Priority(journey)
	to, err := address.Parse(text(d.contact.Email))
	g.address, g.addressOK, g.emailKey = to.String(), err == nil, to.Key()
	err = tx.Read(ctx, func(p *store.Pipeline) {
		g.pause.queue(ctx, p) // its lock comes before those of preferences, everywhere
		p.Add(func(q *storedb.Queries) (err error) { g.known, err = q.SendFind(ctx, r.Key); return err })
		g.deferral.queue(ctx, p, tx.Enrollment.ID)
		p.Add(func(q *storedb.Queries) (err error) {
			g.contact, err = q.EnrollmentContact(ctx, tx.Enrollment.ID)
			return err
		})
		if g.addressOK {
			p.Add(func(q *storedb.Queries) error {
				return q.PreferenceEnsure(ctx, storedb.PreferenceEnsureParams{ID: uuid.Must(uuid.NewV7()), Email: g.address, EmailKey: g.emailKey, ContactID: &d.contact.ID, Now: tx.Now})
			})
		}
		p.Add(func(q *storedb.Queries) (err error) {
			g.records, err = q.PreferenceLock(ctx, g.emailKey, &d.contact.ID)
			return err
		})
		g.queueSends(ctx, p, tx)
		a.queueOutranking(ctx, p, tx, g)
	})
	return g, err
}

// queueSends asks for the sends that the limits count, which the locks of the contact and
// of the address keep as they are until this one is decided: no two find the same place
// (E-22). The statements bound how many are read, steps.Limits decides.
func (g *gate) queueSends(ctx context.Context, p *store.Pipeline, tx *store.EnrollmentTx) {
	contactID, l := &g.draft.contact.ID, g.limits
	if l.Gap > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			g.gapSends, err = q.SendGap(ctx, contactID, tx.Now.Add(-l.Gap), l.JourneyIDs)
			return err
		})
	}
	if l.Cap.Count > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			g.capSends, err = q.SendCap(ctx, storedb.SendCapParams{
				ContactID: contactID, Address: g.address, Since: tx.Now.Add(-l.Cap.Window), Category: l.CapCategory,
				MaxCount: int32(min(l.Cap.Count, math.MaxInt32)), //nolint:gosec // bounded here
			})
			return err
		})
	}
}

// maxOutranking bounds how many deferred sends are looked at.
const maxOutranking = 1000

// queueOutranking asks for deferred sends that may need the last places of the cap (E-82).
func (a *Activities) queueOutranking(ctx context.Context, p *store.Pipeline, tx *store.EnrollmentTx, g *gate) {
	if g.limits.Cap.Count < 1 {
		return
	}
	aliases, journeys := a.Registry.Aliases()
	p.Add(func(q *storedb.Queries) (err error) {
		g.outrank, err = q.DeferralsOutranking(ctx, storedb.DeferralsOutrankingParams{
			ContactID: g.draft.contact.ID, EmailKey: g.emailKey, Priority: int32(g.limits.Priority), Before: tx.Now.Add(g.limits.Cap.Window), //nolint:gosec // at most 1,000
			Aliases: aliases, Journeys: journeys, Most: maxOutranking,
		})
		return err
	})
}

// askGate decides about a send that is not known yet (E-13).
func (a *Activities) askGate(ctx context.Context, tx *store.EnrollmentTx, g *gate) (steps.GateOutcome, error) {
	r, defaults := g.request, a.Registry.Defaults()
	state := steps.Gate{
		Now: tx.Now, Ended: !tx.Enrollment.Status.Live() || g.contact.DeletedAt != nil,
		Paused: len(g.pause.paused) > 0, Effect: g.pause.effect(),
		Lists: a.Registry.Lists(), NoAddress: !g.addressOK, EmailKey: g.emailKey, Category: g.draft.category, SkipPreferenceCheck: r.SkipPreferenceCheck,
		Window: cmp.Or(r.Window, defaults.SendWindow), Limits: g.limits, Deferral: g.deferral.state(),
		OnBlocked: r.OnBlocked, DefaultOnBlocked: defaults.OnBlocked, MaxDefer: defaults.MaxDefer,
	}
	var err error
	if state.Records, err = preferences(g.records); err != nil {
		return steps.GateOutcome{}, err
	}
	if state.Behind, err = a.behind(ctx, tx, g); err != nil {
		return steps.GateOutcome{}, err
	}
	if state.Window != (hogsend.Window{}) {
		contact, err := contactOf(g.contact)
		if err != nil {
			return steps.GateOutcome{}, err
		}
		state.Zone = a.zoneOf(ctx, contact, r.Step.EnrollmentID).Name
	}
	for _, s := range g.gapSends {
		state.GapSends = append(state.GapSends, steps.PastSend{ClaimedAt: s.ClaimedAt.UTC(), Status: s.Status, Reason: text(s.Reason), JourneyID: text(s.JourneyID), Category: s.Category})
	}
	for _, s := range g.capSends {
		state.CapSends = append(state.CapSends, steps.PastSend{ClaimedAt: s.ClaimedAt.UTC(), Status: s.Status, Reason: text(s.Reason), JourneyID: text(s.JourneyID), Category: s.Category})
	}
	for _, d := range g.outrank {
		state.Deferred = append(state.Deferred, steps.DeferredSend{Due: d.DueAt.UTC(), Priority: int(d.Priority), Category: d.Category})
	}
	return state.Decide()
}

// preferences are records as decisions look at them.
func preferences(rows []storedb.Preference) ([]steps.Preference, error) {
	records := make([]steps.Preference, len(rows))
	for i, row := range rows {
		records[i] = steps.Preference{
			EmailKey: row.EmailKey, UnsubscribedAll: row.UnsubscribedAll, Suppressed: row.Suppressed, Suppression: contract.SendReason(text(row.SuppressionReason)),
		}
		if err := json.Unmarshal(row.Categories, &records[i].Categories); err != nil {
			return nil, fmt.Errorf("decode categories of preference %s: %w", row.ID, err)
		}
	}
	return records, nil
}
