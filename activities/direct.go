package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/traceparent"
)

// SubmitDirect takes a mail that no enrollment sends: the gate decides at once, and what
// it lets pass, or defers, is carried out by a workflow that is started in the same
// transaction. Under a key that is known nothing happens, and the row is the one there is.
// What is wrong with the mail is a *hogsend.ValidationError, and leaves no row (E-6); also
// is written along.
func (a *Activities) SubmitDirect(ctx context.Context, s contract.DirectSend, also ...ingest.Write) (storedb.Send, error) {
	return a.claimDirect(ctx, s, claimHooks{first: true, claimed: func(ctx context.Context, tx *store.ContactTx, row storedb.Send) error {
		for _, write := range also {
			tx.Add(write)
		}
		if row.Status != contract.SendQueued {
			return nil
		}
		payload, err := json.Marshal(contract.RunPayload{WorkflowID: contract.SendWorkflowID(row.ID.String()), WorkflowType: contract.SendType, ID: row.ID.String()})
		if err != nil {
			return fmt.Errorf("encode outbox payload: %w", err)
		}
		tx.Add(func(q *storedb.Queries) error {
			return q.OutboxInsert(ctx, storedb.OutboxInsertParams{
				ID: uuid.Must(uuid.NewV7()), OrderingKey: row.ID, Kind: contract.OutboxRun, Key: "send/" + row.ID.String(), Payload: payload, Trace: traceparent.Column(ctx), Now: tx.Now,
			})
		})
		return nil
	}})
}

// SendDirect hands a direct send to the provider, or says until when it is deferred. One
// that was deferred passes the whole gate again, and is rendered for it (E-26).
func (a *Activities) SendDirect(ctx context.Context, sendID string) (contract.DirectResult, error) {
	id, err := parseID(sendID)
	if err != nil {
		return contract.DirectResult{}, final(err)
	}
	defer keepAlive(ctx)()
	rows, err := a.Store.SendGet(ctx, id)
	if err != nil || len(rows) == 0 { // erased since
		return contract.DirectResult{}, err
	}
	row := rows[0]
	if isDeferred(row) {
		if row, err = a.claimDirect(ctx, directOf(row), claimHooks{}); err != nil {
			return contract.DirectResult{}, a.failDeferred(ctx, parent{}, rows[0], err)
		}
	}
	if isDeferred(row) {
		until := row.DueAt.UTC()
		return contract.DirectResult{Until: &until}, nil
	}
	if row.Status == contract.SendQueued {
		_, err = a.deliver(ctx, parent{}, row)
	}
	return contract.DirectResult{}, err
}

// isDeferred reports that the gate lets a send wait: it has a row, but nothing is claimed.
func isDeferred(row storedb.Send) bool {
	return row.Status == contract.SendQueued && row.ClaimedAt == nil
}

// directOf is what a deferred row was asked for as (E-27).
func directOf(row storedb.Send) contract.DirectSend {
	s := contract.DirectSend{
		SendRequest: contract.SendRequest{
			Key: row.Key, Template: row.TemplateKey, Props: row.Props, Subject: row.Subject, From: row.FromEmail, ReplyTo: row.ReplyTo, Category: row.Category,
		},
		ID: row.ID, To: row.ToEmail, JourneyID: text(row.JourneyID),
	}
	if row.Files > 0 { // sent again, and deferred
		s.FilesOf = row.ID
	}
	for id, of := range map[*uuid.UUID]*uuid.UUID{&s.ContactID: row.ContactID, &s.EnrollmentID: row.EnrollmentID, &s.CampaignID: row.CampaignID} {
		if of != nil {
			*id = *of
		}
	}
	return s
}

// failDeferred ends a deferred send that can never leave: its template changed meanwhile
// and does not render any more, or its contact is gone. Another cause is returned.
func (a *Activities) failDeferred(ctx context.Context, of parent, row storedb.Send, cause error) error {
	var invalid *hogsend.ValidationError
	reason := contract.SendEnrollmentEnded
	switch {
	case errors.As(cause, &invalid):
		reason = renderError(invalid)
	case !errors.Is(cause, store.ErrNotFound):
		return cause
	}
	_, err := a.fail(ctx, of, row, reason)
	return err
}

func renderError(err error) contract.SendReason {
	return contract.SendReason("render_error: " + err.Error())
}

// claimHooks are what a claim is part of.
type claimHooks struct {
	// first says that a row that is known stays as it is, though it be deferred.
	first bool
	// reads queues what begins looks at, under the locks of the contact and the address.
	reads func(ctx context.Context, tx *store.ContactTx, p *store.Pipeline)
	// begins is asked about a mail that is not claimed yet: an error leaves all as it is.
	begins func() error
	// claimed queues what is written along with the row.
	claimed func(ctx context.Context, tx *store.ContactTx, row storedb.Send) error
}

// claimDirect returns the row of the key: the one there is, or a new one that was claimed,
// deferred or refused by the gate. It renders before it takes the lock, and again if the
// contact changed meanwhile (I-6).
func (a *Activities) claimDirect(ctx context.Context, s contract.DirectSend, hooks claimHooks) (row storedb.Send, err error) {
	for {
		known, err := a.Store.SendFind(ctx, s.Key)
		if err != nil {
			return row, fmt.Errorf("find send: %w", err)
		}
		if len(known) > 0 {
			if hooks.first || !isDeferred(known[0]) {
				return known[0], nil
			}
			s.ID = known[0].ID
		}
		d, err := a.draftDirect(ctx, s)
		if err != nil {
			return row, err
		}
		err = a.Store.WithContact(ctx, d.contactID(), func(tx *store.ContactTx) error {
			row, err = a.claimDirectLocked(ctx, tx, s, d, hooks)
			return err
		})
		if !errors.Is(err, errStale) {
			return row, err
		}
	}
}

func (a *Activities) draftDirect(ctx context.Context, s contract.DirectSend) (draft, error) {
	d := draft{sendID: s.ID, filesOf: s.FilesOf, to: s.To, foreign: s.To != ""}
	if s.ContactID == uuid.Nil {
		d.contact = storedb.Contact{Properties: json.RawMessage("{}"), Email: &d.to}
	} else {
		rows, err := a.Store.ContactSurvivor(ctx, s.ContactID)
		if err != nil {
			return d, fmt.Errorf("read contact: %w", err)
		}
		if len(rows) == 0 {
			return d, fmt.Errorf("contact of send %s: %w", s.ID, store.ErrNotFound)
		}
		d.contact = rows[0]
		if s.To == "" {
			d.to = text(d.contact.Email)
		}
	}
	template, _ := a.Renderer.Lookup(s.Template) // render tells of one that is not there
	d.category = steps.DirectCategory(s.Category, template.Category, s.ListID)
	envelope := email.Envelope{JourneyID: s.JourneyID}
	if s.CampaignID != uuid.Nil {
		envelope.CampaignID = s.CampaignID.String()
	}
	return a.render(ctx, d, s.SendRequest, envelope)
}

// claimDirectLocked is gate and claim under the locks of the contact and of the address's
// preference record (E-12).
func (a *Activities) claimDirectLocked(ctx context.Context, tx *store.ContactTx, s contract.DirectSend, d draft, hooks claimHooks) (row storedb.Send, err error) {
	g := newGate(s.SendRequest, d, steps.LimitsOf(a.Registry.Defaults().FrequencyCap, 0, nil, d.category, s.SkipPreferenceCheck))
	err = tx.Read(ctx, func(p *store.Pipeline) {
		p.Add(func(q *storedb.Queries) (err error) { g.known, err = q.SendFind(ctx, s.Key); return err })
		a.queuePerson(ctx, p, tx.Now, g)
		if hooks.reads != nil {
			hooks.reads(ctx, tx, p)
		}
	})
	var before *storedb.Send
	switch {
	case err != nil:
		return row, fmt.Errorf("read for send gate: %w", err)
	case len(g.known) > 0 && (hooks.first || !isDeferred(g.known[0]) || g.known[0].DueAt.After(tx.Now)): // row 1
		return g.known[0], nil
	case len(g.known) > 0:
		before = &g.known[0]
	}
	if tx.Contact != nil {
		g.contact = *tx.Contact
		if g.contact.ID != d.contact.ID || !g.contact.UpdatedAt.Equal(d.contact.UpdatedAt) {
			return row, errStale
		}
	} else {
		g.contact = d.contact
	}
	if hooks.begins != nil {
		if err := hooks.begins(); err != nil {
			return row, err
		}
	}
	out, err := a.askDirectGate(ctx, tx, g, s, before)
	if err != nil {
		return row, err
	}
	params, err := directRow(s, g, out, before, tx.Now)
	if err != nil {
		return row, err
	}
	if before != nil {
		tx.Add(func(q *storedb.Queries) error { return q.SendReplace(ctx, before.ID) })
	}
	row = queueSend(ctx, &tx.Tx, d, params)
	if hooks.claimed != nil {
		err = hooks.claimed(ctx, tx, row)
	}
	return row, err
}

// askDirectGate decides about a send; before is its row, if it was deferred.
func (a *Activities) askDirectGate(ctx context.Context, tx *store.ContactTx, g *gate, s contract.DirectSend, before *storedb.Send) (steps.GateOutcome, error) {
	state, err := a.gateState(ctx, tx.Now, g)
	if err != nil {
		return steps.GateOutcome{}, err
	}
	state.List = s.ListID
	state.Ended = g.contact.DeletedAt != nil
	if before != nil {
		due := before.DueAt.UTC()
		state.Deferral = steps.Deferral{Times: 1, Since: before.CreatedAt.UTC(), Open: true, Due: due, Reason: contract.SendReason(text(before.DeferredFor))}
		if tx.Now.Sub(due) < steps.Turns*steps.TurnPause {
			turn := storedb.DeferralsAheadParams{DueAt: due, RegisteredAt: before.CreatedAt, ID: before.ID}
			if state.Behind, err = behind(ctx, &tx.Tx, g, turn); err != nil {
				return steps.GateOutcome{}, err
			}
		}
	}
	out, err := state.Decide()
	if err != nil {
		return out, err
	}
	a.Measure.gated(out)
	if out.Action == steps.GateGivesWay {
		err = givesWay()
	}
	return out, err
}

// directRow is the row of a send by what the gate decided. A deferred one keeps what it
// was asked for as: it is rendered once it is claimed.
func directRow(s contract.DirectSend, g *gate, out steps.GateOutcome, before *storedb.Send, now time.Time) (storedb.SendInsertParams, error) {
	row, err := sendRow(s.SendRequest, g.draft, g.address, out, now)
	if err != nil {
		return row, err
	}
	if before != nil {
		row.CreatedAt = before.CreatedAt
	}
	row.JourneyID, row.Test = optional(s.JourneyID), s.Test
	row.EnrollmentID, row.CampaignID = optionalID(s.EnrollmentID), optionalID(s.CampaignID)
	if out.Action == steps.GateDefer {
		row.Status, row.ClaimedAt, row.Props, row.Html, row.Text = contract.SendQueued, nil, s.Props, "", ""
		row.FromEmail, row.ToEmail, row.ReplyTo, row.Subject = s.From, s.To, s.ReplyTo, s.Subject
		row.Headers, row.Tags = json.RawMessage("{}"), json.RawMessage("{}")
		row.RedirectedTo = nil
		if s.FilesOf == uuid.Nil {
			row.Files = 0
		}
		reason, held := contract.SendDeferred, string(out.Refusal.Reason)
		row.Reason, row.DueAt, row.DeferredFor = &reason, &out.Until, &held
	}
	return row, nil
}

func optionalID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
