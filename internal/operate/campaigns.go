package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// OverError says that a campaign has ended and cannot be changed any more.
type OverError struct{ Status contract.CampaignStatus }

func (e *OverError) Error() string { return "Campaign is already " + string(e.Status) }

// CreateCampaign creates a campaign and has its workflow started, in one transaction. Under
// a key that is known nothing happens, and the campaign is the one there is (H-11).
func (d *Desk) CreateCampaign(ctx context.Context, by store.Actor, c storedb.CampaignInsertParams) (row storedb.Campaign, err error) {
	err = d.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		added, err := q.CampaignInsert(ctx, c)
		if err != nil {
			return fmt.Errorf("create campaign: %w", err)
		}
		if added == 0 {
			row, err = one(q.CampaignByKey(ctx, c.Key))
			return err
		}
		id := c.ID.String()
		payload, err := json.Marshal(contract.RunPayload{WorkflowID: contract.CampaignWorkflowID(id), WorkflowType: contract.CampaignType, ID: id})
		if err != nil {
			return fmt.Errorf("encode outbox payload: %w", err)
		}
		start := storedb.OutboxInsertParams{ID: uuid.Must(uuid.NewV7()), OrderingKey: c.ID, Kind: contract.OutboxRun, Key: "campaign/" + id, Payload: payload, Now: c.Now}
		if err := q.OutboxInsert(ctx, start); err != nil {
			return fmt.Errorf("have campaign started: %w", err)
		}
		e := entry(by, "campaigns.create", id)
		e.Detail.Given("template", c.TemplateKey)
		e.Detail.Given(string(c.AudienceKind), c.AudienceID)
		if err := e.Write(ctx)(q); err != nil {
			return err
		}
		found, err := q.CampaignGet(ctx, c.ID)
		if err == nil && len(found) > 0 {
			row = found[0].Campaign
		}
		return err
	})
	return row, err
}

func one(rows []storedb.Campaign, err error) (storedb.Campaign, error) {
	if err == nil && len(rows) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return storedb.Campaign{}, err
	}
	return rows[0], nil
}

// CancelCampaign ends a campaign: nothing is claimed after it, what was claimed before
// goes out (E-73).
func (d *Desk) CancelCampaign(ctx context.Context, by store.Actor, id uuid.UUID, now time.Time) (storedb.Campaign, error) {
	return d.changeCampaign(ctx, by, "campaigns.cancel", id, now, func(q *storedb.Queries) (int64, error) { return q.CampaignCancel(ctx, now, id) })
}

// PauseCampaign holds a campaign until it is resumed; one that is paused stays as it is.
func (d *Desk) PauseCampaign(ctx context.Context, by store.Actor, id uuid.UUID, now time.Time) (storedb.Campaign, error) {
	return d.changeCampaign(ctx, by, "campaigns.pause", id, now, func(q *storedb.Queries) (int64, error) { return q.CampaignPause(ctx, now, id) })
}

// ResumeCampaign lets a paused campaign go on, after a sample with all others.
func (d *Desk) ResumeCampaign(ctx context.Context, by store.Actor, id uuid.UUID, now time.Time) (storedb.Campaign, error) {
	return d.changeCampaign(ctx, by, "campaigns.resume", id, now, func(q *storedb.Queries) (int64, error) { return q.CampaignResume(ctx, now, id) })
}

// changeCampaign makes a change of a campaign that is not over, notes it and wakes the
// workflow. A change of nothing is noted and tells nobody.
func (d *Desk) changeCampaign(ctx context.Context, by store.Actor, action string, id uuid.UUID, now time.Time, change func(q *storedb.Queries) (int64, error)) (row storedb.Campaign, err error) {
	err = d.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		rows, err := q.CampaignLock(ctx, id)
		switch {
		case err != nil:
			return fmt.Errorf("read campaign: %w", err)
		case len(rows) == 0:
			return store.ErrNotFound
		case !rows[0].Campaign.Status.Live():
			return &OverError{rows[0].Campaign.Status}
		}
		changed, err := change(q)
		if err != nil {
			return fmt.Errorf("change campaign: %w", err)
		}
		if changed > 0 {
			if err := wakeCampaign(ctx, q, id, now); err != nil {
				return err
			}
		}
		if err := entry(by, action, id.String()).Write(ctx)(q); err != nil {
			return err
		}
		rows2, err := q.CampaignGet(ctx, id)
		if err == nil && len(rows2) > 0 {
			row = rows2[0].Campaign
		}
		return err
	})
	return row, err
}

func wakeCampaign(ctx context.Context, q *storedb.Queries, id uuid.UUID, now time.Time) error {
	wake := uuid.Must(uuid.NewV7())
	payload, err := json.Marshal(contract.SignalPayload{WorkflowID: contract.CampaignWorkflowID(id.String()), Signal: contract.SignalWake, WaitID: wake.String()})
	if err != nil {
		return fmt.Errorf("encode outbox payload: %w", err)
	}
	err = q.OutboxInsert(ctx, storedb.OutboxInsertParams{ID: wake, OrderingKey: id, Kind: contract.OutboxSignal, Key: "wake/" + wake.String(), Payload: payload, Now: now})
	if err != nil {
		return fmt.Errorf("wake campaign: %w", err)
	}
	return nil
}
