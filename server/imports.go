package server

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/imports"
)

// maxImport is how large a file to import may be (H-12).
const maxImport = 32 << 20

// importContacts is R-55.
func (s *Server) importContacts(r *request) error { return s.takeImport(r, imports.Contacts) }

// importSuppressions is R-100.
func (s *Server) importSuppressions(r *request) error { return s.takeImport(r, imports.Suppressions) }

func (s *Server) takeImport(r *request, kind imports.Kind) error {
	o, err := readObjectUpTo(r, 0, maxImport)
	if err != nil {
		return err
	}
	var format, data string
	if o.read("format", "a string", &format); format != imports.CSV && format != imports.JSON {
		o.report("format", "must be csv or json")
	}
	if !o.read("data", "a string", &data) && !o.found {
		o.report("data", "must be the text of a file")
	}
	name := o.text("fileName", 255)
	if !o.found {
		if err := imports.Check(kind, format, data); err != nil {
			o.report("data", err.Error())
		}
	}
	if err := o.err(); err != nil {
		return err
	}
	id, err := s.desk.Import(r.ctx(), s.who(r), kind, format, name, data)
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, struct {
		JobID  uuid.UUID `json:"jobId"`
		Status string    `json:"status"`
	}{id, "pending"})
}

// getImport is R-56, of both kinds.
func (s *Server) getImport(r *request) error {
	id, err := idParam(r, "jobId")
	if err != nil {
		return err
	}
	rows, err := s.store.ImportGet(r.ctx(), id)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return notFound("Import not found")
	}
	j := rows[0]
	return reply(r, http.StatusOK, struct {
		ID        uuid.UUID       `json:"id"`
		Status    string          `json:"status"`
		Total     *int32          `json:"totalRows"`
		Processed int32           `json:"processedRows"`
		Failed    int32           `json:"failedRows"`
		Errors    json.RawMessage `json:"errors"`
		CreatedAt ts              `json:"createdAt"`
		UpdatedAt ts              `json:"updatedAt"`
	}{j.ID, j.Status, j.TotalRows, j.ProcessedRows, j.FailedRows, j.Errors, ts(j.CreatedAt), ts(j.UpdatedAt)})
}
