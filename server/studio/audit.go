package studio

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/encoding"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// auditFilter is what of the log is asked for.
func auditFilter(r *request) (p storedb.StudioAuditParams, query url.Values) {
	query = url.Values{}
	some := func(name string) *string {
		value := r.query(name)
		if value == "" {
			return nil
		}
		query.Set(name, value)
		return &value
	}
	return storedb.StudioAuditParams{Before: farAhead(), BeforeID: uuid.Max, Actor: some("actor"), Resource: some("resource"), Action: some("action"), RowLimit: pageRows + 1}, query
}

// listAudit is U-41.
func (s *Studio) listAudit(r *request) error {
	p, query := auditFilter(r)
	v := view.Audit{Actor: visible(textOf(p.Actor)), Resource: visible(textOf(p.Resource)), CSV: withQuery("/studio/audit.csv", query)}
	turn, first := r.turning(), true
	if at, id, ok := cursor(turn.before); ok {
		p.Before, p.BeforeID, first = at, id, false
	}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		if at, id, ok := cursor(turn.after); ok {
			newer, err := q.StudioAuditNewer(r.ctx(), storedb.StudioAuditNewerParams{After: at, AfterID: id, Actor: p.Actor, Resource: p.Resource, Action: p.Action, RowLimit: pageRows + 1})
			if err != nil {
				return err
			}
			if len(newer) > pageRows {
				p.Before, p.BeforeID, first = newer[pageRows].CreatedAt, newer[pageRows].ID, false
			}
		}
		rows, err := q.StudioAudit(r.ctx(), p)
		if err != nil {
			return err
		}
		more := len(rows) > pageRows
		rows = rows[:min(len(rows), pageRows)]
		if n := len(rows); n > 0 {
			v.Pager = pager("/studio/audit", query, cursorOf(rows[0].CreatedAt, rows[0].ID), cursorOf(rows[n-1].CreatedAt, rows[n-1].ID), first, more)
		}
		for _, row := range rows {
			v.Rows = append(v.Rows, view.AuditRow{
				At: s.moment(r, row.CreatedAt), Who: visible(row.Actor), What: actionWords(row.Action), Of: view.Link{Text: cut(visible(textOf(row.ResourceID)), 36), URL: resourceURL(row)},
				Changes: changeLines(row.Detail), From: visible(textOf(row.IpAddress)), RequestID: visible(row.RequestID),
			})
		}
		total, err := q.StudioAuditCount(r.ctx(), storedb.StudioAuditCountParams{Actor: p.Actor, Resource: p.Resource, Action: p.Action, RowLimit: most + 1})
		v.Pager.Total = capped(total)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nobody changed anything like this", Text: "Every change by a key, a user or a command is here, also sign-ins.", Next: view.Link{Text: "Clear", URL: "/studio/audit"}}
	}
	v.Frame = s.frame(r, "Audit", "Audit log")
	return s.show(r, http.StatusOK, "audit", v)
}

// resourceURL is the page of what an entry of the log is about; "" for none.
func resourceURL(row storedb.AuditLog) string {
	id := textOf(row.ResourceID)
	if id == "" {
		return ""
	}
	pages := map[string]string{"journeys": "/studio/journeys/", "buckets": "/studio/buckets/", "contacts": "/studio/contacts/", "states": "/studio/enrollments/", "emails": "/studio/mails/", "events": "/studio/events/"}
	base, known := pages[row.Resource]
	if _, err := uuid.Parse(id); !known || err != nil && row.Resource != "journeys" && row.Resource != "buckets" {
		return ""
	}
	return base + url.PathEscape(id)
}

// exportedAtOnce is how many entries of the log one file has at most.
const exportedAtOnce = 10_000

// exportAudit is the log as a file, the newest entries first. Cells that a spreadsheet would
// take for a formula begin with a quote (O-24).
func (s *Studio) exportAudit(r *request) error {
	p, _ := auditFilter(r)
	p.RowLimit = exportedAtOnce
	var rows []storedb.AuditLog
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		rows, err = q.StudioAudit(r.ctx(), p)
		return err
	})
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	out := csv.NewWriter(r.w)
	out.UseCRLF = true
	_ = out.Write([]string{"at", "actor", "actorType", "action", "resource", "resourceId", "detail", "address", "requestId"}) // the client is gone, or not
	for _, row := range rows {
		_ = out.Write(encoding.Cells(
			row.CreatedAt.UTC().Format(time.RFC3339Nano), row.Actor, row.ActorType, row.Action, row.Resource, textOf(row.ResourceID), string(row.Detail), textOf(row.IpAddress), row.RequestID))
	}
	out.Flush()
	return nil
}
