package studio

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// standing is one of the views of the people of a journey.
type standing struct {
	name, label string
	statuses    []contract.EnrollmentStatus
}

func standings() []standing {
	return []standing{
		{"", "In it", []contract.EnrollmentStatus{contract.EnrollmentActive, contract.EnrollmentWaiting}},
		{"failed", "Failed", []contract.EnrollmentStatus{contract.EnrollmentFailed}},
		{"completed", "Completed", []contract.EnrollmentStatus{contract.EnrollmentCompleted}},
		{"left", "Left before the end", []contract.EnrollmentStatus{contract.EnrollmentExited}},
	}
}

// listPeople are the people of a journey, by how they stand and where (U-24).
func (s *Studio) listPeople(r *request) error {
	j, err := s.journey(r)
	if err != nil {
		return err
	}
	base, which := journeyURL(j.ID)+"/people", r.query("which")
	v := view.People{Back: view.Link{Text: nameOfJourney(j), URL: journeyURL(j.ID)}}
	p := storedb.StudioPeopleOfParams{JourneyIds: operate.IDs(j), Before: uuid.Max, RowLimit: pageRows + 1}
	query := url.Values{}
	for _, st := range standings() {
		q := url.Values{}
		if st.name != "" {
			q.Set("which", st.name)
		}
		here := st.name == which
		if here {
			query = q
			for _, status := range st.statuses {
				p.Statuses = append(p.Statuses, string(status))
			}
		}
		v.Segments = append(v.Segments, view.Segment{Label: st.label, URL: withQuery(base, q), Here: here})
	}
	v.Tabs = tabs(j, "/people")
	without := withQuery(base, query)
	if node := r.query("node"); node != "" {
		p.Node = &node
		v.Chips = append(v.Chips, view.Chip{Text: "at: " + nodeWords(node), Without: without})
		query.Set("node", node)
		if which == "" {
			v.Cancel = r.button("Cancel all of these…", journeyURL(j.ID)+"/cancel?"+url.Values{"node": {node}}.Encode(), users.Operator)
		}
	}
	if failure := r.query("error"); failure != "" {
		p.Error = &failure
		v.Chips = append(v.Chips, view.Chip{Text: "“" + cut(visible(failure), 80) + "”", Without: without})
		query.Set("error", failure)
		if which == "failed" {
			v.Retry = r.button("Try all of these again…", retryURL(j, failure), users.Operator)
		}
	}
	turn, first := r.turning(), true
	if id, err := uuid.Parse(turn.before); err == nil {
		p.Before, first = id, false
	}
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		if after, err := uuid.Parse(turn.after); err == nil {
			newer, err := q.StudioPeopleNewer(r.ctx(), storedb.StudioPeopleNewerParams{JourneyIds: p.JourneyIds, Statuses: p.Statuses, After: after, Node: p.Node, Error: p.Error, RowLimit: pageRows + 1})
			if err != nil {
				return err
			}
			if len(newer) > pageRows {
				p.Before, first = newer[pageRows], false
			}
		}
		rows, err := peopleOf(r, q, p)
		if err != nil {
			return err
		}
		more := len(rows) > pageRows
		rows = rows[:min(len(rows), pageRows)]
		if len(rows) > 0 {
			v.Pager = pager(base, query, rows[0].Enrollment.ID.String(), rows[len(rows)-1].Enrollment.ID.String(), first, more)
		}
		total, err := q.StudioPeopleCount(r.ctx(), storedb.StudioPeopleCountParams{JourneyIds: p.JourneyIds, Statuses: p.Statuses, Node: p.Node, Error: p.Error, RowLimit: most + 1})
		if err != nil {
			return err
		}
		v.Pager.Total = capped(total)
		for _, row := range rows {
			v.Rows = append(v.Rows, s.personRow(r, row.Enrollment, row.Contact))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Cancel = nil
		v.Empty = &view.Empty{Title: "Nobody", Text: "Nobody stands like this.", Next: view.Link{Text: "Go to the journey", URL: journeyURL(j.ID)}}
	}
	v.Frame = s.frame(r, "People", "People of "+nameOfJourney(j))
	return s.show(r, http.StatusOK, "people", v)
}

// peopleOf are the people of a journey in some states, and, where that is asked for, at a
// node or with an error.
func peopleOf(r *request, q *storedb.Queries, p storedb.StudioPeopleOfParams) ([]storedb.StudioPeopleRow, error) {
	if p.Node == nil && p.Error == nil {
		return q.StudioPeople(r.ctx(), storedb.StudioPeopleParams{JourneyIds: p.JourneyIds, Statuses: p.Statuses, Before: p.Before, RowLimit: p.RowLimit})
	}
	found, err := q.StudioPeopleOf(r.ctx(), p)
	rows := make([]storedb.StudioPeopleRow, len(found))
	for i, row := range found {
		rows[i] = storedb.StudioPeopleRow(row)
	}
	return rows, err
}

// readPeople is peopleOf in a transaction of its own, for pages that show nothing else.
func (s *Studio) readPeople(r *request, p storedb.StudioPeopleOfParams) (rows []storedb.StudioPeopleRow, err error) {
	err = s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		rows, err = peopleOf(r, q, p)
		return err
	})
	return rows, err
}

// personRow is an enrollment of a list.
func (s *Studio) personRow(r *request, e storedb.Enrollment, c storedb.Contact) view.PersonRow {
	row := view.PersonRow{
		URL: enrollmentURL(e.ID), Contact: contactLink(c), State: enrollmentBadge(e.Status), Node: nodeWords(e.Node), Why: cut(visible(textOf(e.Error)), 120), At: s.moment(r, e.UpdatedAt),
	}
	if e.ExitReason != nil {
		row.Why = reasonWords(string(*e.ExitReason))
	}
	return row
}
