package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Limits of campaigns (H-12, E-69).
const (
	maxProps         = 64 << 10
	maxCampaignAhead = 366 * 24 * time.Hour // a year, of whatever length
	maxSampleTo      = 100
)

// campaignReply is a campaign as show it.
type campaignReply struct {
	ID              uuid.UUID               `json:"id"`
	Name            string                  `json:"name"`
	Status          contract.CampaignStatus `json:"status"`
	AudienceKind    contract.AudienceKind   `json:"audienceKind"`
	AudienceID      string                  `json:"audienceId"`
	TemplateKey     string                  `json:"templateKey"`
	TotalRecipients int32                   `json:"totalRecipients"`
	SentCount       int32                   `json:"sentCount"`
	SkippedCount    int32                   `json:"skippedCount"`
	FailedCount     int32                   `json:"failedCount"`
	ScheduledAt     *ts                     `json:"scheduledAt"`
	CanceledAt      *ts                     `json:"canceledAt"`
	StartedAt       *ts                     `json:"startedAt"`
	CompletedAt     *ts                     `json:"completedAt"`
	CreatedAt       ts                      `json:"createdAt"`
	PausedAt        *ts                     `json:"pausedAt"`
	SendAtLocal     *string                 `json:"sendAtLocal"`
	RatePerMinute   int32                   `json:"ratePerMinute"`
	Error           *string                 `json:"error"`
	Outcomes        []campaignOutcome       `json:"outcomes,omitempty"`
}

// campaignOutcome is how many recipients fared alike.
type campaignOutcome struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Count  int64  `json:"count"`
}

func campaignOf(c storedb.Campaign) campaignReply {
	return campaignReply{
		ID: c.ID, Name: c.Name, Status: c.Status, AudienceKind: c.AudienceKind, AudienceID: c.AudienceID, TemplateKey: c.TemplateKey,
		TotalRecipients: c.TotalRecipients, SentCount: c.SentCount, SkippedCount: c.SkippedCount, FailedCount: c.FailedCount,
		ScheduledAt: tsOrNull(c.ScheduledAt), CanceledAt: tsOrNull(c.CanceledAt), StartedAt: tsOrNull(c.StartedAt), CompletedAt: tsOrNull(c.CompletedAt),
		CreatedAt: ts(c.CreatedAt), PausedAt: tsOrNull(c.PausedAt), SendAtLocal: c.LocalAt, RatePerMinute: c.RatePerMinute, Error: c.Error,
	}
}

// postCampaign is R-11.
func (s *Server) postCampaign(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	c := storedb.CampaignInsertParams{ID: uuid.Must(uuid.NewV7()), Status: contract.CampaignQueued, SampleTo: []uuid.UUID{}, Now: s.instant()}
	key := o.text("idempotencyKey", 255)
	if header := r.Request().Header.Get("Idempotency-Key"); header != "" {
		key = header
		if utf8.RuneCountInString(key) > 255 || !isText(key) {
			o.report("idempotencyKey", "must have 1 to 255 characters")
		}
	}
	if key != "" {
		key = "api:" + key
		c.Key = &key
	}
	s.campaignContent(o, &c)
	s.campaignAudience(o, &c)
	campaignTime(o, &c)
	c.RatePerMinute, c.Sample = o.positive("ratePerMinute"), o.positive("sample")
	if err := s.sampleTo(r, o, &c); err != nil {
		return err
	}
	if err := o.err(); err != nil {
		return err
	}
	made, err := s.desk.CreateCampaign(r.ctx(), s.who(r), c)
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, struct {
		CampaignID  uuid.UUID               `json:"campaignId"`
		Status      contract.CampaignStatus `json:"status"`
		ScheduledAt *ts                     `json:"scheduledAt"`
	}{made.ID, made.Status, tsOrNull(made.ScheduledAt)})
}

// campaignContent reads what is sent.
func (s *Server) campaignContent(o *object, c *storedb.CampaignInsertParams) {
	c.TemplateKey = o.text("template", 200)
	known := func(t hogsend.Template) bool { return t.Key == c.TemplateKey }
	switch {
	case c.TemplateKey == "":
		o.report("template", "is required")
	case !slices.ContainsFunc(s.cfg.Registry.Templates, known):
		var keys []string
		for _, t := range s.cfg.Registry.Templates {
			keys = append(keys, t.Key)
		}
		slices.Sort(keys)
		o.report("template", `there is no template "`+c.TemplateKey+`"`+naming.Suggestion(c.TemplateKey, keys))
	}
	if c.Name = o.text("name", 100); c.Name == "" {
		c.Name = c.TemplateKey
	}
	c.Subject = o.text("subject", 998)
	c.FromEmail = o.text("from", 320)
	if _, err := s.cfg.Senders.Choose(c.FromEmail); err != nil {
		var wrong *hogsend.ValidationError
		if errors.As(err, &wrong) {
			o.report(wrong.Field, wrong.Message)
		}
	}
	var props map[string]json.RawMessage
	if o.read("props", "an object", &props) {
		c.Props = o.fields["props"]
		if len(c.Props) > maxProps {
			o.report("props", "must have at most 64 KiB")
		}
	}
}

// campaignAudience reads whom it is for: a list or a bucket, never both.
func (s *Server) campaignAudience(o *object, c *storedb.CampaignInsertParams) {
	list, bucket := o.text("list", 100), o.text("bucket", 100)
	switch {
	case list == "" && bucket == "":
		o.report("list", "list or bucket is required")
	case list != "" && bucket != "":
		o.report("list", "list or bucket, not both")
	case list != "":
		c.AudienceKind, c.AudienceID = contract.AudienceList, list
		if !slices.ContainsFunc(s.cfg.Registry.Lists, func(l hogsend.List) bool { return l.ID == list }) {
			o.report("list", "unknown list")
		}
	default:
		c.AudienceKind, c.AudienceID = contract.AudienceBucket, bucket
		if !slices.ContainsFunc(s.cfg.Registry.Buckets, func(b hogsend.Bucket) bool { return b.ID == bucket }) {
			o.report("bucket", "unknown bucket")
		}
	}
}

// campaignTime reads when it is sent: at an instant, or at a time on each recipient's wall.
func campaignTime(o *object, c *storedb.CampaignInsertParams) {
	var at time.Time
	local := o.text("sendAtLocal", 30)
	given := o.read("sendAt", "an RFC 3339 time", &at)
	switch {
	case given && local != "":
		o.report("sendAtLocal", "sendAt or sendAtLocal, not both")
		return
	case local != "":
		first, err := steps.FirstLocal(local)
		if err != nil {
			o.report("sendAtLocal", "must be a local time such as 2026-02-01T09:00")
			return
		}
		c.LocalAt, at = &local, first
	case !given:
		return
	}
	if at = at.UTC(); at.After(c.Now.Add(maxCampaignAhead)) {
		o.report("sendAt", "must be at most a year ahead")
	}
	if at.After(c.Now) {
		c.Status, c.ScheduledAt = contract.CampaignScheduled, &at
	}
}

// sampleTo reads who is mailed first, before the campaign pauses.
func (s *Server) sampleTo(r *request, o *object, c *storedb.CampaignInsertParams) error {
	if o.given("sample") && o.given("sampleTo") {
		o.report("sampleTo", "sample or sampleTo, not both")
	}
	var named []string
	if !o.read("sampleTo", "a list of strings", &named) {
		return nil
	}
	if len(named) > maxSampleTo {
		o.report("sampleTo", "must have at most 100 entries")
		return nil
	}
	for i, reference := range named {
		contact, known, err := s.store.ContactFind(r.ctx(), reference)
		if err != nil {
			return err
		}
		if !known {
			o.report(join("sampleTo", itoa(i)), "Contact not found")
			continue
		}
		c.SampleTo = append(c.SampleTo, contact.ID)
	}
	return nil
}

// positive is an optional number from 1 to a million; 0 when it is not given.
func (o *object) positive(name string) int32 {
	var n int32
	if o.read(name, "a whole number", &n) && (n < 1 || n > 1_000_000) {
		o.report(name, "must be from 1 to 1000000")
	}
	return n
}

// listCampaigns is R-12.
func (s *Server) listCampaigns(r *request) error {
	q := queryOf(r)
	p := page{Limit: int32(q.integer("limit", 50, 1, 200)), Offset: int32(q.integer("offset", 0, 0, 1<<31-1))} //nolint:gosec // bounded
	statuses := []string{}
	for word := range strings.SplitSeq(q.text("status"), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !slices.Contains(contract.CampaignStatuses(), contract.CampaignStatus(word)) {
			q.report("status", "unknown value")
		}
		statuses = append(statuses, word)
	}
	if err := q.err(); err != nil {
		return err
	}
	total, err := s.store.CampaignCount(r.ctx(), statuses)
	if err != nil {
		return err
	}
	rows, err := s.store.CampaignList(r.ctx(), statuses, p.Offset, p.Limit)
	if err != nil {
		return err
	}
	if err := s.store.CampaignsCount(r.ctx(), rows); err != nil {
		return err
	}
	campaigns := make([]campaignReply, len(rows))
	for i, row := range rows {
		campaigns[i] = campaignOf(row)
	}
	p.Total = total
	return reply(r, http.StatusOK, struct {
		Campaigns []campaignReply `json:"campaigns"`
		HasMore   bool            `json:"hasMore"`
		page
	}{campaigns, int64(p.Offset)+int64(len(rows)) < total, p})
}

// getCampaign is R-13.
func (s *Server) getCampaign(r *request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	q := queryOf(r)
	outcomes := q.boolean("outcomes")
	if err := q.err(); err != nil {
		return err
	}
	c, err := s.store.CampaignGetWithFigures(r.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("Campaign not found")
	}
	if err != nil {
		return err
	}
	shown := campaignOf(c)
	if outcomes != nil && *outcomes {
		rows, err := s.store.CampaignReasons(r.ctx(), id)
		if err != nil {
			return err
		}
		for _, row := range rows {
			shown.Outcomes = append(shown.Outcomes, campaignOutcome{row.Status, row.Reason, row.N})
		}
	}
	return reply(r, http.StatusOK, shown)
}

// cancelCampaign is R-14, pauseCampaign R-15, resumeCampaign R-16.
func (s *Server) cancelCampaign(r *request) error { return s.changeCampaign(r, s.desk.CancelCampaign) }

func (s *Server) pauseCampaign(r *request) error { return s.changeCampaign(r, s.desk.PauseCampaign) }

func (s *Server) resumeCampaign(r *request) error { return s.changeCampaign(r, s.desk.ResumeCampaign) }

func (s *Server) changeCampaign(r *request, change func(context.Context, store.Actor, uuid.UUID, time.Time) (storedb.Campaign, error)) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	_, err = change(r.ctx(), s.who(r), id, s.instant())
	var over *operate.OverError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound("Campaign not found")
	case errors.As(err, &over):
		return conflict(over.Error())
	case err != nil:
		return err
	}
	c, err := s.store.CampaignGetWithFigures(r.ctx(), id)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, campaignOf(c))
}
