package studio

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// campaign finds the campaign that the path names, with its figures as they are now.
func (s *Studio) campaign(r *request) (storedb.Campaign, error) {
	id, err := pathID(r)
	if err != nil {
		return storedb.Campaign{}, err
	}
	c, err := s.cfg.Store.CampaignGetWithFigures(r.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		err = &problem{status: http.StatusNotFound, heading: "No such campaign", text: "No campaign has this id.", next: [2]string{"Go to the campaigns", "/studio/campaigns"}}
	}
	return c, err
}

// showCampaign is one of U-29: how far it is, who got it, who was left out and why.
func (s *Studio) showCampaign(r *request) error {
	c, err := s.campaign(r)
	if err != nil {
		return err
	}
	v := view.Campaign{
		ID: c.ID.String(), State: campaignBadge(c), Template: view.Link{Text: visible(c.TemplateKey), URL: templateURL(c.TemplateKey)}, Audience: s.audience(c),
		Created: s.moment(r, c.CreatedAt), Started: s.momentOrNil(r, c.StartedAt), Completed: s.momentOrNil(r, c.CompletedAt), Error: visible(textOf(c.Error)),
	}
	if c.ScheduledAt != nil && c.StartedAt == nil {
		v.Scheduled = s.momentOrNil(r, c.ScheduledAt)
	}
	if c.LocalAt != nil {
		v.Local = visible(*c.LocalAt)
	}
	s.progress(c, &v)
	s.campaignButtons(r, c, &v)
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if err := s.outcomes(r, q, c, &v); err != nil {
			return err
		}
		engaged, err := q.StudioCampaignMails(r.ctx(), &c.ID)
		if err != nil {
			return err
		}
		v.Engaged = []view.Tile{
			{Label: "delivered", Value: percent(engaged.Delivered, engaged.Sent).Text, Title: percent(engaged.Delivered, engaged.Sent).Title},
			rateTile("opened", engaged.Opened, engaged.Sent),
			rateTile("clicked", engaged.Clicked, engaged.Sent), rateTile("came back", engaged.Bounced, engaged.Sent), rateTile("reported as spam", engaged.Complained, engaged.Sent),
		}
		return s.recipients(r, q, c, &v)
	})
	if err != nil {
		return err
	}
	v.Frame = s.frame(r, "Campaign", visible(c.Name))
	return s.show(r, http.StatusOK, "campaign", v)
}

// progress is how far a campaign is, how fast, and how long it will take.
func (s *Studio) progress(c storedb.Campaign, v *view.Campaign) {
	total, sent, skipped, failed := int64(c.TotalRecipients), int64(c.SentCount), int64(c.SkippedCount), int64(c.FailedCount)
	left := max(0, total-sent-skipped-failed)
	v.Counts = []view.Tile{
		{Label: "recipients", Value: number(total)}, {Label: "sent", Value: number(sent)}, {Label: "left out", Value: number(skipped)}, {Label: "failed", Value: number(failed)}, {Label: "still to come", Value: number(left)},
	}
	const width = 1000
	x := int64(0)
	for _, part := range []struct {
		n    int64
		tone string
	}{{sent, "ok"}, {skipped, "policy"}, {failed, "bad"}} {
		w := width * part.n / max(1, total)
		v.Bar = append(v.Bar, view.BarPart{Y: int(x), Height: int(w), Tone: part.tone})
		x += w
	}
	v.BarTitle = percent(total-left, total).Text + " done"
	if c.Status != contract.CampaignSending || c.StartedAt == nil || left == 0 {
		return
	}
	took := s.cfg.Now().Sub(*c.StartedAt)
	if done := total - left; took > time.Minute && done > 0 {
		perMinute := float64(done) / took.Minutes()
		digits := 0
		if perMinute < 10 {
			digits = 1
		}
		v.Rate = strconv.FormatFloat(perMinute, 'f', digits, 64) + " a minute"
		if c.PausedAt == nil {
			v.Rate += ", " + ahead(time.Duration(float64(left)/perMinute*float64(time.Minute))) + " to go"
		}
	}
}

func (s *Studio) campaignButtons(r *request, c storedb.Campaign, v *view.Campaign) {
	if !c.Status.Live() {
		return
	}
	base := campaignURL(c.ID)
	v.Pause = r.button("Pause…", base+"/pause", users.Admin)
	if c.PausedAt != nil {
		v.Pause = r.button("Resume…", base+"/resume", users.Admin)
	}
	v.Cancel = r.button("Cancel…", base+"/cancel", users.Admin)
}

// outcomes are how many recipients fared alike, each a filter.
func (s *Studio) outcomes(r *request, q *storedb.Queries, c storedb.Campaign, v *view.Campaign) error {
	rows, err := q.CampaignReasons(r.ctx(), c.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		query := url.Values{"outcome": {row.Status}}
		if row.Reason != "" {
			query.Set("reason", row.Reason)
		}
		v.Outcomes = append(v.Outcomes, view.OutcomeRow{
			State: outcomeBadge(row.Status), Why: outcomeWords(row.Reason), People: number(row.N), Share: percent(row.N, int64(c.TotalRecipients)), URL: withQuery(campaignURL(c.ID), query) + "#recipients",
		})
	}
	return nil
}

func outcomeBadge(status string) view.Badge {
	switch status {
	case "open":
		return wait("still to come")
	case "sent":
		return ok("sent")
	case "skipped":
		return policy("left out")
	case "failed":
		return bad("failed")
	}
	return off(status)
}

func outcomeWords(reason string) string {
	if reason == "" {
		return ""
	}
	return cut(visible(reasonWords(reason)), 200)
}

// recipients are the people of a campaign, all or those who fared alike.
func (s *Studio) recipients(r *request, q *storedb.Queries, c storedb.Campaign, v *view.Campaign) error {
	p := storedb.StudioRecipientsParams{CampaignID: c.ID, RowLimit: pageRows + 1}
	query := url.Values{}
	if outcome := r.query("outcome"); outcome != "" {
		p.Status = &outcome
		query.Set("outcome", outcome)
		chip := outcomeBadge(outcome).Word
		if reason := r.query("reason"); reason != "" {
			p.Reason = &reason
			query.Set("reason", reason)
			chip += ": " + outcomeWords(reason)
		}
		v.Chips = append(v.Chips, view.Chip{Text: chip, Without: campaignURL(c.ID) + "#recipients"})
	}
	if id, err := uuid.Parse(r.query("after")); err == nil {
		p.AfterID = id
	}
	rows, err := q.StudioRecipients(r.ctx(), p)
	if err != nil {
		return err
	}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		query.Set("after", rows[pageRows-1].Contact.ID.String())
		v.Pager.Older = withQuery(campaignURL(c.ID), query) + "#recipients"
	}
	for _, row := range rows {
		out := view.RecipientRow{Contact: contactLink(row.Contact), State: outcomeBadge(row.CampaignRecipient.Status), Why: outcomeWords(textOf(row.CampaignRecipient.Reason))}
		if row.CampaignRecipient.SendID != nil {
			out.Mail = "/studio/mails/" + row.CampaignRecipient.SendID.String()
		}
		v.Recipients = append(v.Recipients, out)
	}
	return nil
}
