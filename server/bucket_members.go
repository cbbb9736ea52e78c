package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// memberReply is the object Member of §2: one stay.
type memberReply struct {
	ID              uuid.UUID                 `json:"id"`
	ContactID       uuid.UUID                 `json:"contactId"`
	UserID          string                    `json:"userId"`
	UserEmail       *string                   `json:"userEmail"`
	BucketID        string                    `json:"bucketId"`
	Status          contract.MembershipStatus `json:"status"`
	EnteredAt       ts                        `json:"enteredAt"`
	LeftAt          *ts                       `json:"leftAt"`
	ExpiresAt       *ts                       `json:"expiresAt"`
	LastEvaluatedAt ts                        `json:"lastEvaluatedAt"`
	LeftReason      *string                   `json:"leftReason"`
	EntryCount      int32                     `json:"entryCount"`
	Source          string                    `json:"source"`
	Context         json.RawMessage           `json:"context"`
	CreatedAt       ts                        `json:"createdAt"`
	UpdatedAt       ts                        `json:"updatedAt"`
}

// members reads stays of a bucket, entered last first.
func (s *Server) members(ctx context.Context, b *bucketItem, p storedb.AdminMembersParams) ([]memberReply, error) {
	p.BucketID = b.ID
	tree, _, err := criteria.UnmarshalTree(b.definition.Criteria)
	if err != nil {
		return nil, fmt.Errorf("read criteria of %s: %w", b.ID, err)
	}
	facts := criteria.FactsOf(tree)
	if facts.Expiring != nil && len(facts.ExpiringWhere) == 0 {
		p.EventName, p.Nth = facts.Expiring.Event, int32(facts.K-1) //nolint:gosec // a count is at most a million
	}
	p.EventNames = facts.Events
	if !b.Enabled {
		p.EvaluatedUntil = &b.updatedAt // nobody has been since (B-51)
	}
	rows, err := s.store.AdminMembers(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	if len(facts.ExpiringWhere) > 0 {
		if err := s.expiring(ctx, rows, &facts); err != nil {
			return nil, err
		}
	}
	list := make([]memberReply, len(rows))
	for i := range rows {
		m := &rows[i]
		list[i] = memberReply{
			ID: m.ID, ContactID: m.ContactID, UserID: contactKey(storedb.Contact{ID: m.ContactID, ExternalID: m.ExternalID, AnonymousID: m.AnonymousID}),
			UserEmail: m.Email, BucketID: b.ID, Status: m.Status, EnteredAt: ts(m.EnteredAt), LeftAt: tsOrNull(m.LeftAt), ExpiresAt: expiry(m, facts.Expiring),
			LastEvaluatedAt: ts(m.LastEvaluatedAt), LeftReason: m.LeftReason, EntryCount: m.Epoch, Source: m.Source, Context: json.RawMessage("{}"),
			CreatedAt: ts(m.CreatedAt), UpdatedAt: ts(m.UpdatedAt),
		}
	}
	return list, nil
}

// expiring finds the events whose edges turn criteria with conditions on events false.
func (s *Server) expiring(ctx context.Context, rows []storedb.AdminMembersRow, facts *criteria.Facts) error {
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	where := criteria.CompileWhere(facts.ExpiringWhere, 4)
	newest, err := s.store.NewestEvents(ctx, ids, facts.Expiring.Event, int32(facts.K-1), where.SQL, where.Args...) //nolint:gosec // a count is at most a million
	if err != nil {
		return err
	}
	for i := range rows {
		if at, found := newest[rows[i].ID]; found {
			rows[i].NthAt = at
		}
	}
	return nil
}

// expiry is when an active stay ends unless something happens: by its age, by a leave
// that is held back, or at the edge of the window (B-16). The epoch stands for never.
func expiry(m *storedb.AdminMembersRow, w *criteria.Window) *ts {
	if m.Status != contract.MembershipActive {
		return nil
	}
	var first *time.Time
	if m.DueAt.Unix() != 0 {
		first = &m.DueAt
	}
	if w != nil && m.NthAt.Unix() != 0 {
		edge := m.NthAt.Add(w.Within + time.Microsecond) // W-2
		if first == nil || edge.Before(*first) {
			first = &edge
		}
	}
	return tsOrNull(first)
}

// listMembers is R-73.
func (s *Server) listMembers(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p, status := q.page(), q.oneOf("status", "active", "left")
	contact, none, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil {
		return err
	}
	params := storedb.AdminMembersParams{BucketID: b.ID, Status: contract.MembershipActive, ContactID: contact, RowOffset: p.Offset, RowLimit: p.Limit}
	if status != nil {
		params.Status = contract.MembershipStatus(*status)
	}
	list := []memberReply{}
	if !none {
		if p.Total, err = s.store.AdminMembersCount(r.ctx(), params.BucketID, params.Status, params.ContactID); err != nil {
			return err
		}
		if list, err = s.members(r.ctx(), &b, params); err != nil {
			return err
		}
	}
	return reply(r, http.StatusOK, struct {
		Members []memberReply `json:"members"`
		page
	}{list, p})
}

// sampled is a contact that a preview shows.
type sampled struct {
	ContactID uuid.UUID `json:"contactId"`
	UserID    string    `json:"userId"`
	Email     *string   `json:"email"`
}

// The sample of a preview.
const (
	defaultSample = 20
	maxSample     = 100
)

// previewCriteria is R-74.
func (s *Server) previewCriteria(r *request) error {
	o, err := readObjectWith(r, isTooDeep) // trees have a limit of their own (C-18)
	if err != nil {
		return err
	}
	p := rollout.PreviewParams{BucketID: o.text("bucketId", maxBucketID), Sample: defaultSample, Timeout: s.cfg.PreviewTimeout}
	if o.read("limit", "an integer", &p.Sample) && (p.Sample < 0 || p.Sample > maxSample) {
		o.report("limit", "must be an integer from 0 to "+itoa(maxSample))
	}
	p.Criteria = o.criteria("criteria", s.cfg.Registry.Templates)
	if err := o.err(); err != nil {
		return err
	}
	if p.BucketID != "" {
		if _, err := s.bucketByID(r.ctx(), p.BucketID); err != nil {
			return err
		}
	}
	select {
	case s.previews <- struct{}{}:
		defer func() { <-s.previews }()
	default:
		return &refusal{status: http.StatusServiceUnavailable, text: "Other previews are running", wait: time.Second}
	}
	found, err := rollout.NewPreview(r.ctx(), s.cfg.Previews, p)
	if errors.Is(err, rollout.ErrPreviewTimedOut) {
		return &refusal{status: http.StatusServiceUnavailable, text: "Preview timed out"}
	}
	if err != nil {
		return err
	}
	out := struct {
		Count         int64     `json:"count"`
		TotalContacts int64     `json:"totalContacts"`
		Sample        []sampled `json:"sample"`
		WouldJoin     *int64    `json:"wouldJoin"`
		WouldLeave    *int64    `json:"wouldLeave"`
		EvaluatedAt   ts        `json:"evaluatedAt"`
	}{Count: found.Count, TotalContacts: found.Total, Sample: make([]sampled, len(found.Sample)), EvaluatedAt: ts(found.At)}
	for i, c := range found.Sample {
		out.Sample[i] = sampled{c.ID, contactKey(c), c.Email}
	}
	if p.BucketID != "" {
		out.WouldJoin, out.WouldLeave = &found.Join, &found.Leave
	}
	return reply(r, http.StatusOK, out)
}

// maxBucketID bounds what can be the id of a bucket (B-1).
const maxBucketID = 63

// criteria reads a condition tree; problems have paths into it (C-18).
func (o *object) criteria(name string, templates []hogsend.Template) hogsend.Condition {
	if !o.given(name) {
		o.report(name, "is required")
		return nil
	}
	tree, problems, err := criteria.ParseTree(o.fields[name], func(key string) bool {
		return slices.ContainsFunc(templates, func(t hogsend.Template) bool { return t.Key == key })
	})
	if err != nil {
		o.report(name, "must be a condition")
	}
	for _, p := range problems {
		o.report(p.Path, p.Message)
	}
	return tree
}
