package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

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

	known   []storedb.Send  // under the key
	contact storedb.Contact // who gets it
	// enrolled is the contact of the enrollment, recipient who else gets the mail.
	enrolled  storedb.Contact
	recipient []storedb.Contact
	records   []storedb.Preference
	// pause and deferral are of sends of enrollments.
	pause    *pauseGate
	deferral *deferral
	// gapSends and capSends are as many of the newest sends as the limits ask for.
	gapSends []storedb.SendGapRow
	capSends []storedb.SendCapRow
	// outrank are the deferred sends that go before this one.
	outrank []storedb.DeferralsOutrankingRow
}

func newGate(r contract.SendRequest, d draft, limits steps.Limits) *gate {
	to, err := address.Parse(d.to)
	return &gate{request: r, draft: d, limits: limits, address: to.String(), addressOK: err == nil, emailKey: to.Key()}
}

// readGate takes the locks and reads everything, in one round trip.
func (a *Activities) readGate(ctx context.Context, tx *store.EnrollmentTx, r contract.SendRequest, d draft) (*gate, error) {
	journey := tx.Enrollment.JourneyID
	limits := steps.LimitsOf(a.Registry.Defaults().FrequencyCap, a.Registry.MinSendGap(journey), a.Registry.IDs(journey), d.category, r.SkipPreferenceCheck)
	limits.Priority = a.Registry.Priority(journey)
	g := newGate(r, d, limits)
	g.pause, g.deferral = a.pauseGate(tx, r.Step), deferralOf(r)
	err := tx.Read(ctx, func(p *store.Pipeline) {
		g.pause.queue(ctx, p) // its lock comes before those of preferences, everywhere
		p.Add(func(q *storedb.Queries) (err error) { g.known, err = q.SendFind(ctx, r.Key); return err })
		g.deferral.queue(ctx, p, tx.Enrollment.ID)
		p.Add(func(q *storedb.Queries) (err error) {
			g.enrolled, err = q.EnrollmentContact(ctx, tx.Enrollment.ID)
			return err
		})
		if g.elsewhere() && d.contact.ID != uuid.Nil {
			p.Add(func(q *storedb.Queries) (err error) {
				g.recipient, err = q.ContactSurvivor(ctx, d.contact.ID)
				return err
			})
		}
		a.queuePerson(ctx, p, tx.Now, g)
	})
	switch g.contact = d.contact; {
	case !g.elsewhere():
		g.contact = g.enrolled
	case len(g.recipient) > 0:
		g.contact = g.recipient[0]
	}
	return g, err
}

// elsewhere reports that the mail is for somebody else than the contact of the enrollment.
func (g *gate) elsewhere() bool { return g.draft.about.ID != uuid.Nil || g.draft.nobody }

// moved reports that a contact is not as it was when the mail was rendered.
func (g *gate) moved() bool {
	same := func(a, b storedb.Contact) bool { return a.ID == b.ID && a.UpdatedAt.Equal(b.UpdatedAt) }
	if !g.elsewhere() {
		return !same(g.enrolled, g.draft.contact)
	}
	return !same(g.enrolled, g.draft.about) || g.draft.contact.ID != uuid.Nil && (len(g.recipient) == 0 || !same(g.recipient[0], g.draft.contact))
}

// queuePerson asks for what the person and the address of a mail say to it.
func (a *Activities) queuePerson(ctx context.Context, p *store.Pipeline, now time.Time, g *gate) {
	if g.addressOK {
		ensure := storedb.PreferenceEnsureParams{ID: uuid.Must(uuid.NewV7()), Email: g.address, EmailKey: g.emailKey, ContactID: g.draft.ownerID(), Now: now}
		p.Add(func(q *storedb.Queries) error { return q.PreferenceEnsure(ctx, ensure) })
	}
	p.Add(func(q *storedb.Queries) (err error) {
		g.records, err = q.PreferenceLock(ctx, g.emailKey, g.draft.contactID())
		return err
	})
	g.queueSends(ctx, p, now)
	a.queueOutranking(ctx, p, now, g)
}

// queueSends asks for the sends that the limits count, which the locks of the contact and
// of the address keep as they are until this one is decided: no two find the same place
// (E-22). The statements bound how many are read, steps.Limits decides.
func (g *gate) queueSends(ctx context.Context, p *store.Pipeline, now time.Time) {
	contactID, l := g.draft.contactID(), g.limits
	if l.Gap > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			g.gapSends, err = q.SendGap(ctx, contactID, now.Add(-l.Gap), l.JourneyIDs)
			return err
		})
	}
	if l.Cap.Count > 0 {
		p.Add(func(q *storedb.Queries) (err error) {
			g.capSends, err = q.SendCap(ctx, storedb.SendCapParams{
				ContactID: contactID, Address: g.address, Since: now.Add(-l.Cap.Window), Category: l.CapCategory,
				MaxCount: int32(min(l.Cap.Count, math.MaxInt32)), //nolint:gosec // bounded here
			})
			return err
		})
	}
}

// maxOutranking bounds how many deferred sends are looked at.
const maxOutranking = 1000

// queueOutranking asks for deferred sends that may need the last places of the cap (E-82).
func (a *Activities) queueOutranking(ctx context.Context, p *store.Pipeline, now time.Time, g *gate) {
	if g.limits.Cap.Count < 1 {
		return
	}
	aliases, journeys := a.Registry.Aliases()
	p.Add(func(q *storedb.Queries) (err error) {
		g.outrank, err = q.DeferralsOutranking(ctx, storedb.DeferralsOutrankingParams{
			ContactID: g.draft.contact.ID, EmailKey: g.emailKey, Priority: int32(g.limits.Priority), Before: now.Add(g.limits.Cap.Window), //nolint:gosec // at most 1,000
			Aliases: aliases, Journeys: journeys, Most: maxOutranking,
		})
		return err
	})
}

// askGate decides about a send that is not known yet (E-13).
func (a *Activities) askGate(ctx context.Context, tx *store.EnrollmentTx, g *gate) (steps.GateOutcome, error) {
	state, err := a.gateState(ctx, tx.Now, g)
	if err != nil {
		return steps.GateOutcome{}, err
	}
	state.Ended = !tx.Enrollment.Status.Live() || g.enrolled.DeletedAt != nil
	state.NoRecipient = g.draft.nobody || g.elsewhere() && g.contact.DeletedAt != nil
	state.Paused, state.Effect, state.Deferral = len(g.pause.paused) > 0, g.pause.effect(), g.deferral.state()
	if open := g.deferral.open; open != nil && (!activity.IsActivity(ctx) || activity.GetInfo(ctx).Attempt <= steps.Turns) {
		turn := storedb.DeferralsAheadParams{DueAt: *open.Deadline, RegisteredAt: open.RegisteredAt, ID: open.ID}
		if state.Behind, err = behind(ctx, &tx.Tx, g, turn); err != nil {
			return steps.GateOutcome{}, err
		}
	}
	out, err := state.Decide()
	if err == nil {
		a.Measure.gated(out)
	}
	return out, err
}

// gateState is what the person, the address and the past say to a send.
func (a *Activities) gateState(ctx context.Context, now time.Time, g *gate) (steps.Gate, error) {
	r, defaults := g.request, a.Registry.Defaults()
	state := steps.Gate{
		Now: now, Lists: a.Registry.Lists(), NoAddress: !g.addressOK, EmailKey: g.emailKey, Category: g.draft.category, SkipPreferenceCheck: r.SkipPreferenceCheck,
		Window: cmp.Or(r.Window, defaults.SendWindow), Limits: g.limits, TestMode: g.draft.redirected && g.draft.message.To == "",
		OnBlocked: r.OnBlocked, DefaultOnBlocked: defaults.OnBlocked, MaxDefer: defaults.MaxDefer,
	}
	var err error
	if state.Records, err = preferences(g.records); err != nil {
		return state, err
	}
	if state.Window != (hogsend.Window{}) {
		contact, err := contactOf(g.contact)
		if err != nil {
			return state, err
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
	return state, nil
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
