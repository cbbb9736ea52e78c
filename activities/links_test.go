package activities_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/registry"
)

// E-11, E-51, E-54: every mail that is not transactional can be unsubscribed from, by
// its headers and by its links: from its list, or from everything.
func TestMailsCarryTheLinksOfUnsubscribing(t *testing.T) {
	t.Parallel()
	signer, err := email.NewSigner("tests-tests-tests-tests-tests-tests", nil)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		template, category string
		headers            bool
		scope              string
	}{
		"of a journey":    {"links", "", true, ""},
		"of a list":       {"links", "news", true, "news"},
		"of no list":      {"links", "other", true, ""},
		"transactional":   {"links", "transactional", false, ""},
		"by the template": {"receipt", "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			known := defined
			known.Lists = []hogsend.List{{ID: "news", Name: "News", DefaultOptIn: true}}
			w.Registry, w.Tokens, w.Config.PublicURL = registry.New(known), signer, "https://mail.acme.example"
			claim := w.enroll("start")
			request := hello(claim, 1)
			request.Template, request.Category, request.Props = test.template, test.category, nil
			result, err := w.Send(t.Context(), request)
			require.NoError(t, err)
			require.Len(t, w.provider.calls, 1)
			m := w.provider.calls[0]
			if !test.headers {
				require.NotContains(t, m.Headers, "List-Unsubscribe")
				require.NotContains(t, m.Headers, "List-Unsubscribe-Post")
				return
			}
			require.Equal(t, "List-Unsubscribe=One-Click", m.Headers["List-Unsubscribe-Post"])
			link := strings.Trim(m.Headers["List-Unsubscribe"], "<>")
			require.Contains(t, m.HTML, `<a href="`+link+`">`)
			u, err := url.Parse(link)
			require.NoError(t, err)
			require.Equal(t, "https://mail.acme.example/v1/email/unsubscribe", strings.TrimSuffix(link, "?"+u.RawQuery))
			token, err := signer.Verify(u.Query().Get("token"), w.now())
			require.NoError(t, err)
			require.Equal(t, email.Token{Recipient: token.Recipient, Action: email.Unsubscribe, Category: test.scope, Send: result.Verdict.SendID}, token)
			require.Equal(t, 1, w.count("preferences where id = $1 and email_key = 'ada@example.com' and contact_id is not null", token.Recipient))
			_, preferences, ok := strings.Cut(m.Text, "preferences?token=")
			require.True(t, ok)
			manage, err := signer.Verify(strings.TrimSpace(strings.TrimRight(preferences, ")\n")), w.now())
			require.NoError(t, err)
			require.Equal(t, email.Manage, manage.Action)
			require.NotZero(t, manage.Expires)
		})
	}
}

// E-16, E-20, E-59: who left a list, or never joined one that asks for it, gets none of
// its mails; a channel that is off stops all of them; a receipt comes in any case.
func TestTheGateKnowsLists(t *testing.T) {
	t.Parallel()
	lists := []hogsend.List{
		{ID: "news", Name: "News", DefaultOptIn: true}, {ID: "beta", Name: "Beta"}, {ID: "email", Name: "E-mail", DefaultOptIn: true, Kind: hogsend.Channel},
	}
	for name, test := range map[string]struct {
		categories, category string
		all                  bool
		status               hogsend.SendStatus
	}{
		"on by default":                 {`{}`, "news", false, hogsend.SendSent},
		"left":                          {`{"news":false}`, "news", false, hogsend.SendUnsubscribed},
		"off by default":                {`{}`, "beta", false, hogsend.SendUnsubscribed},
		"joined":                        {`{"beta":true}`, "beta", false, hogsend.SendSent},
		"the channel is off":            {`{"email":false,"news":true}`, "news", false, hogsend.SendUnsubscribed},
		"the channel is off, a receipt": {`{"email":false}`, "transactional", false, hogsend.SendSent},
		"everything is off":             {`{"news":true}`, "news", true, hogsend.SendUnsubscribed},
		"everything is off, a receipt":  {`{"transactional":false}`, "transactional", true, hogsend.SendSent},
		"another spelling is ordinary":  {`{}`, "Transactional", true, hogsend.SendUnsubscribed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			known := defined
			known.Lists = lists
			w.Registry = registry.New(known)
			claim := w.enroll("start")
			all := "false"
			if test.all {
				all = "true"
			}
			w.optOut("ada@example.com", "unsubscribed_all, categories", all+", '"+test.categories+"'")
			request := hello(claim, 1)
			request.Category = test.category
			result, err := w.Send(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, test.status, result.Verdict.Status)
		})
	}
}
