package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// refusal is why a send may not leave: what is stored of it (E-13).
type refusal struct {
	status contract.SendStatus
	reason contract.SendReason
	// until is the first instant at which a check that time passes would let it; zero
	// for the others (E-26).
	until time.Time
}

// gate is what decides about one send, as it is under the locks.
type gate struct {
	request   contract.SendRequest
	draft     draft
	address   string // as mail is sent to it
	emailKey  string // as it is compared
	addressOK bool

	known    []storedb.Send // under the key
	contact  storedb.Contact
	ended    bool // the enrollment, or the contact
	records  []storedb.Preference
	pause    *pauseGate
	pace     *pace
	deferral *deferral
}

// readGate takes the locks and reads everything, in one round trip.
func (a *Activities) readGate(ctx context.Context, tx *store.EnrollmentTx, r contract.SendRequest, d draft) (*gate, error) {
	g := &gate{request: r, draft: d, pause: a.pauseGate(tx, r.Step), pace: a.paceOf(tx.Enrollment.JourneyID, d.category, r), deferral: deferralOf(r)}
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
		g.pace.queue(ctx, p, g.pause.ids, d, g.address, tx.Now)
	})
	g.ended = !tx.Enrollment.Status.Live() || g.contact.DeletedAt != nil
	return g, err
}

// refusal is the first row of the gate that refuses the send, nil for none (E-13).
// Row 1, the key, and row 3, a pause, are the caller's.
func (a *Activities) refusal(ctx context.Context, tx *store.EnrollmentTx, g *gate) (*refusal, error) {
	switch {
	case g.ended: // row 2
		return &refusal{status: contract.SendSkipped, reason: contract.SendEnrollmentEnded}, nil
	case g.pause.skips():
		return &refusal{status: contract.SendSkipped, reason: contract.SendPausedLate}, nil
	case !g.addressOK: // row 4
		return &refusal{status: contract.SendSkipped, reason: contract.SendNoEmail}, nil
	case g.request.SkipPreferenceCheck: // E-15
		return suppressed(g.records, g.emailKey), nil
	}
	refused, err := optedOut(g.records, g.emailKey, g.draft.category)
	if err != nil || refused != nil || definition.Exempts(a.Registry.Defaults().FrequencyCap, g.draft.category) { // E-16
		return refused, err
	}
	if refused, err = a.deferredTooLong(ctx, tx, g); err != nil || refused != nil {
		return refused, err
	}
	if err := a.awaitTurn(ctx, tx, g.deferral); err != nil {
		return nil, err
	}
	if refused, err = a.outsideWindow(ctx, g.contact, g.request, tx.Now); err != nil || refused != nil {
		return refused, err
	}
	return g.pace.refusal(), nil
}

// suppressed is row 5 of the gate: it counts for the exact address only (E-20).
func suppressed(records []storedb.Preference, emailKey string) *refusal {
	for _, p := range records {
		if p.Suppressed && p.EmailKey == emailKey && emailKey != "" {
			return &refusal{status: contract.SendSuppressed, reason: contract.SendReason(text(p.SuppressionReason))}
		}
	}
	return nil
}

// optedOut is rows 5, 6 and, with a category, 7 of the gate. Opt-outs follow person
// and address: any of the records may hold one (E-20).
func optedOut(records []storedb.Preference, emailKey, category string) (*refusal, error) {
	if r := suppressed(records, emailKey); r != nil {
		return r, nil
	}
	for _, p := range records {
		if p.UnsubscribedAll {
			return &refusal{status: contract.SendSuppressed, reason: contract.SendUnsubscribedAll}, nil
		}
	}
	if category == "" {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	for _, p := range records {
		var categories map[string]bool
		if err := json.Unmarshal(p.Categories, &categories); err != nil {
			return nil, fmt.Errorf("decode categories of preference %s: %w", p.ID, err)
		}
		if on, given := categories[category]; given && !on {
			return &refusal{status: contract.SendSuppressed, reason: contract.SendCategoryOptOut}, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing refuses
}

// outsideWindow is row 8 of the gate: the clock on the contact's wall, as committed,
// at the instant of the claim (E-25, S-38).
func (a *Activities) outsideWindow(ctx context.Context, contact storedb.Contact, r contract.SendRequest, now time.Time) (*refusal, error) {
	window := cmp.Or(r.Window, a.Registry.Defaults().SendWindow)
	if window == (hogsend.Window{}) {
		return nil, nil //nolint:nilnil // nothing refuses
	}
	known, err := contactOf(contact)
	if err != nil {
		return nil, err
	}
	opens, err := window.Clamp(now, a.zoneOf(ctx, known, r.Step.EnrollmentID).Name)
	if err != nil || opens.Equal(now) {
		return nil, err
	}
	return &refusal{contract.SendSkipped, contract.SendOutsideWindow, opens}, nil
}

// pace is what rows 9 and 10 of the gate look at: claims that came too shortly before.
type pace struct {
	gap   time.Duration
	limit hogsend.CategoryCap
	own   bool // the limit is the category's

	gapClaims, capClaims []time.Time // at most one each
}

// paceOf is the pace that a send is held to, none for what passes these rows.
func (a *Activities) paceOf(journeyID, category string, r contract.SendRequest) *pace {
	if r.SkipPreferenceCheck || definition.Exempts(a.Registry.Defaults().FrequencyCap, category) { // E-15, E-16
		return &pace{}
	}
	p := &pace{gap: a.Registry.MinSendGap(journeyID)}
	p.limit, p.own = definition.CapOf(a.Registry.Defaults().FrequencyCap, category)
	return p
}

// queue asks for the claims, which the locks of the contact and of the address keep as
// they are until this send is decided: no two sends find the same place (E-22).
func (p *pace) queue(ctx context.Context, queries *store.Pipeline, journeyIDs []string, d draft, address string, now time.Time) {
	if p.gap > 0 {
		queries.Add(func(q *storedb.Queries) (err error) {
			p.gapClaims, err = q.SendGap(ctx, &d.contact.ID, now.Add(-p.gap), journeyIDs)
			return err
		})
	}
	if p.limit.Count < 1 {
		return
	}
	count := storedb.SendCapParams{
		ContactID: &d.contact.ID, Address: address, Since: now.Add(-p.limit.Window),
		MaxCount: int32(min(p.limit.Count, math.MaxInt32)), Skipped: int32(min(p.limit.Count, math.MaxInt32) - 1),
	}
	if p.own {
		count.Category = d.category
	}
	queries.Add(func(q *storedb.Queries) (err error) { p.capClaims, err = q.SendCap(ctx, count); return err })
}

// refusal is rows 9 and 10 (E-21, E-24). A claim counts toward a cap until it is older
// than the window, hence the millisecond (E-26).
func (p *pace) refusal() *refusal {
	switch {
	case len(p.gapClaims) > 0:
		return &refusal{contract.SendSkipped, contract.SendMinGap, p.gapClaims[0].UTC().Add(p.gap)}
	case len(p.capClaims) > 0:
		return &refusal{contract.SendSkipped, contract.SendFrequencyCapped, p.capClaims[0].UTC().Add(p.limit.Window + time.Millisecond)}
	}
	return nil
}
