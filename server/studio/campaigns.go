package studio

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

func campaignURL(id uuid.UUID) string { return "/studio/campaigns/" + id.String() }

// listCampaigns is the list of U-29, the newest first.
func (s *Studio) listCampaigns(r *request) error {
	from := 0
	if n, err := strconv.Atoi(r.query("from")); err == nil && n > 0 && n <= most {
		from = n
	}
	v := view.Campaigns{Create: r.button("New campaign…", "/studio/campaigns/new", users.Admin)}
	v.Create.Page = true
	rows, err := s.cfg.Store.CampaignList(r.ctx(), []string{}, int32(from), pageRows+1)
	if err != nil {
		return err
	}
	if len(rows) > pageRows {
		rows = rows[:pageRows]
		v.Pager.Older = "/studio/campaigns?from=" + strconv.Itoa(from+pageRows)
	}
	if from > 0 {
		v.Pager.Newer = "/studio/campaigns?from=" + strconv.Itoa(max(0, from-pageRows))
	}
	if err := s.cfg.Store.CampaignsCount(r.ctx(), rows); err != nil {
		return err
	}
	for _, c := range rows {
		done := int64(c.SentCount + c.SkippedCount + c.FailedCount)
		v.Rows = append(v.Rows, view.CampaignRow{
			URL: campaignURL(c.ID), Name: visible(c.Name), Template: visible(c.TemplateKey), Audience: s.audience(c), State: campaignBadge(c), Sent: number(int64(c.SentCount)),
			Of: number(int64(c.TotalRecipients)), Done: percent(done, int64(c.TotalRecipients)), At: s.moment(r, begins(c)),
		})
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No campaign was made", Text: "A campaign sends one mail once, to everybody on a list or in a bucket. Make one here, in code, or with a key:", Command: "curl " + s.cfg.PublicURL + `/v1/campaigns -H "Authorization: Bearer $HOGSEND_API_KEY" \
  -H "Content-Type: application/json" -d '{"template": "news", "list": "newsletter"}'`}
	}
	v.Frame = s.frame(r, "Campaigns", "Campaigns")
	return s.show(r, http.StatusOK, "campaigns", v)
}

// begins is when a campaign began, or is to begin.
func begins(c storedb.Campaign) time.Time {
	switch {
	case c.StartedAt != nil:
		return *c.StartedAt
	case c.ScheduledAt != nil:
		return *c.ScheduledAt
	}
	return c.CreatedAt
}

// audience are those whom a campaign goes to.
func (s *Studio) audience(c storedb.Campaign) view.Link {
	if c.AudienceKind == contract.AudienceBucket {
		return s.bucketLink(c.AudienceID)
	}
	for _, l := range s.cfg.Registry.Lists {
		if l.ID == c.AudienceID && l.Name != "" {
			return view.Link{Text: "list " + l.Name, URL: "/studio/lists"}
		}
	}
	return view.Link{Text: "list " + visible(c.AudienceID), URL: "/studio/lists"}
}

// campaignBadge is the state of a campaign.
func campaignBadge(c storedb.Campaign) view.Badge {
	switch {
	case c.PausedAt != nil && c.Status.Live():
		return paused("paused")
	case c.Status == contract.CampaignScheduled:
		return wait("scheduled")
	case c.Status == contract.CampaignQueued:
		return wait("about to begin")
	case c.Status == contract.CampaignSending:
		return run("sending")
	case c.Status == contract.CampaignSent:
		return ok("sent")
	case c.Status == contract.CampaignFailed:
		return bad("failed")
	case c.Status == contract.CampaignExpired:
		return bad("too late to begin")
	case c.Status == contract.CampaignCanceled:
		return off("canceled")
	}
	return off(string(c.Status))
}
