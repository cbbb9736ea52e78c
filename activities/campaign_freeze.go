package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// freezeSample puts some of the recipients before the others, until the campaign pauses.
func freezeSample(ctx context.Context, q *storedb.Queries, c storedb.Campaign) (err error) {
	if len(c.SampleTo) > 0 {
		_, err = q.CampaignSampleTo(ctx, c.ID, c.SampleTo)
	} else if c.Sample > 0 {
		_, err = q.CampaignSampleFirst(ctx, c.ID, c.Sample)
	}
	if err != nil {
		return fmt.Errorf("choose the sample: %w", err)
	}
	return nil
}

// zonePage is how many recipients' zones are read at once.
const zonePage = 5000

// freezeZones sets when each recipient is due whose campaign is for a time on the wall: the
// zones are those of the program, not of the database (S-1, S-3).
func (a *Activities) freezeZones(ctx context.Context, q *storedb.Queries, c storedb.Campaign) error {
	instants := map[string]time.Time{}
	for after := uuid.Nil; ; {
		page, err := q.CampaignZones(ctx, c.ID, after, zonePage)
		if err != nil {
			return fmt.Errorf("read zones: %w", err)
		}
		due := map[time.Time][]uuid.UUID{}
		for _, row := range page {
			zone, err := a.zoneOfRow(row)
			if err != nil {
				return err
			}
			at, known := instants[zone]
			if !known {
				if at, err = steps.LocalInstant(*c.LocalAt, zone); err != nil {
					return err
				}
				instants[zone] = at
			}
			due[at] = append(due[at], row.ContactID)
		}
		for at, contacts := range due {
			if err := q.CampaignDue(ctx, at, c.ID, contacts); err != nil {
				return fmt.Errorf("set instants of a zone: %w", err)
			}
		}
		if len(page) < zonePage {
			return nil
		}
		after = page[len(page)-1].ContactID
	}
}

func (a *Activities) zoneOfRow(row storedb.CampaignZonesRow) (string, error) {
	contact := hogsend.Contact{Timezone: text(row.Timezone)}
	if err := json.Unmarshal(row.Properties, &contact.Properties); err != nil {
		return "", fmt.Errorf("decode zones of contact %s: %w", row.ContactID, err)
	}
	zone, _ := steps.ResolveZone(contact, a.Registry.Defaults().Timezone)
	return zone.Name, nil
}
