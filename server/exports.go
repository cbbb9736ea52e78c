package server

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hogsend/hogsend/internal/encoding"
	"github.com/hogsend/hogsend/internal/store"
)

// How many rows an export has at most (O-24).
const (
	maxContacts   = 100_000
	someContacts  = 10_000
	maxExportSend = 50_000
)

// stream is the body of a reply that is written as it comes, compressed on request (H-4).
type stream struct {
	io.Writer
	packed *gzip.Writer // nil when the client wants none
}

// streamed begins a reply of the type. Nothing is sent yet.
func streamed(r *request, contentType string) *stream {
	h := r.Response().Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Request().Header.Get("Accept-Encoding")) {
		return &stream{Writer: r.Response()}
	}
	h.Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(r.Response())
	return &stream{packed, packed}
}

// end writes what is left.
func (s *stream) end() error {
	if s.packed == nil {
		return nil
	}
	return s.packed.Close()
}

// sheet writes a CSV attachment row by row (RFC 4180).
type sheet struct {
	csv *csv.Writer
	out *stream
}

// attach begins a CSV file; head are its columns.
func attach(r *request, name string, head ...string) (*sheet, error) {
	out := streamed(r, "text/csv; charset=utf-8")
	r.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	r.Response().WriteHeader(http.StatusOK)
	s := &sheet{csv.NewWriter(out), out}
	s.csv.UseCRLF = true
	return s, s.csv.Write(head)
}

// write writes cells. What a spreadsheet would run is made a text.
func (s *sheet) write(cells ...string) error {
	return s.csv.Write(encoding.Cells(cells...))
}

// end writes what is left.
func (s *sheet) end() error {
	s.csv.Flush()
	return errors.Join(s.csv.Error(), s.out.end())
}

// broken ends a reply that has begun and cannot be finished: who reads it must not take
// it for whole.
func (s *Server) broken(r *request, err error) error {
	if err == nil {
		return nil
	}
	if !r.Response().Committed {
		r.Response().Header().Del("Content-Encoding")
		return err
	}
	s.log.Warn("export broke off", "request_id", requestID(r), "error", err)
	panic(http.ErrAbortHandler)
}

// exportContacts is R-57.
func (s *Server) exportContacts(r *request) error {
	q := queryOf(r)
	search, limit := q.text("search"), q.integer("limit", someContacts, 1, maxContacts)
	format := q.oneOf("format", "json", "csv")
	if err := q.err(); err != nil {
		return err
	}
	filter := map[string]string{"search": search, "limit": itoa(limit), "format": "json"}
	if format != nil {
		filter["format"] = *format
	}
	if err := s.desk.Exported(r.ctx(), s.who(r), "contacts.export", filter); err != nil {
		return err
	}
	if filter["format"] == "csv" {
		return s.broken(r, s.contactsSheet(r, search, limit))
	}
	return s.broken(r, s.contactsJSON(r, search, limit))
}

func (s *Server) contactsSheet(r *request, search string, limit int) error {
	out, err := attach(r, "contacts.csv", "id", "externalId", "email", "properties", "firstSeenAt", "lastSeenAt")
	if err != nil {
		return err
	}
	err = s.store.ExportContacts(r.ctx(), search, limit, func(c store.ExportedContact) error {
		return out.write(c.ID.String(), orEmpty(c.ExternalID), orEmpty(c.Email), string(c.Properties), stamp(&c.FirstSeenAt), stamp(&c.LastSeenAt))
	})
	if err != nil {
		return err
	}
	return out.end()
}

func (s *Server) contactsJSON(r *request, search string, limit int) error {
	body := streamed(r, "application/json; charset=utf-8")
	out := bufio.NewWriterSize(body, 32<<10)
	text := func(s string) error { _, err := out.WriteString(s); return err }
	if err := text(`{"contacts":[`); err != nil {
		return err
	}
	comma := ""
	err := s.store.ExportContacts(r.ctx(), search, limit, func(c store.ExportedContact) error {
		body, err := json.Marshal(contactReply{
			c.ID, c.ExternalID, c.AnonymousID, c.Email, c.Timezone, c.Properties, ts(c.FirstSeenAt), ts(c.LastSeenAt), ts(c.CreatedAt), ts(c.UpdatedAt),
		})
		if err != nil {
			return err
		}
		if err := text(comma); err != nil {
			return err
		}
		comma = ","
		_, err = out.Write(body)
		return err
	})
	if err != nil {
		return err
	}
	if err := text("]}\n"); err != nil {
		return err
	}
	return errors.Join(out.Flush(), body.end())
}

// exportSends is R-96.
func (s *Server) exportSends(r *request) error {
	q := queryOf(r)
	f := store.SendFilter{
		TemplateKey: q.optional("templateKey"), Category: q.optional("category"), JourneyID: q.optional("journeyId"),
		Status:  q.oneOf("status", "queued", "sent", "delivered", "opened", "clicked", "bounced", "complained", "failed", "suppressed", "skipped"),
		Engaged: q.oneOf("engagement", "opened", "clicked", "bounced", "complained"),
	}
	f.Since, f.Until = q.span()
	contact, none, err := s.filterContact(r, q)
	if err = errors.Join(q.err(), err); err != nil {
		return err
	}
	filter := map[string]string{}
	for _, name := range []string{"from", "to", "templateKey", "status", "category", "userId", "journeyId", "engagement"} {
		filter[name] = q.values.Get(name)
	}
	if filter["userId"] != "" && !none {
		filter["userId"] = contact.String() // no id of a person in the log
	}
	f.ContactID = contact
	if err := s.desk.Exported(r.ctx(), s.who(r), "sends.export", filter); err != nil {
		return err
	}
	out, err := attach(r, "sends.csv", "id", "toEmail", "subject", "templateKey", "category", "status", "reason", "userId", "journeyId",
		"sentAt", "deliveredAt", "openedAt", "clickedAt", "bouncedAt", "complainedAt", "createdAt")
	if err == nil && !none {
		err = s.store.ExportSends(r.ctx(), f, maxExportSend, func(e store.ExportedSend) error {
			return out.write(e.ID.String(), e.ToEmail, e.Subject, e.TemplateKey, e.Category, e.Status, orEmpty(e.Reason), orEmpty(e.UserID), orEmpty(e.JourneyID),
				stamp(e.SentAt), stamp(e.DeliveredAt), stamp(e.OpenedAt), stamp(e.ClickedAt), stamp(e.BouncedAt), stamp(e.ComplainedAt), stamp(&e.CreatedAt))
		})
	}
	if err == nil {
		err = out.end()
	}
	return s.broken(r, err)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// stamp is an instant as a cell; "" for none.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
