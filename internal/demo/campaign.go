package demo

import (
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// mailed are two campaigns of the past, each to some of the people of a bucket: one that went
// out, and one that was canceled half-way.
func (p *past) mailed() {
	if len(p.cfg.Registry.Templates) == 0 || len(p.cfg.Registry.Buckets) == 0 {
		return
	}
	for n, name := range []string{"Autumn news", "Price change"} {
		at := p.cfg.Now.Add(-time.Duration(9-6*n) * hogsend.Day)
		id, canceled := p.id(at), n == 1
		var sent, skipped, failed int
		total := len(p.people) / 2
		for i, w := range p.people[:total] {
			status, reason := "sent", any(nil)
			switch {
			case canceled && i > total/2:
				status, reason = "skipped", "canceled"
			case w.silent:
				status, reason = "skipped", "bounce"
			case p.happens(4):
				status, reason = "skipped", pick(p.chance, []string{"unsubscribed_all", "frequency_capped", "category_opt_out"})
			case p.happens(1):
				status, reason = "failed", "unknown_outcome"
			}
			switch status {
			case "sent":
				sent++
			case "skipped":
				skipped++
			default:
				failed++
			}
			p.add("campaign_recipients", "campaign_id contact_id email_key due_at status reason", id, w.id, w.email, at, status, reason)
		}
		state, stopped := contract.CampaignSent, any(nil)
		if canceled {
			state, stopped = contract.CampaignCanceled, at.Add(20*time.Minute)
		}
		t := p.cfg.Registry.Templates[n%len(p.cfg.Registry.Templates)]
		p.add("campaigns", "id name status audience_kind audience_id template_key props from_email subject rate_per_minute sample sample_to total_recipients sent_count skipped_count failed_count started_at completed_at canceled_at created_at updated_at",
			id, name, string(state), "bucket", p.cfg.Registry.Buckets[n%len(p.cfg.Registry.Buckets)].ID, t.Key, "{}", "", "", 0, 0, []uuid.UUID{}, total, sent, skipped, failed, at, at.Add(40*time.Minute), stopped, at.Add(-time.Hour), at.Add(40*time.Minute))
	}
}
