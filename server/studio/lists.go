package studio

import (
	"net/http"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/server/studio/view"
)

// listLists is U-33: what people can choose to get. Lists are code, so that nothing is
// changed here.
func (s *Studio) listLists(r *request) error {
	var v view.Lists
	for _, l := range s.cfg.Registry.Lists {
		row := view.ListRow{ID: l.ID, Name: l.Name, Description: l.Description, Kind: "a subject", Default: off("only who chose it")}
		if l.Kind == hogsend.Channel {
			row.Kind = "a channel"
		}
		if l.DefaultOptIn {
			row.Default = ok("everybody until they leave")
		}
		for _, j := range s.cfg.Registry.Journeys {
			if j.Category == l.ID {
				row.Journeys = append(row.Journeys, view.Link{Text: nameOfJourney(j), URL: journeyURL(j.ID)})
			}
		}
		v.Rows = append(v.Rows, row)
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "There are no lists", Text: "A list is a kind of mail that people can leave while they keep the others. Without lists they can only leave everything.", Command: `hogsend.Registry{
	Lists: []hogsend.List{{ID: "digest", Name: "Weekly digest", DefaultOptIn: true}},
}`}
	}
	v.Frame = s.frame(r, "Lists", "Lists")
	return s.show(r, http.StatusOK, "lists", v)
}
