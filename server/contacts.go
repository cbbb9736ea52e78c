package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// contactReply is the object Contact of §2.
type contactReply struct {
	ID          uuid.UUID       `json:"id"`
	ExternalID  *string         `json:"externalId"`
	AnonymousID *string         `json:"anonymousId"`
	Email       *string         `json:"email"`
	Timezone    *string         `json:"timezone"`
	Properties  json.RawMessage `json:"properties"`
	FirstSeenAt ts              `json:"firstSeenAt"`
	LastSeenAt  ts              `json:"lastSeenAt"`
	CreatedAt   ts              `json:"createdAt"`
	UpdatedAt   ts              `json:"updatedAt"`
}

// contactReplies adds the newest anonymous id of each contact.
func (s *Server) contactReplies(ctx context.Context, contacts []storedb.Contact) ([]contactReply, error) {
	ids := make([]uuid.UUID, len(contacts))
	for i, c := range contacts {
		ids[i] = c.ID
	}
	keys, err := s.store.AdminAnonymousIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	anonymous := map[uuid.UUID]*string{}
	for i := range keys {
		anonymous[keys[i].ContactID] = &keys[i].Key
	}
	out := make([]contactReply, len(contacts))
	for i, c := range contacts {
		out[i] = contactReply{
			ID: c.ID, ExternalID: c.ExternalID, AnonymousID: anonymous[c.ID], Email: c.Email, Timezone: c.Timezone,
			Properties: c.Properties, FirstSeenAt: ts(c.FirstSeenAt), LastSeenAt: ts(c.LastSeenAt),
			CreatedAt: ts(c.CreatedAt), UpdatedAt: ts(c.UpdatedAt),
		}
	}
	return out, nil
}

// contactKey is what the wire calls userId (H-7).
func contactKey(c storedb.Contact) string {
	switch {
	case c.ExternalID != nil:
		return *c.ExternalID
	}
	return c.ID.String()
}

// preferencesReply is the object Preferences of §2.
type preferencesReply struct {
	ID                uuid.UUID       `json:"id"`
	UserID            string          `json:"userId"`
	Email             string          `json:"email"`
	UnsubscribedAll   bool            `json:"unsubscribedAll"`
	Suppressed        bool            `json:"suppressed"`
	BounceCount       int             `json:"bounceCount"`
	Categories        json.RawMessage `json:"categories"`
	SuppressedAt      *ts             `json:"suppressedAt"`
	SuppressionReason *string         `json:"suppressionReason"`
	LastBounceAt      *ts             `json:"lastBounceAt"`
}

// preferencesOf names the contact the row is shown for; without one userId is the address.
func preferencesOf(p storedb.Preference, c *storedb.Contact) *preferencesReply {
	out := &preferencesReply{
		ID: p.ID, UserID: p.Email, Email: p.Email, UnsubscribedAll: p.UnsubscribedAll, Suppressed: p.Suppressed,
		BounceCount: int(p.BounceCount), LastBounceAt: tsOrNull(p.LastBounceAt),
		Categories: p.Categories, SuppressedAt: tsOrNull(p.SuppressedAt), SuppressionReason: p.SuppressionReason,
	}
	if c != nil {
		out.UserID = contactKey(*c)
	}
	return out
}

// contact resolves the path parameter :contact.
func (s *Server) contact(r *request) (storedb.Contact, error) {
	reference, err := param(r, "contact")
	if err != nil {
		return storedb.Contact{}, err
	}
	c, ok, err := s.store.ContactFind(r.ctx(), reference)
	if err != nil {
		return c, err
	}
	if !ok {
		return c, notFound("Contact not found")
	}
	return c, nil
}

// filterContact resolves the query parameter userId. none is true when it names
// nobody: the list is empty then (H-7).
func (s *Server) filterContact(r *request, q *query) (id *uuid.UUID, none bool, err error) {
	reference := q.text("userId")
	if reference == "" {
		return nil, false, nil
	}
	c, ok, err := s.store.ContactFind(r.ctx(), reference)
	return &c.ID, !ok, err
}

// listContacts is R-45.
func (s *Server) listContacts(r *request) error {
	q := queryOf(r)
	p, search := q.page(), q.text("search")
	if err := q.err(); err != nil {
		return err
	}
	var err error
	pattern := store.SearchPattern(search)
	if p.Total, err = s.store.AdminContactsCount(r.ctx(), pattern); err != nil {
		return err
	}
	rows, err := s.store.AdminContactsList(r.ctx(), storedb.AdminContactsListParams{Pattern: pattern, RowOffset: p.Offset, RowLimit: p.Limit, MaxBytes: maxListBytes})
	if err != nil {
		return err
	}
	p.shown(len(rows))
	contacts, err := s.contactReplies(r.ctx(), rows)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Contacts []contactReply `json:"contacts"`
		page
	}{contacts, p})
}

// getContact is R-47.
func (s *Server) getContact(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	contacts, err := s.contactReplies(r.ctx(), []storedb.Contact{c})
	if err != nil {
		return err
	}
	out := struct {
		Contact     contactReply      `json:"contact"`
		Preferences *preferencesReply `json:"preferences"`
	}{Contact: contacts[0]}
	row, ok, err := s.store.PreferenceFind(r.ctx(), c.Email, &c.ID)
	if err != nil {
		return err
	}
	if ok {
		out.Preferences = preferencesOf(row, &c)
	}
	return reply(r, http.StatusOK, out)
}

// decisionReply is the object Decision of §6.1.
type decisionReply struct {
	ID        uuid.UUID                `json:"id"`
	At        ts                       `json:"at"`
	Type      string                   `json:"type"`
	JourneyID string                   `json:"journeyId"`
	Outcome   contract.DecisionOutcome `json:"outcome"`
	Key       string                   `json:"key,omitempty"`
	Reason    *contract.GuardReason    `json:"reason"`
	EventID   uuid.UUID                `json:"eventId"`
	Event     string                   `json:"event"`
	StateID   *uuid.UUID               `json:"stateId"`
	Detail    json.RawMessage          `json:"detail"`
}

// listDecisions is R-50.
func (s *Server) listDecisions(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.page()
	params := storedb.AdminDecisionsCountParams{
		ContactID: c.ID, JourneyID: q.optional("journeyId"), Outcome: q.oneOf("outcome", "enrolled", "skipped"), Reason: q.optional("reason"),
	}
	params.Since, params.Until = q.span()
	if err := q.err(); err != nil {
		return err
	}
	if p.Total, err = s.store.AdminDecisionsCount(r.ctx(), params); err != nil {
		return err
	}
	rows, err := s.store.AdminDecisionsList(r.ctx(), storedb.AdminDecisionsListParams{
		ContactID: c.ID, JourneyID: params.JourneyID, Outcome: params.Outcome, Reason: params.Reason,
		Since: params.Since, Until: params.Until, RowOffset: p.Offset, RowLimit: p.Limit,
	})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Decisions []decisionReply `json:"decisions"`
		page
	}{decisionsOf(rows), p})
}

func decisionsOf(rows []storedb.Decision) []decisionReply {
	decisions := make([]decisionReply, len(rows))
	for i, d := range rows {
		decisions[i] = decisionReply{
			ID: d.ID, At: ts(d.At), Type: d.Type, JourneyID: d.JourneyID, Outcome: d.Outcome, Key: d.Key, Reason: d.Reason,
			EventID: d.EventID, Event: d.EventName, StateID: d.EnrollmentID, Detail: d.Detail,
		}
	}
	return decisions
}

// writePreferences is R-53. PUT replaces the categories when they are given, PATCH
// merges them.
func (s *Server) writePreferences(r *request) error {
	reference, err := param(r, "contact")
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	change := store.PreferenceChange{Reason: "manual", ReplaceCategories: r.Request().Method == http.MethodPut}
	change.UnsubscribedAll, change.Suppressed = o.boolean("unsubscribedAll"), o.boolean("suppressed")
	change.Categories = o.booleans("categories")
	if err := o.err(); err != nil {
		return err
	}
	if !r.actor.may(scopeFullAdmin) && !onlyMoreRestrictive(change, o.given("categories")) {
		return forbidden(scopeFullAdmin)
	}
	c, ok, err := s.store.ContactFind(r.ctx(), reference)
	switch {
	case err != nil:
		return err
	case ok && c.Email == nil:
		return invalidText("Contact has no email address")
	case ok:
		change.Email, change.Contact = *c.Email, &c.ID
	default:
		row, found, err := s.store.PreferenceFind(r.ctx(), &reference, nil)
		if err != nil {
			return err
		}
		if !found || !row.Suppressed && !row.UnsubscribedAll {
			return notFound("Contact not found")
		}
		change.Email = row.Email // a suppression without a contact
	}
	_, row, err := s.desk.Choose(r.ctx(), s.who(r), operate.PreferencesUpdate, change, "")
	if err != nil {
		return err
	}
	out := struct {
		Preferences *preferencesReply `json:"preferences"`
	}{preferencesOf(row, nil)}
	if ok {
		out.Preferences = preferencesOf(row, &c)
	}
	return reply(r, http.StatusOK, out)
}

// onlyMoreRestrictive reports whether a change can only stop mails: what an operator may
// do (H-3). Replacing categories may drop an opt-out.
func onlyMoreRestrictive(c store.PreferenceChange, categories bool) bool {
	allowed := func(b *bool) bool { return b == nil || *b }
	for _, on := range c.Categories {
		if on {
			return false
		}
	}
	return allowed(c.UnsubscribedAll) && allowed(c.Suppressed) && (!c.ReplaceCategories || !categories)
}

// postSuppression is R-98: it needs no contact.
func (s *Server) postSuppression(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	suppressed := true
	change := store.PreferenceChange{Suppressed: &suppressed, Reason: "manual"}
	o.read("email", "a string", &change.Email)
	if change.Email = address.Trim(change.Email); !o.found && address.Key(change.Email) == "" {
		o.report("email", "must be an e-mail address")
	}
	if o.read("reason", "a string", &change.Reason); change.Reason != "manual" && change.Reason != "bounce" && change.Reason != "complaint" {
		o.report("reason", "must be manual, bounce or complaint")
	}
	note := o.text("note", maxReason)
	if err := o.err(); err != nil {
		return err
	}
	if !r.actor.may(scopeFullAdmin) && change.Reason != "manual" {
		return forbidden(scopeFullAdmin)
	}
	c, known, err := s.store.ContactFind(r.ctx(), change.Email)
	if err != nil {
		return err
	}
	before, row, err := s.desk.Choose(r.ctx(), s.who(r), operate.Suppress, change, note)
	if err != nil {
		return err
	}
	out := struct {
		Suppression *preferencesReply `json:"suppression"`
	}{preferencesOf(row, nil)}
	if known {
		out.Suppression = preferencesOf(row, &c)
	}
	if before.Suppressed {
		return reply(r, http.StatusOK, out)
	}
	return reply(r, http.StatusCreated, out)
}

// instant is now with the precision Postgres keeps.
func (s *Server) instant() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
