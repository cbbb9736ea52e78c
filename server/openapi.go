package server

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

// openapi is the document of R-32: a test writes it from the table of routes and the wire
// contract, and holds it against every answer that the tests of this package get.
//
//go:embed openapi.json
var openapi []byte

// apiDocument is what the page of R-33 shows of the document.
type apiDocument struct {
	Paths map[string]map[string]apiOperation `json:"paths"`
}

type apiOperation struct {
	ID          string `json:"operationId"`
	Description string `json:"description"`
	Scope       string `json:"x-scope"`
}

// getOpenAPI is R-32.
func (s *Server) getOpenAPI(r *request) error {
	if !s.cfg.OpenAPI {
		return notFound("Not Found")
	}
	return reply(r, http.StatusOK, json.RawMessage(openapi))
}

var apiPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hogsend API</title></head><body>
<h1>hogsend API</h1><p>The same as <a href="/openapi.json">an OpenAPI document</a>.</p>
<table><thead><tr><th>Route</th><th>Scope</th><th>What it takes and answers</th><th>Rule</th></tr></thead><tbody>
{{range .}}<tr><td><code>{{.Method}} {{.Path}}</code></td><td>{{.Scope}}</td><td>{{.Description}}</td><td>{{.ID}}</td></tr>
{{end}}</tbody></table></body></html>
`))

// apiRow is a row of the page.
type apiRow struct {
	Method, Path string
	apiOperation
}

// getDocs is R-33: it runs no script and loads nothing.
func (s *Server) getDocs(r *request) error {
	if !s.cfg.OpenAPI {
		return notFound("Not Found")
	}
	var document apiDocument
	if err := json.Unmarshal(openapi, &document); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	var rows []apiRow
	for _, rt := range s.table { // in the order of the table
		path := openAPIPath(rt.path)
		if op, ok := document.Paths[path][strings.ToLower(rt.method)]; ok {
			rows = append(rows, apiRow{rt.method, path, op})
		}
	}
	h := r.Response().Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'")
	r.Response().WriteHeader(http.StatusOK)
	if err := apiPage.Execute(r.Response(), rows); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// openAPIPath writes parameters as OpenAPI does.
func openAPIPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}
