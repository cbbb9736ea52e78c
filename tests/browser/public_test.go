package browser

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/server"
)

// office is a site whose public pages know somebody.
type office struct {
	*site
	signer *email.Signer
	record string
}

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{site: open(t, 0)}
	var err error
	o.signer, err = email.NewSigner("tests-tests-tests-tests-tests-tests", nil)
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	ingester := ingest.New(o.store, ingest.Config{Logger: log})
	t.Cleanup(ingester.Close)
	o.server = server.New(server.Config{
		Store: o.store, Ingest: ingester, PublicURL: o.url, Tokens: o.signer, Version: "1.0.0", BuildID: "3f9c2ab", Logger: log,
		Registry: hogsend.Registry{
			Pages: hogsend.Pages{Name: "Acme & Co", Color: "#4f46e5"},
			Lists: []hogsend.List{{ID: "news", Name: "Monthly <b>news</b>", Description: "What is new, and what becomes of it", DefaultOptIn: true}, {ID: "beta", Name: "Beta tests"}},
		},
	})
	record, err := o.store.PreferenceRecord(t.Context(), "ada@example.com", nil)
	require.NoError(t, err)
	o.record = record.ID.String()
	return o
}

// link is the path of a public page for an action.
func (o *office) link(action email.Action, category string) string {
	o.t.Helper()
	token := email.Token{Recipient: o.record, Action: action, Category: category, Send: uuid.NewString()}
	if action != email.Unsubscribe {
		token.Expires = time.Now().Add(email.ActionLifetime).Unix()
	}
	signed, err := o.signer.Sign(token)
	require.NoError(o.t, err)
	page := "unsubscribe"
	if action == email.Manage {
		page = "preferences"
	}
	return "/v1/email/" + page + "?token=" + url.QueryEscape(signed)
}

// fetch is the HTML of a page, of a GET or of a form that is sent.
func (o *office) fetch(path, form string) (status int, body string) {
	o.t.Helper()
	method := http.MethodGet
	if form != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, strings.NewReader(form))
	require.NoError(o.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := http.DefaultClient.Do(r)
	require.NoError(o.t, err)
	defer reply.Body.Close()
	require.Contains(o.t, reply.Header.Get("Content-Type"), "text/html")
	text, err := io.ReadAll(reply.Body)
	require.NoError(o.t, err)
	return reply.StatusCode, string(text)
}

// answer is the path of a link for an answer, which was given before or not.
func (o *office) answer(given bool) string {
	o.t.Helper()
	id := uuid.New()
	o.exec(`insert into sends (id, key, template_key, status, sent_at, created_at, updated_at) values ($1::uuid, $1::uuid::text, 'nps', 'sent', now() - interval '1 hour', now(), now())`, id)
	if given {
		o.exec(`insert into answers (send_id, event, properties, answered_at) values ($1, 'nps.answered', '{"score": 9}', now())`, id)
	}
	token, err := o.signer.SignAnswer(email.AnswerToken{
		Action: email.AnswerGiven, Send: id.String(), Answer: email.Answer{Event: "nps.answered", Properties: json.RawMessage(`{"score":9}`)},
	})
	require.NoError(o.t, err)
	return "/v1/email/answer?token=" + url.QueryEscape(token)
}

func (o *office) exec(statement string, args ...any) {
	o.t.Helper()
	_, err := o.store.Pool.Exec(o.t.Context(), statement, args...)
	require.NoError(o.t, err)
}

// E-55, E-58, E-86: every public page, before and after its form was sent, is HTML as it should be,
// fits a phone, keeps nobody out, in light and dark, and needs no script.
func TestPublicPages(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	b := o.tab("")
	script := unpacked(t, axe)
	validate := o.tab("").validates()
	for _, p := range []struct{ name, path, form string }{
		{"unsubscribe", o.link(email.Unsubscribe, ""), "sent=1"},
		{"unsubscribe-list", o.link(email.Unsubscribe, "news"), "sent=1"},
		{"resubscribe", o.link(email.Resubscribe, ""), "sent=1"},
		{"resubscribe-list", o.link(email.Resubscribe, "news"), "sent=1"},
		{"preferences", o.link(email.Manage, ""), "news=on&beta=on&all=on"},
		{"answer", o.answer(false), ""}, // to a machine, as a browser without a screen is: with a button
		{"answered", o.answer(true), ""},
		{"invalid", "/v1/email/unsubscribe?token=x.y", ""},
		{"invalid-answer", "/v1/email/answer?token=x.y", ""},
		{"invalid-preferences", "/v1/email/preferences?token=", ""},
	} {
		status, body := o.fetch(p.path, "")
		require.Equal(t, strings.HasPrefix(p.name, "invalid"), status == http.StatusBadRequest, "%s: %d", p.name, status)
		require.Empty(t, validate(body, nil), p.name)
		require.NotContains(t, body, "<script")
		if p.form != "" {
			_, body = o.fetch(p.path, p.form)
			require.Empty(t, validate(body, nil), "%s, sent", p.name)
		}
		for _, look := range []look{{"light", 1280}, {"dark", 1280}, {"light", 360}, {"dark", 360}} {
			b.colored(look.scheme, look.width)
			b.visit(p.path)
			name := p.name + "-" + look.scheme + "-" + strconv.FormatInt(look.width, 10)
			for sent := range 2 {
				eval[bool](b, script+"; true")
				require.Empty(t, eval[string](b, keepsOut), name)
				require.Empty(t, eval[string](b, wide), name)
				if *shots != "" {
					b.picture("public-" + name + []string{"", "-sent"}[sent])
				}
				if p.form == "" || sent == 1 {
					break
				}
				b.click("form button[type=submit]")
			}
		}
	}
}

// focused is what has the focus and shows it.
const focused = `(e => { const s = getComputedStyle(e); return s.outlineStyle == "none" || parseFloat(s.outlineWidth) < 2 ? "unseen" : (e.name || e.textContent).trim(); })(document.activeElement)`

// E-55, E-58: by keyboard alone, on a phone as well, one unsubscribes, takes it back, and chooses.
func TestPublicPagesByKeyboard(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{1280, 360} {
		o := openOffice(t)
		b := o.tab("")
		b.colored("dark", width)
		all := func() string { return o.rows("select unsubscribed_all::text from preferences")[0] }
		press := func(key string) {
			t.Helper()
			_, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(key))
			require.NoError(t, err)
		}
		tab := func(to string) {
			t.Helper()
			b.do(chromedp.KeyEvent(kb.Tab))
			require.Equal(t, to, eval[string](b, focused))
		}
		b.visit(o.link(email.Unsubscribe, ""))
		require.Equal(t, "false", all(), "looking changes nothing")
		tab("Unsubscribe")
		press(kb.Enter)
		b.sees("h1", "You are unsubscribed")
		require.Equal(t, "true", all())
		tab("Choose which e-mails you get")
		tab("That was a mistake: subscribe again")
		press(kb.Enter)
		tab("Subscribe again")
		press(kb.Enter)
		b.sees("h1", "You are subscribed again")
		require.Equal(t, "false", all())

		b.visit(o.link(email.Manage, ""))
		tab("category.journey")
		tab("category.news")
		b.do(chromedp.KeyEvent(" "))
		tab("category.beta")
		b.do(chromedp.KeyEvent(" "))
		tab("all")
		tab("Save")
		press(kb.Enter)
		b.sees("[role=status]", "Your choice is saved.")
		require.Equal(t, []string{"false true"}, o.rows("select concat_ws(' ', categories->>'news', categories->>'beta') from preferences"))
	}
}
