package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Exports are statements whose rows are handed on as they come, not collected: one snapshot,
// however many there are, in the memory of one (O-24).

// ExportedContact is a contact of an export.
type ExportedContact struct {
	ID          uuid.UUID
	ExternalID  *string
	AnonymousID *string
	Email       *string
	Timezone    *string
	Properties  json.RawMessage
	FirstSeenAt time.Time
	LastSeenAt  time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

const exportContacts = `
select c.id, c.external_id,
    (select k.key from contact_keys k where k.kind = 'anonymous' and k.contact_id = c.id order by k.created_at desc, k.key limit 1) as anonymous_id,
    c.email, c.timezone, c.properties, c.first_seen_at, c.last_seen_at, c.created_at, c.updated_at
from contacts c
where c.deleted_at is null and c.merged_into is null
    and ($1 = '' or lower(c.email) like $1 or lower(c.external_id) like $1)
order by c.created_at desc, c.id
limit $2`

// ExportContacts hands on the contacts that a search finds, the newest first. An error of
// each ends it.
func (s *Store) ExportContacts(ctx context.Context, search string, limit int, each func(ExportedContact) error) error {
	return export(ctx, s, each, exportContacts, SearchPattern(search), limit)
}

// ExportedSend is a send of an export.
type ExportedSend struct {
	ID           uuid.UUID
	ToEmail      string
	Subject      string
	TemplateKey  string
	Category     string
	Status       string
	Reason       *string
	UserID       *string
	JourneyID    *string
	SentAt       *time.Time
	DeliveredAt  *time.Time
	OpenedAt     *time.Time
	ClickedAt    *time.Time
	BouncedAt    *time.Time
	ComplainedAt *time.Time
	CreatedAt    time.Time
}

// SendFilter says which sends are exported; nil fields let all pass.
type SendFilter struct {
	Since, Until                                      *time.Time
	TemplateKey, Status, Category, JourneyID, Engaged *string
	ContactID                                         *uuid.UUID
}

const exportSends = `
select s.id, s.to_email, s.subject, s.template_key, s.category, s.status, s.reason, coalesce(c.external_id, c.id::text) as user_id, s.journey_id,
    s.sent_at, s.delivered_at, s.opened_at, s.clicked_at, s.bounced_at, s.complained_at, s.created_at
from sends s left join contacts c on c.id = s.contact_id
where s.created_at >= coalesce($1::timestamptz, '-infinity') and s.created_at <= coalesce($2::timestamptz, 'infinity')
    and ($3::text is null or s.template_key = $3) and ($4::text is null or s.status = $4) and ($5::text is null or s.category = $5)
    and ($6::text is null or s.journey_id = $6) and ($7::uuid is null or s.contact_id = $7)
    and case $8::text when 'opened' then s.opened_at is not null when 'clicked' then s.clicked_at is not null
        when 'bounced' then s.bounced_at is not null when 'complained' then s.complained_at is not null else true end
order by s.created_at desc, s.id
limit $9`

// ExportSends hands on the sends that a filter lets pass, the newest first.
func (s *Store) ExportSends(ctx context.Context, f SendFilter, limit int, each func(ExportedSend) error) error {
	return export(ctx, s, each, exportSends, f.Since, f.Until, f.TemplateKey, f.Status, f.Category, f.JourneyID, f.ContactID, f.Engaged, limit)
}

// export runs a statement and hands on its rows one by one.
func export[Row any](ctx context.Context, s *Store, each func(Row) error, sql string, args ...any) error {
	rows, err := s.Pool.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		row, err := pgx.RowToStructByPos[Row](rows)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
