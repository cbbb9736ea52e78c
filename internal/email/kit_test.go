package email_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

type kitProps struct {
	Days int    `json:"days"`
	URL  string `json:"url"`
}

// documented are the blocks of HTML of docs/mails.md: a mail, the layout, and all elements.
func documented(t *testing.T) (mail, layout, all string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/mails.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```html\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 3)
	return blocks[0][1], blocks[1][1], blocks[2][1]
}

// E-90, E-5: what the page of documents shows is what one gets, in HTML and in text.
func TestTheDocumentedMails(t *testing.T) {
	t.Parallel()
	mail, layout, all := documented(t)
	r, err := email.Compile(hogsend.Registry{Layout: layout, Templates: []hogsend.Template{
		{Key: "mail", Subject: "s", Preview: "Before all", HTML: mail, Props: kitProps{}}, {Key: "all", Subject: "s", HTML: all},
	}})
	require.NoError(t, err)
	in := email.Input{Props: []byte(`{"days":3,"url":"https://a.example/?a=1&b=2"}`), UnsubscribeURL: "https://u.example", PreferencesURL: "https://p.example"}
	in.Contact.Email = "ada@example.com"
	got, err := r.Render("mail", in)
	require.NoError(t, err)
	require.Equal(t, `Acme Boards

Your trial ends in 3 days

Hi ada, to go on without a break, pick a plan.

Keep my boards (https://a.example/?a=1&b=2)

If you do nothing, the workspace becomes read-only. Nothing is deleted.

You get this mail because you have an account at Acme Boards.
Acme Boards, 1 Example Street, Springfield
Unsubscribe (https://u.example) · Choose what you get (https://p.example)
`, got.Text)
	for _, want := range []string{
		`<a class="m-link" href="https://a.example/?a=1&amp;b=2" style="display:inline-block;padding:13px 26px;`, `color:#ffffff;text-decoration:none`, `<td class="m-face" style="padding:0;border-radius:9px;background-color:#4f46e5;`,
		`<!--[if mso]><table role="presentation" align="center" width="600"><tr><td><![endif]-->`, `<xml xmlns:o="urn:schemas-microsoft-com:office:office">`,
		`<meta name="color-scheme" content="light dark"/>`, `prefers-color-scheme: dark`, `<body style="margin:0;`, `Before all`,
	} {
		require.Contains(t, got.HTML, want)
	}
	require.True(t, strings.HasPrefix(got.HTML, `<!doctype html><html lang="en">`))
	got, err = r.Render("all", email.Input{})
	require.NoError(t, err)
	require.Contains(t, got.Text, "1 Make a board\nOne for a project.\n2 Invite somebody\nTwo make a plan.\n\nBoards\n\nWho does what, at one look.\n\nReports\n\nWhat became of it.\n\n---\n\nA board with three cards (https://example.com/boards)\n\nTeam plan, one year $98.00\nTotal $98.00\n")
	require.NotContains(t, got.Text, "Unsubscribe", "of a transactional mail")
	require.Contains(t, got.HTML, `<td width="259" valign="top">`)
	require.NotContains(t, got.HTML, "<mail-")
}

// E-90, E-78: values in the kit's elements are escaped and checked where they end up.
func TestValuesInTheKit(t *testing.T) {
	t.Parallel()
	template := hogsend.Template{Key: "t", Subject: "s", Props: kitProps{}, HTML: "<p>\n<mail-button href=\"{{.Props.URL}}\" title=\"{{.Props.URL}}\">{{.Props.URL}}</mail-button>"}
	r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{template}})
	require.NoError(t, err)
	got, err := r.Render("t", email.Input{Props: []byte(`{"url":"/x?\"><script>a</script>"}`)})
	require.NoError(t, err)
	require.NotContains(t, got.HTML, "<script>")
	_, err = r.Render("t", email.Input{Props: []byte(`{"url":"myapp://x"}`)})
	require.ErrorContains(t, err, "HTML line 2, attribute href")
	template.HTML = "<p>\n<mail-buton>{{.Props.Url}}"
	template.Layout = "\n\n<mail-page>{{template \"content\" .}}"
	_, err = email.Compile(hogsend.Registry{Templates: []hogsend.Template{template}})
	require.ErrorContains(t, err, "template t: Layout: line 3: <mail-page> is not closed")
	require.ErrorContains(t, err, `template t: HTML: line 2: there is no element <mail-buton>, did you mean "mail-button"?`)
	require.ErrorContains(t, err, "has no field Url")
}
