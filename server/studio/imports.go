package studio

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend/internal/imports"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// maxUpload is how large a file may be, with what a form puts around it (H-12).
const maxUpload = 32<<20 + 64<<10

// listImports is U-38.
func (s *Studio) listImports(r *request) error {
	v, err := s.importsPage(r, view.Problem{})
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "imports", v)
}

func (s *Studio) importsPage(r *request, wrong view.Problem) (view.Imports, error) {
	v := view.Imports{
		May: may(users.Role(r.session.User.Role), users.Admin), Problem: wrong,
		Kinds:   []view.Choice{{Value: string(imports.Contacts), Label: "contacts"}, {Value: string(imports.Suppressions), Label: "addresses to block"}},
		Exports: []view.Link{{Text: "Contacts as CSV", URL: "/v1/admin/contacts/export?format=csv"}, {Text: "Mails as CSV", URL: "/v1/admin/reporting/sends/export?format=csv"}},
	}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioImports(r.ctx(), pageRows)
		for _, row := range rows {
			one := view.ImportRow{URL: "/studio/imports/" + row.ID.String(), Kind: visible(row.Kind), File: visible(row.FileName), State: importBadge(row.Status), Done: number(int64(row.ProcessedRows)), Failed: number(int64(row.FailedRows)), At: s.moment(r, row.CreatedAt)}
			if one.File == "" {
				one.File = "without a name"
			}
			if row.TotalRows != nil {
				one.Done += " of " + number(int64(*row.TotalRows))
			}
			v.Rows = append(v.Rows, one)
		}
		return err
	})
	v.Frame = s.frame(r, "Imports", "Imports and exports")
	return v, err
}

func importBadge(status string) view.Badge {
	switch status {
	case "pending":
		return wait("about to begin")
	case "processing":
		return run("under way")
	case "completed":
		return ok("done")
	case "failed":
		return bad("failed")
	}
	return off(status)
}

// showImport is how far an import has come, and which rows it did not take.
func (s *Studio) showImport(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var v view.Import
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		rows, err := q.StudioImport(r.ctx(), id)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &problem{status: http.StatusNotFound, heading: "No such import", text: "No import has this id.", next: [2]string{"Go to the imports", "/studio/imports"}}
		}
		row := rows[0]
		v = view.Import{ID: id.String(), Kind: visible(row.Kind), State: importBadge(row.Status), At: s.moment(r, row.CreatedAt), Updated: s.moment(r, row.UpdatedAt)}
		total := "not known yet"
		if row.TotalRows != nil {
			total = number(int64(*row.TotalRows))
		}
		v.Counts = []view.Tile{{Label: "rows", Value: total}, {Label: "looked at", Value: number(int64(row.ProcessedRows))}, {Label: "not taken", Value: number(int64(row.FailedRows))}}
		var told []struct {
			Row   int
			Error string
		}
		if err := json.Unmarshal(row.Errors, &told); err != nil {
			return err
		}
		for _, e := range told {
			v.Errors = append(v.Errors, view.ImportError{Row: strconv.Itoa(e.Row), Text: visible(e.Error)})
		}
		if int(row.FailedRows) > len(told) {
			v.More = "the first " + strconv.Itoa(len(told)) + " of " + number(int64(row.FailedRows))
		}
		name := visible(row.FileName)
		if name == "" {
			name = "Import"
		}
		v.Frame = s.frame(r, "Import", name)
		return nil
	})
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "import", v)
}

// startImport takes a file, which a worker brings in.
func (s *Studio) startImport(r *request) error {
	kind, format, name, data, wrong := readUpload(r)
	if wrong == "" {
		if err := imports.Check(kind, format, data); err != nil {
			wrong = "The file cannot be read: " + err.Error()
		}
	}
	if wrong != "" {
		v, err := s.importsPage(r, view.Problem{Field: "file", Text: visible(wrong)})
		if err != nil {
			return err
		}
		return s.show(r, http.StatusUnprocessableEntity, "imports", v)
	}
	id, err := s.cfg.Desk.Import(r.ctx(), s.actor(r), kind, format, name, data)
	if err != nil {
		return err
	}
	return r.see("/studio/imports/" + id.String() + "?done=import")
}

// readUpload reads the file of a form; wrong says what is wrong with it.
func readUpload(r *request) (kind imports.Kind, format, name, data, wrong string) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return kind, "", "", "", "The file is too large: at most 32 MiB."
		}
		return kind, "", "", "", "Choose a file."
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // they are temporary
	kind = imports.Kind(r.PostFormValue("kind"))
	if kind != imports.Contacts && kind != imports.Suppressions {
		return kind, "", "", "", "Choose what the file has."
	}
	file, header, err := r.FormFile("file")
	if err != nil || header.Size == 0 {
		return kind, "", "", "", "Choose a file."
	}
	defer func() { _ = file.Close() }() // it was only read
	raw, err := io.ReadAll(file)
	if err != nil {
		return kind, "", "", "", "The file did not come whole. Try again."
	}
	format = imports.CSV
	if strings.HasSuffix(strings.ToLower(header.Filename), ".json") {
		format = imports.JSON
	}
	return kind, format, cut(clean(path.Base(strings.ReplaceAll(header.Filename, `\`, "/"))), 250), string(raw), ""
}
