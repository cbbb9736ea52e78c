package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// contractExamples are the bodies that API.md shows, by the id of their route.
func contractExamples(t *testing.T) map[string]any {
	t.Helper()
	body, err := os.ReadFile(wireContract)
	require.NoError(t, err)
	examples := map[string]any{}
	for _, m := range regexp.MustCompile("(?s)```json (R-[0-9]+)\n(.*?)```").FindAllStringSubmatch(string(body), -1) {
		var v any
		require.NoError(t, json.Unmarshal([]byte(m[2]), &v), m[1])
		examples[m[1]] = v
	}
	require.Greater(t, len(examples), 25)
	return examples
}

// fieldsOf are the names of fields that API.md says may be absent, and may be null.
func fieldsOf(t *testing.T) (optional, nullable map[string]bool) {
	t.Helper()
	body, err := os.ReadFile(wireContract)
	require.NoError(t, err)
	optional, nullable = map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(\w+)\?`).FindAllStringSubmatch(string(body), -1) {
		optional[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`((?:\w+\??, )*\w+\??): [^,;{}]*\\?\|null`).FindAllStringSubmatch(string(body), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			nullable[strings.TrimSuffix(name, "?")] = true
		}
	}
	for _, name := range []string{"applied", "required", "lastSeenAt", "latencyMs", "journeyContext", "R-40"} { // said in words
		nullable[name] = true
	}
	return optional, nullable
}

// schemaOf is what an example says of a value: the fields that are always there, and their
// types. Maps of an author's or a client's own names are any object.
func schemaOf(name string, v any, optional, nullable map[string]bool) map[string]any {
	kind := func(word string) map[string]any {
		if nullable[name] {
			return map[string]any{"type": []string{word, "null"}}
		}
		return map[string]any{"type": word}
	}
	switch v := v.(type) {
	case map[string]any:
		s := kind("object")
		if slices.Contains([]string{"properties", "categories", "context", "detail", "payload", "data", "criteria", "value", "maxDwell", "suppress"}, name) {
			return s
		}
		fields, always := map[string]any{}, []string{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields[key] = schemaOf(key, v[key], optional, nullable)
			if !optional[key] && (name != "R-30" || key == "ok") { // a message that is skipped has the one field
				always = append(always, key)
			}
		}
		s["properties"], s["required"] = fields, always
		return s
	case []any:
		s := kind("array")
		s["items"] = map[string]any{}
		if len(v) > 0 && name != "timeline" && name != "failed" && name != "results" {
			s["items"] = schemaOf("", v[0], optional, nullable)
		}
		return s
	case string:
		return kind("string")
	case float64:
		return kind("number")
	case bool:
		return kind("boolean")
	}
	return map[string]any{} // null tells nothing of what else it may be
}

// document makes the document of R-32.
func document(t *testing.T) map[string]any {
	t.Helper()
	rows, examples := contractRows(t), contractExamples(t)
	optional, nullable := fieldsOf(t)
	plain := strings.NewReplacer("`", "", `\|`, "|")
	paths, seen := map[string]map[string]any{}, map[string]int{}
	for _, r := range (&Server{}).routes() {
		said := rows[r.id]
		op := map[string]any{"operationId": r.id, "description": strings.Trim(plain.Replace(said.request+" → "+said.reply), "–→ ")}
		if seen[r.id]++; seen[r.id] > 1 {
			op["operationId"] = r.id + "-" + strings.ToLower(r.method) // an id is given once
		}
		var parameters []any
		for _, m := range regexp.MustCompile(`:(\w+)`).FindAllStringSubmatch(r.path, -1) {
			parameters = append(parameters, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
		}
		requestOf(op, r.method, said.request, parameters)
		if r.scope != scopeNone {
			op["x-scope"] = string(r.scope)
			if r.or != "" {
				op["x-scope"] = fmt.Sprintf("%s or %s", r.scope, r.or)
			}
			op["security"] = []any{map[string]any{"key": []string{}}, map[string]any{"session": []string{}}}
		}
		success := map[string]any{"description": "success"}
		if example, ok := examples[r.id]; ok {
			success["content"] = map[string]any{"application/json": map[string]any{"schema": schemaOf(r.id, example, optional, nullable), "example": example}}
		}
		op["responses"] = map[string]any{"2XX": success, "default": map[string]any{"$ref": "#/components/responses/Error"}}
		if paths[openAPIPath(r.path)] == nil {
			paths[openAPIPath(r.path)] = map[string]any{}
		}
		paths[openAPIPath(r.path)][strings.ToLower(r.method)] = op
	}
	text := map[string]any{"type": "string"}
	return map[string]any{
		"openapi": "3.1.0", "info": map[string]any{"title": "hogsend", "version": "1"}, "paths": paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{
				"key": map[string]any{"type": "http", "scheme": "bearer"}, "session": map[string]any{"type": "apiKey", "in": "cookie", "name": "hogsend_session"},
			},
			"responses": map[string]any{"Error": map[string]any{"description": "an error (H-5)", "content": map[string]any{"application/json": map[string]any{"schema": map[string]any{
				"type": "object", "required": []string{"error", "message", "requestId"},
				"properties": map[string]any{
					"error": text, "message": text, "code": text, "requestId": text,
					"details": map[string]any{"type": "array", "items": map[string]any{"type": "object", "properties": map[string]any{"path": text, "message": text}}},
				},
			}}}}},
		},
	}
}

// the document is that of the routes that are served; `task gen` writes it.
func TestThePageOfOpenAPIIsWhatIsServed(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	require.NoError(t, e.Encode(document(t)))
	if *updateReference {
		require.NoError(t, os.WriteFile("openapi.json", want.Bytes(), 0o600))
	}
	got, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "write it anew with task gen")

	ids := map[string]bool{}
	var read struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	require.NoError(t, json.Unmarshal(got, &read))
	n := 0
	for _, operations := range read.Paths {
		for _, op := range operations {
			require.False(t, ids[op.OperationID], op.OperationID)
			ids[op.OperationID] = true
			n++
		}
	}
	require.Len(t, (&Server{}).routes(), n)
}

// served where they are switched on.
func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.OpenAPI = true })
	a := b.do(call{method: "GET", url: "/openapi.json"})
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `"openapi":"3.1.0"`)
	a = b.do(call{method: "GET", url: "/docs"})
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	require.Contains(t, a.body, "<code>GET /v1/admin/contacts/{contact}/timeline</code>")
	require.NotContains(t, a.body, "<script")
	off := setup(t)
	for _, url := range []string{"/openapi.json", "/docs"} {
		require.Equal(t, 404, off.do(call{method: "GET", url: url}).status)
	}
}

// conforms holds an answer against the schema of its route.
func conforms(schema map[string]any, v any, at string) error {
	if kinds, ok := schema["type"]; ok {
		words := []any{kinds}
		if list, several := kinds.([]any); several {
			words = list
		}
		if !slices.Contains(words, any(kindOf(v))) {
			return fmt.Errorf("%s is %s and not %v", at, kindOf(v), words)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		always, _ := schema["required"].([]any)
		for _, name := range always {
			if _, ok := v[name.(string)]; !ok {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
		}
		fields, _ := schema["properties"].(map[string]any)
		for name, field := range fields {
			if value, ok := v[name]; ok {
				if err := conforms(field.(map[string]any), value, at+"."+name); err != nil {
					return err
				}
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, item := range v {
			if err := conforms(items, item, fmt.Sprintf("%s.%d", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}

// check holds what a request was answered against the document.
func (b *bundle) check(c call, a answer) {
	b.t.Helper()
	if a.status < 200 || a.status > 299 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("Content-Encoding") != "" {
		return
	}
	path, _, _ := strings.Cut(c.url, "?")
	schema := b.schema(c.method, path)
	if schema == nil {
		return
	}
	var v any
	require.NoError(b.t, json.Unmarshal([]byte(a.body), &v))
	require.NoError(b.t, conforms(schema, v, c.method+" "+path))
}

// schema is that of the answers of a route; nil for none.
func (b *bundle) schema(method, path string) map[string]any {
	var read struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
	}
	require.NoError(b.t, json.Unmarshal(openapi, &read))
	for _, rt := range (&Server{}).routes() {
		if rt.method != method || !matches(rt.path, path) {
			continue
		}
		return read.Paths[openAPIPath(rt.path)][strings.ToLower(method)].Responses["2XX"].Content["application/json"].Schema
	}
	return nil
}

func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], ":") {
			return false
		}
	}
	return true
}
