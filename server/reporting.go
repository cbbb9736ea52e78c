package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// mailFigures are how many mails were sent and what became of them, with the rates of that.
type mailFigures struct {
	Sent       int64  `json:"sent"`
	Delivered  int64  `json:"delivered"`
	Opened     int64  `json:"opened"`
	Clicked    int64  `json:"clicked"`
	Bounced    int64  `json:"bounced"`
	Complained *int64 `json:"complained,omitempty"`
	mailRates
}

type mailRates struct {
	DeliveryRate        float64 `json:"deliveryRate"`
	OpenRate            float64 `json:"openRate"`
	ClickRate           float64 `json:"clickRate"`
	ClickToDeliveryRate float64 `json:"clickToDeliveryRate"`
}

// rated fills in the rates. Where nothing tells of deliveries, openings are of what was sent.
func (f mailFigures) rated() mailFigures {
	reached := f.Delivered
	if reached == 0 {
		reached = f.Sent
	}
	f.mailRates = mailRates{rate(f.Delivered, f.Sent), rate(f.Opened, reached), rate(f.Clicked, f.Opened), rate(f.Clicked, f.Delivered)}
	return f
}

// untemplated is the key of what was sent without a template.
const untemplated = "(none)"

// mailMetrics is R-89.
func (s *Server) mailMetrics(r *request) error {
	q := queryOf(r)
	since, until := q.span()
	all := q.boolean("includeUntemplated")
	if err := q.err(); err != nil {
		return err
	}
	rows, err := s.store.FiguresTemplates(r.ctx(), since, until)
	if err != nil {
		return err
	}
	type item struct {
		TemplateKey string `json:"templateKey"`
		mailFigures
	}
	items := []item{}
	for _, row := range rows {
		key := row.TemplateKey
		if key == "" {
			if key = untemplated; all != nil && !*all {
				continue
			}
		}
		items = append(items, item{key, mailFigures{Sent: row.Sent, Delivered: row.Delivered, Opened: row.Opened, Clicked: row.Clicked, Bounced: row.Bounced}.rated()})
	}
	return reply(r, http.StatusOK, map[string]any{"templates": items})
}

// deliverability is R-90.
func (s *Server) deliverability(r *request) error {
	q := queryOf(r)
	p := q.periods("period", []string{"day", "week", "month"}, 30, s.instant())
	if err := q.err(); err != nil {
		return err
	}
	rows, err := s.store.FiguresDeliverability(r.ctx(), storedb.FiguresDeliverabilityParams{Unit: p.unit, Zone: p.zone.String(), Since: p.since, Until: p.until})
	if err != nil {
		return err
	}
	type point struct {
		Date         ts      `json:"date"`
		Total        int64   `json:"total"`
		Delivered    int64   `json:"delivered"`
		Bounced      int64   `json:"bounced"`
		Complained   int64   `json:"complained"`
		DeliveryRate float64 `json:"deliveryRate"`
	}
	points, err := fill(p, rows, func(row storedb.FiguresDeliverabilityRow) string { return row.Period },
		func(date ts, row storedb.FiguresDeliverabilityRow) point {
			return point{date, row.Sent, row.Delivered, row.Bounced, row.Complained, rate(row.Delivered, row.Sent)}
		})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, struct {
		Period string  `json:"period"`
		Points []point `json:"points"`
	}{p.unit, points})
}

// templateReport is R-94: 404 of one never sent.
func (s *Server) templateReport(r *request) error {
	key, err := param(r, "key")
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.periods("granularity", []string{"day", "week", "month"}, 0, s.instant())
	if err := q.err(); err != nil {
		return err
	}
	if key == untemplated {
		key = ""
	}
	sent, err := s.store.FiguresTemplateSent(r.ctx(), key)
	if err != nil {
		return err
	}
	if !sent {
		return notFound("Template has never been sent")
	}
	rows, err := s.store.FiguresTemplate(r.ctx(), storedb.FiguresTemplateParams{TemplateKey: key, Unit: p.unit, Zone: p.zone.String(), Since: p.since, Until: p.until})
	if err != nil {
		return err
	}
	type point struct {
		Date      ts    `json:"date"`
		Sent      int64 `json:"sent"`
		Delivered int64 `json:"delivered"`
		Opened    int64 `json:"opened"`
		Clicked   int64 `json:"clicked"`
		Bounced   int64 `json:"bounced"`
	}
	complained := int64(0)
	totals := mailFigures{Complained: &complained}
	for _, row := range rows {
		totals.Sent, totals.Delivered, totals.Opened = totals.Sent+row.Sent, totals.Delivered+row.Delivered, totals.Opened+row.Opened
		totals.Clicked, totals.Bounced, complained = totals.Clicked+row.Clicked, totals.Bounced+row.Bounced, complained+row.Complained
	}
	series, err := fill(p, rows, func(row storedb.FiguresTemplateRow) string { return row.Period },
		func(date ts, row storedb.FiguresTemplateRow) point {
			return point{date, row.Sent, row.Delivered, row.Opened, row.Clicked, row.Bounced}
		})
	if err != nil {
		return err
	}
	if key == "" {
		key = untemplated
	}
	return reply(r, http.StatusOK, struct {
		TemplateKey string `json:"templateKey"`
		Window      any    `json:"window"`
		Totals      any    `json:"totals"`
		Series      any    `json:"series"`
	}{key, struct {
		From *ts `json:"from"`
		To   *ts `json:"to"`
	}{tsOrNull(p.since), tsOrNull(p.until)}, totals.rated(), series})
}

// activitySend is what became of a mail to a contact.
type activitySend struct {
	ID           uuid.UUID           `json:"id"`
	TemplateKey  *string             `json:"templateKey"`
	Subject      string              `json:"subject"`
	Status       contract.SendStatus `json:"status"`
	SentAt       *ts                 `json:"sentAt"`
	DeliveredAt  *ts                 `json:"deliveredAt"`
	OpenedAt     *ts                 `json:"openedAt"`
	ClickedAt    *ts                 `json:"clickedAt"`
	BouncedAt    *ts                 `json:"bouncedAt"`
	ComplainedAt *ts                 `json:"complainedAt"`
	BounceType   *string             `json:"bounceType"`
	CreatedAt    ts                  `json:"createdAt"`
}

// contactActivity is R-95.
func (s *Server) contactActivity(r *request) error {
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.page()
	if p.Offset > maxTimeline {
		q.report("offset", "must be an integer from 0 to 100000")
	}
	if err := q.err(); err != nil {
		return err
	}
	email := ""
	if c.Email != nil {
		email = *c.Email
	}
	if p.Total, err = s.store.ContactSendsCount(r.ctx(), c.ID, email); err != nil {
		return err
	}
	rows, err := s.store.ContactSends(r.ctx(), storedb.ContactSendsParams{ContactID: c.ID, Email: email, RowEnd: rowEnd(p), RowLimit: p.Limit, RowOffset: p.Offset})
	if err != nil {
		return err
	}
	sends := make([]activitySend, len(rows))
	for i, e := range rows {
		sends[i] = activitySend{
			ID: e.ID, Subject: e.Subject, Status: e.Status, SentAt: tsOrNull(e.SentAt), DeliveredAt: tsOrNull(e.DeliveredAt), OpenedAt: tsOrNull(e.OpenedAt),
			ClickedAt: tsOrNull(e.ClickedAt), BouncedAt: tsOrNull(e.BouncedAt), ComplainedAt: tsOrNull(e.ComplainedAt), BounceType: e.BounceType, CreatedAt: ts(e.CreatedAt),
		}
		if e.TemplateKey != "" {
			sends[i].TemplateKey = &rows[i].TemplateKey
		}
	}
	type who struct {
		ExternalID *string `json:"externalId"`
		Email      *string `json:"email"`
	}
	return reply(r, http.StatusOK, struct {
		Contact who            `json:"contact"`
		Sends   []activitySend `json:"sends"`
		page
	}{who{c.ExternalID, c.Email}, sends, p})
}

// nameOf is the name in a stored definition of a bucket.
func nameOf(definition json.RawMessage) (string, error) {
	var d struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(definition, &d); err != nil {
		return "", fmt.Errorf("read definition of a bucket: %w", err)
	}
	return d.Name, nil
}
