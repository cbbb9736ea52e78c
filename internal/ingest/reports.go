package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// ReportKind is what a provider reports of a mail (E-64).
type ReportKind string

// The kinds. ReportDelayed is part of the history only; kinds that are not known change nothing.
const (
	ReportSent       ReportKind = "sent"
	ReportDelivered  ReportKind = "delivered"
	ReportDelayed    ReportKind = "delayed"
	ReportHardBounce ReportKind = "hard_bounce"
	ReportSoftBounce ReportKind = "soft_bounce"
	ReportComplained ReportKind = "complained"
	ReportFailed     ReportKind = "failed"
)

// Names of the internal events of what became of mails (E-75).
const (
	EventBounced    = "email.bounced"
	EventComplained = "email.complained"
	EventFailed     = "email.failed"
)

// Report is what a provider tells of a mail.
type Report struct {
	// Source and MessageID name the message, which is applied once (E-61).
	Source, MessageID string
	Kind              ReportKind
	At                time.Time
	// ProviderID is the provider's id of the mail, SendID ours, if it gives it back (E-63).
	ProviderID string
	SendID     *uuid.UUID
	// To is the address that the provider names; the send's own comes before it.
	To string
	// Text is why a mail came back or failed, in the provider's words.
	Text string
}

// softBounces is after how many an address is suppressed (E-64).
const softBounces = 3

// errSeen says that the message has been applied meanwhile.
var errSeen = errors.New("webhook message was applied before")

// Report applies a provider's message to the send, to the preference record of its
// address and, by an event of its contact, to journeys and buckets, in one transaction
// with the message's id (E-62). One that was applied before changes nothing.
func (g *Ingester) Report(ctx context.Context, r Report) error {
	for {
		seen, err := g.engine.Store.WebhookSeen(ctx, r.Source, r.MessageID)
		if err != nil {
			return fmt.Errorf("look for webhook message: %w", err)
		}
		if seen {
			return nil
		}
		err = g.report(ctx, r)
		switch {
		case errors.Is(err, errSeen):
			return nil
		case !errors.Is(err, errMoved):
			return err
		}
	}
}

func (g *Ingester) report(ctx context.Context, r Report) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	writes := []Write{func(q *storedb.Queries) error { return once(q.WebhookKeep(ctx, r.Source, r.MessageID, now))(errSeen) }}
	var providerID *string
	if r.ProviderID != "" {
		providerID = &r.ProviderID
	}
	sends, err := g.engine.Store.ReportedSend(ctx, providerID, r.SendID)
	if err != nil {
		return fmt.Errorf("find send of report: %w", err)
	}
	var events []decide.Announced
	var contact *uuid.UUID
	to, first, elsewhere := r.To, true, false
	if len(sends) > 0 {
		send := sends[0]
		to, contact, first = send.ToEmail, send.ContactID, r.counts(send)
		elsewhere = send.RedirectedTo != nil // nobody's record changes by what became of a test (E-41)
		after := r.apply(send, now)
		params := reportWrite(send, after, providerID, now)
		writes = append(writes, func(q *storedb.Queries) error { return once(q.ReportedSendWrite(ctx, params))(errMoved) })
		if events, err = r.events(send, after, first); err != nil {
			return err
		}
	}
	if first && !elsewhere && r.aboutAddress(len(sends) > 0) && address.Key(to) != "" {
		record, err := g.engine.Store.PreferenceRecord(ctx, to, contact)
		if err != nil {
			return err
		}
		after := r.remember(record, now)
		writes = append(writes, func(q *storedb.Queries) error {
			return once(q.PreferenceWrite(ctx, store.PreferenceWrite(record, after)))(errMoved)
		})
	}
	if contact != nil && len(events) > 0 {
		change := g.engine.ChangeOf(*contact, &decide.Announcement{Events: events, Attached: attached(writes)})
		if err := g.engine.Apply(ctx, change); err != nil {
			return fmt.Errorf("apply report: %w", err)
		}
		if !change.Missing {
			return nil
		}
	}
	err = g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		for _, write := range writes {
			if err := write(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("apply report: %w", err)
	}
	return nil
}

// once turns a statement that found nothing to write into an error.
func once(n int64, err error) func(none error) error {
	return func(none error) error {
		if err == nil && n == 0 {
			return none
		}
		return err
	}
}

// counts reports whether it is the first of its kind of the send: a send counts one
// bounce and one complaint, whatever the ids of messages (E-61).
func (r Report) counts(s storedb.Send) bool {
	switch r.Kind {
	case ReportHardBounce, ReportSoftBounce:
		return s.BouncedAt == nil
	case ReportComplained:
		return s.ComplainedAt == nil
	}
	return true
}

// aboutAddress reports whether the record of the address changes: of a mail that is not
// ours, by what is certain only (E-63).
func (r Report) aboutAddress(known bool) bool {
	return r.Kind == ReportHardBounce || r.Kind == ReportComplained || r.Kind == ReportSoftBounce && known
}

// rank is the order of statuses: a report moves a send only up (E-43).
func rank(s contract.SendStatus) int {
	return slices.Index([]contract.SendStatus{
		contract.SendQueued, contract.SendSent, contract.SendDelivered, contract.SendOpened, contract.SendClicked, contract.SendBounced, contract.SendComplained,
	}, s)
}

// raised is the status after a report of another one, which a provider may prove: one whose
// outcome was unknown went out after all (E-33).
func raised(was contract.SendStatus, reason *contract.SendReason, to contract.SendStatus, proves bool) (contract.SendStatus, *contract.SendReason) {
	proven := proves && was == contract.SendFailed && reason != nil && *reason == contract.SendUnknownOutcome
	if proven || rank(was) >= 0 && rank(to) > rank(was) {
		return to, nil
	}
	return was, reason
}

// apply is the send after the report.
func (r Report) apply(s storedb.Send, now time.Time) storedb.Send {
	out := s
	at := r.At.UTC().Truncate(time.Microsecond)
	earliest := func(field **time.Time) {
		if *field == nil || at.Before(**field) {
			*field = &at
		}
	}
	var status contract.SendStatus
	switch r.Kind {
	case ReportSent:
		status = contract.SendSent
	case ReportDelivered:
		status = contract.SendDelivered
		earliest(&out.DeliveredAt)
	case ReportDelayed:
		earliest(&out.DelayedAt)
		return out
	case ReportHardBounce, ReportSoftBounce:
		status = contract.SendBounced
		if s.BouncedAt == nil {
			kind := "soft"
			if r.Kind == ReportHardBounce {
				kind = "hard"
			}
			out.BounceType, out.BounceReason = &kind, optionalText(clip.Stored(r.Text, 4096))
		}
		earliest(&out.BouncedAt)
	case ReportComplained:
		status = contract.SendComplained
		earliest(&out.ComplainedAt)
	case ReportFailed:
		if s.Status == contract.SendQueued || s.Status == contract.SendSent {
			reason := contract.SendReason(clip.Stored(r.Text, 4096))
			out.Status, out.Reason = contract.SendFailed, &reason
		}
		return out
	default:
		return out
	}
	out.Status, out.Reason = raised(s.Status, s.Reason, status, true)
	if rank(out.Status) > 0 && out.SentAt == nil {
		out.SentAt = &at
	}
	return out
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func reportWrite(before, after storedb.Send, providerID *string, now time.Time) storedb.ReportedSendWriteParams {
	return storedb.ReportedSendWriteParams{
		Status: after.Status, Reason: after.Reason, ProviderID: providerID, SentAt: after.SentAt, DeliveredAt: after.DeliveredAt, DelayedAt: after.DelayedAt,
		BouncedAt: after.BouncedAt, ComplainedAt: after.ComplainedAt, BounceType: after.BounceType, BounceReason: after.BounceReason,
		Now: now, ID: before.ID, WasStatus: before.Status, WasUpdatedAt: before.UpdatedAt,
	}
}

// remember is the record of the address after the report (E-64).
func (r Report) remember(row storedb.Preference, now time.Time) storedb.Preference {
	out := row
	out.UpdatedAt = now
	if r.Kind == ReportComplained {
		store.Suppress(&out, "complaint", now)
		return out
	}
	at := r.At.UTC().Truncate(time.Microsecond)
	out.BounceCount++
	if out.LastBounceAt == nil || at.After(*out.LastBounceAt) {
		out.LastBounceAt = &at
	}
	if r.Kind == ReportHardBounce || out.BounceCount >= softBounces {
		store.Suppress(&out, "bounce", now)
	}
	return out
}

// events are what journeys and buckets hear of it (E-75).
func (r Report) events(before, after storedb.Send, first bool) ([]decide.Announced, error) {
	base := mailProperties(before.ID, before.TemplateKey, before.Category, before.JourneyID, before.EnrollmentID, before.CampaignID)
	var name string
	switch {
	case (r.Kind == ReportHardBounce || r.Kind == ReportSoftBounce) && first:
		name = EventBounced
		base["bounceType"], base["bounceReason"] = after.BounceType, after.BounceReason
	case r.Kind == ReportComplained && first:
		name = EventComplained
	case r.Kind == ReportFailed && before.Status != after.Status:
		name = EventFailed
		base["reason"] = after.Reason
	default:
		return nil, nil
	}
	raw, err := json.Marshal(base)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return []decide.Announced{{Name: name, Properties: raw, Key: name + ":" + before.ID.String(), OccurredAt: r.At.UTC().Truncate(time.Microsecond)}}, nil
}

// mailProperties are those that every event of a mail has.
func mailProperties(sendID uuid.UUID, template, category string, journeyID *string, enrollmentID, campaignID *uuid.UUID) map[string]any {
	return map[string]any{
		"emailSendId": sendID, "templateKey": template, "category": optionalText(category), "journeyId": journeyID,
		"journeyStateId": enrollmentID, "campaignId": campaignID,
	}
}
