package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
)

// SendRow is a send without its content, with whom it is to.
type SendRow struct {
	ID           uuid.UUID            `db:"id"`
	ContactID    *uuid.UUID           `db:"contact_id"`
	ExternalID   *string              `db:"external_id"`
	EnrollmentID *uuid.UUID           `db:"enrollment_id"`
	JourneyID    *string              `db:"journey_id"`
	CampaignID   *uuid.UUID           `db:"campaign_id"`
	TemplateKey  string               `db:"template_key"`
	Category     string               `db:"category"`
	Status       contract.SendStatus  `db:"status"`
	Reason       *contract.SendReason `db:"reason"`
	FromEmail    string               `db:"from_email"`
	ToEmail      string               `db:"to_email"`
	RedirectedTo *string              `db:"redirected_to"`
	Subject      string               `db:"subject"`
	ProviderID   *string              `db:"provider_id"`
	ClaimedAt    *time.Time           `db:"claimed_at"`
	SentAt       *time.Time           `db:"sent_at"`
	DeliveredAt  *time.Time           `db:"delivered_at"`
	DelayedAt    *time.Time           `db:"delayed_at"`
	OpenedAt     *time.Time           `db:"opened_at"`
	ClickedAt    *time.Time           `db:"clicked_at"`
	BouncedAt    *time.Time           `db:"bounced_at"`
	ComplainedAt *time.Time           `db:"complained_at"`
	BounceType   *string              `db:"bounce_type"`
	CreatedAt    time.Time            `db:"created_at"`
	UpdatedAt    time.Time            `db:"updated_at"`
}

const sendColumns = `s.id, s.contact_id, c.external_id, s.enrollment_id, s.journey_id, s.campaign_id, s.template_key, s.category, s.status, s.reason, s.from_email, s.to_email, s.redirected_to,
	s.subject, s.provider_id, s.claimed_at, s.sent_at, s.delivered_at, s.delayed_at, s.opened_at, s.clicked_at, s.bounced_at, s.complained_at, s.bounce_type,
	s.created_at, s.updated_at`

// SendSort is what a list of sends is ordered by.
type SendSort string

// The orders.
const (
	SortCreated SendSort = "created_at"
	SortSent    SendSort = "sent_at"
	SortOpened  SendSort = "opened_at"
	SortClicked SendSort = "clicked_at"
)

// Engagement narrows to the sends of which a timestamp is known.
type Engagement string

// The engagements.
const (
	WasOpened     Engagement = "opened_at"
	WasClicked    Engagement = "clicked_at"
	WasBounced    Engagement = "bounced_at"
	WasComplained Engagement = "complained_at"
)

// ListSendsParams says which sends to list. The zero value of a field narrows nothing.
type ListSendsParams struct {
	// EmailKey is an address as it is compared (I-55).
	EmailKey     string
	ContactID    *uuid.UUID
	CampaignID   *uuid.UUID
	TemplateKey  string
	JourneyIDs   []string
	Category     string
	Status       contract.SendStatus
	Engagement   Engagement
	Since, Until *time.Time
	// Sort is SortCreated unless said otherwise, the newest first unless Ascending.
	Sort      SendSort
	Ascending bool

	Limit, Offset int32
}

// Statements are that of a page and that of how many there are. Made at run time, each has
// the conditions that are asked for alone, so that the indexes for these serve it.
func (p ListSendsParams) Statements() (list, count string, args []any) {
	var where []string
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if p.EmailKey != "" {
		add("lower(s.to_email) = $%d", p.EmailKey)
	}
	if p.ContactID != nil {
		add("s.contact_id = $%d", *p.ContactID)
	}
	if p.CampaignID != nil {
		add("s.campaign_id = $%d", *p.CampaignID)
	}
	if p.TemplateKey != "" {
		add("s.template_key = $%d", p.TemplateKey)
	}
	if p.JourneyIDs != nil {
		add("s.journey_id = any($%d::text[])", p.JourneyIDs)
	}
	if p.Category != "" {
		add("s.category = $%d", p.Category)
	}
	if slices.Contains(contract.SendStatuses(), p.Status) { // a word of the statement: an index knows it
		where = append(where, "s.status = '"+string(p.Status)+"'")
	}
	if p.Since != nil {
		add("s.created_at >= $%d", *p.Since)
	}
	if p.Until != nil {
		add("s.created_at <= $%d", *p.Until)
	}
	switch p.Engagement {
	case WasOpened, WasClicked:
		where = append(where, "s."+string(p.Engagement)+" is not null")
	case WasBounced, WasComplained:
		where = append(where, "s."+string(p.Engagement)+" is not null and (s.bounced_at is not null or s.complained_at is not null)")
	}
	from := " from sends s"
	condition := ""
	if len(where) > 0 {
		condition = " where " + strings.Join(where, " and ")
	}
	return "select " + sendColumns + from + " left join contacts c on c.id = s.contact_id" + condition + " order by " + p.order() + fmt.Sprintf(" limit $%d offset $%d", len(args)+1, len(args)+2),
		"select count(*)" + from + condition, args
}

// order is one of a closed set, nulls last both ways. Sends of one instant come by their ids.
func (p ListSendsParams) order() string {
	column, direction := "s.created_at", "desc"
	switch p.Sort {
	case SortSent, SortOpened, SortClicked:
		column = "s." + string(p.Sort)
	case SortCreated:
	}
	if p.Ascending {
		direction = "asc"
	}
	if column == "s.created_at" { // never null
		if p.Ascending {
			return "s.created_at asc, s.id desc"
		}
		return "s.created_at desc, s.id"
	}
	return column + " " + direction + " nulls last, s.id " + direction
}

// ListSends lists sends, and says how many there are.
func (s *Store) ListSends(ctx context.Context, p ListSendsParams) ([]SendRow, int64, error) {
	list, count, args := p.Statements()
	var total int64
	if err := s.Pool.QueryRow(ctx, count, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count sends: %w", err)
	}
	rows, _ := s.Pool.Query(ctx, list, append(args, p.Limit, p.Offset)...) // the error is in rows
	sends, err := pgx.CollectRows(rows, pgx.RowToStructByName[SendRow])
	if err != nil {
		return nil, 0, fmt.Errorf("list sends: %w", err)
	}
	return sends, total, nil
}

// GetSend is the send with an id, or ErrNotFound.
func (s *Store) GetSend(ctx context.Context, id uuid.UUID) (SendRow, error) {
	rows, _ := s.Pool.Query(ctx, "select "+sendColumns+" from sends s left join contacts c on c.id = s.contact_id where s.id = $1", id) // the error is in rows
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[SendRow])
	if err != nil {
		return SendRow{}, fmt.Errorf("get send: %w", err)
	}
	if len(found) == 0 {
		return SendRow{}, ErrNotFound
	}
	return found[0], nil
}
