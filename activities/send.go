package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Send mails the enrollment's contact at most once per key, whichever process dies
// when: gate and claim in one transaction, then the provider's call with the stored
// bytes under the key, then the status (E-28 to E-32).
func (a *Activities) Send(ctx context.Context, r contract.SendRequest) (contract.SendResult, error) {
	id, err := parseID(r.Step.EnrollmentID)
	if err != nil {
		return contract.SendResult{}, final(err)
	}
	defer keepAlive(ctx)()
	a.lookUpFor(ctx, id)
	row, later, err := a.claim(ctx, id, r)
	if err != nil || later != (contract.SendResult{}) {
		return later, final(err)
	}
	if row.Status == contract.SendQueued {
		if row, err = a.deliver(ctx, parent{step: r.Step}, row); err != nil {
			return contract.SendResult{}, final(err)
		}
	}
	result, err := outcome(row)
	return result, final(err)
}

// outcome is what a row that is no longer queued means to the journey (E-14).
func outcome(row storedb.Send) (contract.SendResult, error) {
	at := row.UpdatedAt
	if row.SentAt != nil {
		at = *row.SentAt
	}
	verdict, ended, err := steps.Verdict(row.ID.String(), row.Status, text(row.Reason), at)
	return contract.SendResult{Verdict: verdict, Ended: ended}, err
}

// errStale says that the contact changed between rendering and the lock.
var errStale = errors.New("contact changed while its mail was rendered")

// claim returns the row of the key: the one there is, or a new one that was claimed
// or refused by the gate; or no row but later, what lets the send wait: the hold of a
// pause or a deferral. It renders before it takes the lock, which is held across
// Postgres statements only (I-6), and renders again if the contact changed meanwhile.
func (a *Activities) claim(ctx context.Context, id uuid.UUID, r contract.SendRequest) (row storedb.Send, later contract.SendResult, err error) {
	first := r.Key
	for {
		var known []storedb.Send
		known, r.Key, err = a.findSend(ctx, id, first)
		if err != nil {
			return row, later, fmt.Errorf("find send: %w", err)
		}
		if len(known) > 0 {
			return known[0], later, nil
		}
		d, err := a.draft(ctx, id, r)
		if err != nil {
			return row, later, a.giveUpDeferral(ctx, id, r, err)
		}
		err = a.Store.WithEnrollment(ctx, id, d.locks(), func(tx *store.EnrollmentTx) error {
			row, later, err = a.claimLocked(ctx, tx, r, d)
			return err
		})
		if !errors.Is(err, errStale) {
			return row, later, err
		}
	}
}

// findSend finds the send of a key as its retries left it. There is none if it is
// still to be claimed, under the key it returns: after a retry of the enrollment, a
// send that failed for good is tried anew under a key of its own. One whose outcome
// is unknown never is (J-96).
func (a *Activities) findSend(ctx context.Context, id uuid.UUID, key string) ([]storedb.Send, string, error) {
	known, err := a.Store.SendFind(ctx, key)
	if err != nil || len(known) == 0 || !failedForGood(known[0]) {
		return known, key, err
	}
	row, err := a.Store.EnrollmentGet(ctx, id)
	if err != nil || row.Enrollment.Retries == 0 {
		return known, key, err
	}
	keys := steps.SendKeys(key, int(row.Enrollment.Retries))
	rows, err := a.Store.RetrySends(ctx, keys)
	if err != nil {
		return nil, key, err
	}
	if last := keys[len(keys)-1]; rows[0].Key != last && failedForGood(rows[0]) {
		return nil, last, nil
	}
	return rows[:1], rows[0].Key, nil
}

func failedForGood(row storedb.Send) bool { return steps.FailedForGood(row.Status, text(row.Reason)) }

func (a *Activities) draft(ctx context.Context, id uuid.UUID, r contract.SendRequest) (draft, error) {
	d := draft{sendID: uuid.Must(uuid.NewV7())}
	row, err := a.Store.EnrollmentGet(ctx, id)
	if err == nil {
		d.contact, err = a.Store.EnrollmentContact(ctx, id)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return d, fmt.Errorf("enrollment %s: %w", id, store.ErrNotFound)
	}
	if err != nil {
		return d, fmt.Errorf("read contact: %w", err)
	}
	journey := row.Enrollment.JourneyID
	template, _ := a.Renderer.Lookup(r.Template) // Render tells of one that is not there
	d.category = steps.Category(r.Category, a.Registry.Category(journey), template.Category)
	if err := a.address(ctx, &d, r.To); err != nil || d.nobody {
		return d, err
	}
	return a.render(ctx, d, r, email.Envelope{JourneyID: journey})
}

// render renders the mail of a draft, whose contact, address and category are known, and
// puts it into its envelope, which says what it is sent for.
func (a *Activities) render(ctx context.Context, d draft, r contract.SendRequest, envelope email.Envelope) (draft, error) {
	contact, err := contactOf(d.contact)
	if err != nil {
		return d, err
	}
	contact.Email = d.to
	if d.contact.ID == uuid.Nil {
		contact.ID = ""
	}
	var about hogsend.Contact
	if d.about.ID != uuid.Nil {
		if about, err = contactOf(d.about); err != nil {
			return d, err
		}
	}
	links, err := a.linksOf(ctx, d)
	if err != nil {
		return d, err
	}
	journey := envelope.JourneyID
	template, _ := a.Renderer.Lookup(r.Template) // Render tells of one that is not there
	rendered, err := a.Renderer.Render(r.Template, email.Input{
		Props: r.Props, Contact: contact, About: about, JourneyID: journey, JourneyName: a.Registry.Name(journey), Subject: r.Subject,
		Zone:      func() string { return a.zoneOf(ctx, contact, r.Step.EnrollmentID).Name },
		PublicURL: a.Config.PublicURL, UnsubscribeURL: links.unsubscribe, PreferencesURL: links.preferences,
		AnswerURL: func(answer email.Answer) (string, error) {
			return email.AnswerURL(a.Config.PublicURL, a.Tokens, d.sendID.String(), answer)
		},
	})
	if err != nil {
		return d, err
	}
	envelope.From, err = email.Senders{Default: a.Config.From, Domains: a.Config.FromDomains}.Choose(r.From)
	if err != nil {
		return d, err
	}
	envelope.ReplyTo, err = email.ReplyTo(r.ReplyTo, a.Config.ReplyTo)
	if err != nil {
		return d, err
	}
	if rendered.HTML != "" { // E-85
		rendered.HTML, d.links = a.tracked(d.sendID, r.Track, template.Track).Rewrite(rendered.HTML)
	}
	if err := a.carry(ctx, &d, r.Attach, template.Files, rendered.HTML != ""); err != nil {
		return d, err
	}
	envelope.SendID, envelope.Key, envelope.To, envelope.Template, envelope.Category = d.sendID.String(), r.Key, d.to, r.Template, d.category
	envelope.UnsubscribeURL = links.unsubscribe
	d.message = email.NewMessage(envelope, rendered)
	if d.message.To, d.redirected = a.TestMode.Route(d.message.To); d.redirected {
		d.message.Subject = trial.Subject + d.message.Subject
	}
	return d, nil
}

// claimLocked is gate and claim under the contact's lock and then that of the
// address's preference record, so that two sends are decided one after the other (E-12).
func (a *Activities) claimLocked(ctx context.Context, tx *store.EnrollmentTx, r contract.SendRequest, d draft) (row storedb.Send, later contract.SendResult, err error) {
	g, err := a.readGate(ctx, tx, r, d)
	switch {
	case err != nil:
		return row, later, fmt.Errorf("read for send gate: %w", err)
	case len(g.known) > 0: // row 1
		return g.known[0], later, nil
	case g.moved():
		return row, later, errStale
	}
	out, err := a.askGate(ctx, tx, g)
	switch {
	case err != nil:
		return row, later, err
	case out.Action == steps.GateNotYet:
		return row, contract.SendResult{Deferred: g.deferral.told()}, nil
	case out.Action == steps.GateGivesWay:
		return row, later, givesWay()
	}
	g.deferral.close(ctx, tx)
	switch {
	case out.Action == steps.GateHold:
		return row, contract.SendResult{Held: a.hold(ctx, tx, g.pause, true)}, nil
	case out.Action == steps.GateDefer:
		return row, contract.SendResult{Deferred: a.deferSend(ctx, tx, g, out)}, nil
	case out.Action == steps.GateRefuse && g.deferral.open != nil:
		a.stand(ctx, tx, contract.EnrollmentActive, r.Step.Node)
	}
	row, err = a.insert(ctx, tx, r, d, g.address, out)
	return row, later, err
}

// insert queues the row of an enrollment's send.
func (a *Activities) insert(ctx context.Context, tx *store.EnrollmentTx, r contract.SendRequest, d draft, address string, out steps.GateOutcome) (storedb.Send, error) {
	row, err := sendRow(r, d, address, out, tx.Now)
	if err != nil {
		return storedb.Send{}, err
	}
	row.EnrollmentID, row.JourneyID = &tx.Enrollment.ID, &tx.Enrollment.JourneyID
	if out.Action == steps.GateRefuse {
		a.log(ctx, tx, r.Step, "send_gated", tx.Enrollment.Node, r.Step.Node, map[string]any{"template": r.Template, "reason": out.Refusal.Reason})
	} else {
		a.stand(ctx, tx, contract.EnrollmentActive, r.Step.Node)
	}
	return queueSend(ctx, &tx.Tx, d, row), nil
}

// sendRow is the row of a send with everything the provider will be given (E-29), or
// without content when the gate refused it (E-17).
func sendRow(r contract.SendRequest, d draft, address string, out steps.GateOutcome, now time.Time) (storedb.SendInsertParams, error) {
	row := storedb.SendInsertParams{
		ID: d.sendID, Key: r.Key, ContactID: d.contactID(), TemplateKey: r.Template, Category: d.category, FromEmail: d.message.From, ToEmail: address,
		Headers: json.RawMessage("{}"), Tags: json.RawMessage("{}"), CreatedAt: now, Now: now,
	}
	if out.Action == steps.GateRefuse {
		row.Status, row.Reason = out.Refusal.Status, &out.Refusal.Reason
		return row, nil
	}
	var err error
	if row.Headers, err = json.Marshal(d.message.Headers); err != nil {
		return row, fmt.Errorf("encode headers: %w", err)
	}
	if row.Tags, err = json.Marshal(d.message.Tags); err != nil {
		return row, fmt.Errorf("encode tags: %w", err)
	}
	row.Files = int16(len(d.files)) //nolint:gosec // at most hogsend.MaxFiles
	row.Status, row.ClaimedAt, row.Props = contract.SendQueued, &now, r.Props
	if d.redirected {
		row.RedirectedTo = &d.message.To
	}
	row.ReplyTo, row.Subject, row.Html, row.Text = d.message.ReplyTo, d.message.Subject, d.message.HTML, d.message.Text
	return row, nil
}

// queueSend queues the row and what goes with it, and is the row as it will be.
func queueSend(ctx context.Context, tx *store.Tx, d draft, row storedb.SendInsertParams) storedb.Send {
	tx.Add(func(q *storedb.Queries) error { return q.SendInsert(ctx, row) })
	if row.ClaimedAt != nil && len(d.links) > 0 {
		ids, urls := make([]uuid.UUID, len(d.links)), make([]string, len(d.links))
		for i, link := range d.links {
			ids[i], urls[i] = link.ID, link.URL
		}
		tx.Add(func(q *storedb.Queries) error { return q.LinksInsert(ctx, ids, d.sendID, urls) })
	}
	if row.Files > 0 {
		queueFiles(ctx, tx, d)
	}
	return storedb.Send{
		Files: row.Files, ID: row.ID, Key: row.Key, ContactID: row.ContactID, TemplateKey: row.TemplateKey, Status: row.Status, Reason: row.Reason,
		FromEmail: row.FromEmail, ToEmail: row.ToEmail, RedirectedTo: row.RedirectedTo, ReplyTo: row.ReplyTo, Subject: row.Subject, Html: row.Html, Text: row.Text,
		Headers: row.Headers, Tags: row.Tags, ClaimedAt: row.ClaimedAt, DueAt: row.DueAt, UpdatedAt: row.Now,
	}
}

// deliver makes one call to the provider with the stored bytes. What may be tried
// again is returned as an error, for Temporal to repeat with growing pauses.
func (a *Activities) deliver(ctx context.Context, of parent, row storedb.Send) (storedb.Send, error) {
	var before steps.Attempts
	if row.FirstAttemptAt != nil {
		before.First = *row.FirstAttemptAt
	}
	wait := a.Limiter.Wait
	if of.behind {
		wait = a.Limiter.WaitBehind
	}
	if err := wait(ctx); err != nil { // holds no transaction and no connection (E-34)
		return row, fmt.Errorf("wait for a slot: %w", err)
	}
	attempt, err := a.Store.SendAttempt(ctx, row.Key)
	if errors.Is(err, pgx.ErrNoRows) { // decided by another attempt meanwhile
		return a.reread(ctx, row.Key)
	}
	if err != nil {
		return row, fmt.Errorf("record attempt: %w", err)
	}
	row = attempt.Send
	before.Unclear, before.Reason = row.Unclear, contract.SendReason(attempt.LastReason)
	if reason, over := before.GiveUp(attempt.Now, a.Provider.KeyLifetime()); over {
		return a.fail(ctx, of, row, reason)
	}
	message, err := a.messageOf(ctx, row)
	if err != nil {
		return row, err
	}
	providerID, err := a.Provider.Send(ctx, message)
	if err == nil {
		return a.accept(ctx, of, row, providerID)
	}
	failure := email.Classify(err)
	switch {
	case failure.Kind == email.Permanent:
		return a.fail(ctx, of, row, contract.SendReason(failure.Reason))
	case failure.Kind == email.Unknown && a.Provider.KeyLifetime() == 0: // another call could be a second mail
		return a.fail(ctx, of, row, contract.SendUnknownOutcome)
	}
	if failure.Status == 429 {
		a.Limiter.Stop(failure.RetryAfter)
	}
	// Also when the activity was told to stop: the note decides what is said at the end.
	reason := contract.SendReason(failure.Reason)
	if err := a.Store.SendNote(context.WithoutCancel(ctx), &reason, failure.Kind == email.Unknown, row.Key); err != nil {
		return row, fmt.Errorf("note failed attempt: %w", err)
	}
	return row, temporal.NewApplicationErrorWithOptions("provider call failed", "ProviderUnavailable",
		temporal.ApplicationErrorOptions{NextRetryDelay: failure.RetryAfter})
}

// parent is what a send is part of, which is told of its outcome in the same transaction.
type parent struct {
	// step is that of an enrollment; its zero value is of none.
	step contract.Step
	// settled is what else is written; nil for nothing.
	settled ingest.Write
	// behind lets all other mails go first: it is one of many (E-34).
	behind bool
}

func (a *Activities) accept(ctx context.Context, of parent, row storedb.Send, providerID string) (storedb.Send, error) {
	sent, err := a.settle(ctx, of, row, "sent", nil, func(q *storedb.Queries) error {
		_, err := q.SendAccept(ctx, &providerID, row.Key)
		return err
	})
	if err == nil && a.Measure.Accepted != nil && sent.SentAt != nil && sent.ClaimedAt != nil {
		a.Measure.Accepted(max(sent.SentAt.Sub(*sent.ClaimedAt), 0))
	}
	return sent, err
}

func (a *Activities) fail(ctx context.Context, of parent, row storedb.Send, reason contract.SendReason) (storedb.Send, error) {
	return a.settle(ctx, of, row, "send_failed", map[string]any{"reason": reason}, func(q *storedb.Queries) error {
		_, err := q.SendFail(ctx, &reason, row.Key)
		return err
	})
}

// settle writes a final status and what goes with it and reads the row again.
func (a *Activities) settle(ctx context.Context, of parent, row storedb.Send, action string, detail map[string]any, write ingest.Write) (storedb.Send, error) {
	writes := []ingest.Write{write}
	if of.step != (contract.Step{}) {
		log, err := a.sendLog(ctx, of.step, row, action, detail)
		if err != nil {
			return row, err
		}
		writes = append(writes, log)
	}
	if of.settled != nil {
		writes = append(writes, of.settled)
	}
	var contactID uuid.UUID
	if row.ContactID != nil {
		contactID = *row.ContactID
	}
	if err := a.Ingest.Mailed(ctx, contactID, row.TemplateKey, writes...); err != nil {
		return row, fmt.Errorf("record outcome of send: %w", err)
	}
	return a.reread(ctx, row.Key)
}

// sendLog is the step log of what became of an enrollment's send.
func (a *Activities) sendLog(ctx context.Context, step contract.Step, row storedb.Send, action string, detail map[string]any) (ingest.Write, error) {
	id, err := parseID(step.EnrollmentID)
	if err != nil {
		return nil, err
	}
	if detail == nil {
		detail = map[string]any{}
	}
	detail["template"], detail["sendId"] = row.TemplateKey, row.ID.String()
	raw, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("encode step log: %w", err)
	}
	return func(q *storedb.Queries) error {
		return q.StepLogInsert(ctx, storedb.StepLogInsertParams{
			EnrollmentID: id, StepKey: step.Key, Action: action, FromNode: step.Node, ToNode: step.Node, Detail: raw, BuildID: a.Config.BuildID, At: row.UpdatedAt,
		})
	}, nil
}

func (a *Activities) reread(ctx context.Context, key string) (storedb.Send, error) {
	return findOne(a.Store.SendFind(ctx, key))
}

func findOne(rows []storedb.Send, err error) (storedb.Send, error) {
	switch {
	case err != nil:
		return storedb.Send{}, err
	case len(rows) == 0:
		return storedb.Send{}, fmt.Errorf("send: %w", store.ErrNotFound)
	}
	return rows[0], nil
}
