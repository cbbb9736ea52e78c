package clock

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// PlannedDates is what a build would do to the dues of a journey that a date triggers.
type PlannedDates struct {
	JourneyID string `json:"journeyId"`
	// Status is new, changed, unchanged or removed. Dues of a new or changed one are computed
	// anew for every contact, of a removed one forgotten. Those of one that only changed its
	// timezone move, those of another date begin afresh (J-157).
	Status string `json:"status"`
	// Changes say what differs, sorted: date, or timezone for that of contacts whose own is
	// not known.
	Changes []string `json:"changes"`
	// Due is how many contacts are due now.
	Due int64 `json:"due"`
}

// PlanDates compares the journeys of a build that dates trigger with those in force, by id;
// timezone is that of contacts whose own is not known, "" for UTC. It changes nothing.
func PlanDates(ctx context.Context, q *storedb.Queries, journeys []hogsend.Journey, timezone string) ([]PlannedDates, error) {
	rows, err := q.DatesInForce(ctx)
	if err != nil {
		return nil, fmt.Errorf("read dates: %w", err)
	}
	counts, err := q.DatesCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count who is due: %w", err)
	}
	due := map[string]int64{}
	for _, c := range counts {
		due[c.JourneyID] = c.Total
	}
	all := []PlannedDates{}
	wanted := map[string]steps.DateRule{}
	for _, j := range journeys {
		if j.Trigger.Date != nil {
			wanted[j.ID] = steps.DateRule{Date: *j.Trigger.Date, Zone: timezone}
		}
	}
	for i := range rows {
		id := rows[i].JourneyID
		var was steps.DateRule
		if err := json.Unmarshal(rows[i].Definition, &was); err != nil {
			return nil, fmt.Errorf("read date of %s: %w", id, err)
		}
		planned := PlannedDates{JourneyID: id, Status: "removed", Changes: []string{}, Due: due[id]}
		if will, still := wanted[id]; still {
			planned.Status = "unchanged"
			if will.Date != was.Date {
				planned.Changes = append(planned.Changes, "date")
			}
			if cmp.Or(will.Zone, "UTC") != cmp.Or(was.Zone, "UTC") {
				planned.Changes = append(planned.Changes, "timezone")
			}
			if len(planned.Changes) > 0 {
				planned.Status = "changed"
			}
			delete(wanted, id)
		}
		all = append(all, planned)
	}
	for id := range wanted {
		all = append(all, PlannedDates{JourneyID: id, Status: "new", Changes: []string{}})
	}
	slices.SortFunc(all, func(a, b PlannedDates) int { return strings.Compare(a.JourneyID, b.JourneyID) })
	return all, nil
}
