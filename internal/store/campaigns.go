package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// CampaignGetWithFigures returns a campaign with its figures as they are now, or
// ErrNotFound.
func (s *Store) CampaignGetWithFigures(ctx context.Context, id uuid.UUID) (storedb.Campaign, error) {
	rows, err := s.CampaignGet(ctx, id)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return storedb.Campaign{}, fmt.Errorf("get campaign: %w", err)
	}
	list := []storedb.Campaign{rows[0].Campaign}
	err = s.CampaignsCount(ctx, list)
	return list[0], err
}

// CampaignsCount sets the figures of campaigns that are not over to what their ledgers say.
// Of one that was canceled the figures add up at once: who has no outcome is spared.
func (s *Store) CampaignsCount(ctx context.Context, list []storedb.Campaign) error {
	at := map[uuid.UUID]*storedb.Campaign{}
	var ids []uuid.UUID
	for i := range list {
		if c := &list[i]; c.CompletedAt == nil && c.StartedAt != nil {
			at[c.ID] = c
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	figures, err := s.CampaignFigures(ctx, ids)
	if err != nil {
		return fmt.Errorf("count recipients: %w", err)
	}
	for _, f := range figures {
		c, n := at[f.CampaignID], int32(f.N) //nolint:gosec // a count of contacts
		switch f.Status {
		case "sent":
			c.SentCount = n
		case "skipped":
			c.SkippedCount = n
		case "failed":
			c.FailedCount = n
		}
	}
	for _, c := range at {
		if c.Status == contract.CampaignCanceled {
			c.SkippedCount = c.TotalRecipients - c.SentCount - c.FailedCount
		}
	}
	return nil
}
