package studio

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// growthDays is how far back the chart of a bucket goes.
const growthDays = 14

// growth is who entered and who left a bucket, day by day.
func (s *Studio) growth(r *request, q *storedb.Queries, id string) (view.Chart, error) {
	today := s.cfg.Now().In(r.zone)
	first := time.Date(today.Year(), today.Month(), today.Day()-growthDays+1, 0, 0, 0, 0, r.zone)
	rows, err := q.FiguresBucket(r.ctx(), storedb.FiguresBucketParams{BucketID: id, Unit: "day", Zone: r.zone.String(), Since: &first})
	if err != nil || len(rows) == 0 {
		return view.Chart{}, err
	}
	bars, place := make([]stack, growthDays), map[string]int{}
	for i := range bars {
		day := first.AddDate(0, 0, i)
		place[day.Format("2006-01-02T15")] = i
		bars[i] = stack{label: day.Format("2 Jan"), title: day.Format("2 Jan 2006"), parts: make([]int64, 2)}
	}
	for _, row := range rows {
		if i, known := place[row.Period]; known {
			bars[i].parts[0], bars[i].parts[1] = row.Entered, row.Gone
		}
	}
	return stacked("Who entered and left in the last 14 days", []string{"entered", "left"}, []string{"ok", "policy"}, bars), nil
}

// goCode are criteria as an author writes them; "" for those of another build.
func goCode(raw json.RawMessage) string {
	tree, problems, err := criteria.UnmarshalTree(raw)
	if err != nil || len(problems) > 0 {
		return ""
	}
	return criteria.Code(tree)
}
