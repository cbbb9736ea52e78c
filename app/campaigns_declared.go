package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// createCampaigns creates the campaigns of the registry that no start has created yet
// (E-69).
func (p *process) createCampaigns(ctx context.Context) error {
	desk := operate.Desk{Store: p.store}
	senders := email.Senders{Default: p.cfg.EmailFrom, Domains: p.cfg.EmailFromDomains}
	for _, c := range p.registry.Campaigns {
		row, err := declared(c, senders, time.Now().UTC().Truncate(time.Microsecond))
		if err == nil {
			_, err = desk.CreateCampaign(ctx, store.System("code"), row)
		}
		if err != nil {
			return fmt.Errorf("campaign %s: %w", c.ID, err)
		}
	}
	return nil
}

// declared is the row of a campaign in code. An instant that has passed stays: long ago, it
// expires and mails nobody.
func declared(c hogsend.Campaign, senders email.Senders, now time.Time) (storedb.CampaignInsertParams, error) {
	key := "code:" + c.ID
	row := storedb.CampaignInsertParams{
		ID: uuid.Must(uuid.NewV7()), Key: &key, Name: cmp.Or(c.Name, c.ID), Status: contract.CampaignQueued, AudienceKind: contract.AudienceList, AudienceID: c.List,
		TemplateKey: c.Template, FromEmail: c.From, Subject: c.Subject, SampleTo: []uuid.UUID{}, Now: now,
		RatePerMinute: int32(min(c.RatePerMinute, 1_000_000)), Sample: int32(min(c.Sample, 1_000_000)), //nolint:gosec // bounded here, and by Validate
	}
	if c.Bucket != "" {
		row.AudienceKind, row.AudienceID = contract.AudienceBucket, c.Bucket
	}
	if !c.SendAt.IsZero() {
		at := c.SendAt.UTC()
		if at.After(now.AddDate(1, 0, 1)) {
			return row, errors.New("SendAt is more than a year ahead")
		}
		row.Status, row.ScheduledAt = contract.CampaignScheduled, &at
	}
	if _, err := senders.Choose(c.From); err != nil {
		return row, err
	}
	if c.Props != nil {
		raw, err := json.Marshal(c.Props)
		if err != nil {
			return row, fmt.Errorf("encode props: %w", err)
		}
		row.Props = raw
	}
	return row, nil
}
