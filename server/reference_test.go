package server

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var updateReference = flag.Bool("update", false, "write docs/reference/http.md anew")

const (
	referencePage = "../docs/reference/http.md"
	wireContract  = "../docs/spec/API.md"
)

// row is what the wire contract says of a route.
type row struct{ methods, path, request, reply string }

// contractRows are the rows of the tables of API.md by their id. Paths of §6 are below
// /v1/admin, where they are listed without it.
func contractRows(t *testing.T) map[string]row {
	t.Helper()
	body, err := os.ReadFile(wireContract)
	require.NoError(t, err)
	admin, rows := false, map[string]row{}
	var columns []string // of the table
	head := regexp.MustCompile("^\\| (R-[0-9]+) \\| ([A-Z, ]+) `([^`]+)`")
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "## ") {
			admin = strings.HasPrefix(line, "## 6.")
		}
		cells := regexp.MustCompile(`[^\\]\|`).Split(strings.ReplaceAll(line, "||", "| |"), -1)
		if strings.HasPrefix(line, "| Id |") {
			columns = cells
		}
		m := head.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r := row{methods: m[2], path: m[3]}
		if admin && !strings.HasPrefix(r.path, "/v1/") {
			r.path = "/v1/admin" + r.path
		}
		for i, name := range columns {
			switch name = strings.Trim(name, " |\n"); {
			case i >= len(cells):
			case name == "Request":
				r.request = strings.TrimSpace(cells[i])
			case name == "Reply":
				r.reply = strings.TrimSpace(cells[i])
			}
		}
		rows[m[1]] = r
	}
	return rows
}

// O-53: the page of routes is the table that the server serves by, and says of each what the
// wire contract does; `task gen` writes it.
func TestThePageOfRoutesIsWhatIsServed(t *testing.T) {
	t.Parallel()
	rows := contractRows(t)
	var b strings.Builder
	b.WriteString("# HTTP\n\n<!-- Generated from server/routes.go and docs/spec/API.md by `task gen`. -->\n\nThe routes that this build serves. Objects such as `Contact` or `State`, errors, limits and paging are in the\n" +
		"[wire contract](../spec/API.md), which says everything in full. A key in `Authorization: Bearer hsk_…` needs one of the scopes; `–` needs none.\n\n" +
		"| route | scope | request | reply | rule |\n|---|---|---|---|---|\n")
	described := 0
	for _, r := range (&Server{}).routes() {
		if r.method == "HEAD" {
			continue
		}
		scope := "–"
		if r.scope != "" {
			scope = string(r.scope)
		}
		if r.or != "" {
			scope += " or " + string(r.or)
		}
		said, ok := rows[r.id]
		if ok {
			described++
			require.Contains(t, strings.Split(strings.ReplaceAll(said.methods, " ", ""), ","), r.method, "%s in API.md", r.id)
			require.Equal(t, said.path, r.path, "%s in API.md", r.id)
		}
		fmt.Fprintf(&b, "| %s `%s` | %s | %s | %s | %s |\n", r.method, r.path, scope, orDash(said.request), orDash(said.reply), r.id)
	}
	require.Greater(t, described, 40)
	if *updateReference {
		require.NoError(t, os.WriteFile(referencePage, []byte(b.String()), 0o600))
	}
	page, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(page), "write it anew with task gen")
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
