package server

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
)

const answerPath = "/v1/email/answer"

// asked is an office whose contact has a mail with links for answers, sent so long ago.
func asked(t *testing.T, ago time.Duration) (o *office, link func(score int) string) {
	t.Helper()
	o = newOffice(t)
	id := uuid.Must(uuid.NewV7())
	sent := o.clock().Add(-ago)
	_, err := o.store.Pool.Exec(t.Context(), `insert into sends (id, key, contact_id, template_key, category, status, to_email, sent_at, first_attempt_at, claimed_at, created_at, updated_at)
		values ($1, 'k', (select contact_id from contact_keys where key = 'ada'), 'nps', 'journey', 'sent', 'ada@example.com', $2, $2, $2, $2, $2)`, id, sent)
	require.NoError(t, err)
	return o, func(score int) string {
		raw, err := json.Marshal(map[string]int{"score": score})
		require.NoError(t, err)
		token, err := o.signer.SignAnswer(email.AnswerToken{Action: email.AnswerGiven, Send: id.String(), Answer: email.Answer{Event: "nps.answered", Properties: raw}})
		require.NoError(t, err)
		return token
	}
}

const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"

func (o *office) ask(method, path, token, agent, body string) answer {
	c := call{method: method, url: path + "?token=" + url.QueryEscape(token), headers: map[string]string{"User-Agent": agent}}
	if body != "" {
		c.body, c.headers["Content-Type"] = body, "application/x-www-form-urlencoded"
	}
	return o.do(c)
}

var picture = regexp.MustCompile(`/v1/email/answer/seen\?token=([^"]+)`)

// seen is the token of the picture on a page; "" for none.
func seen(page string) string {
	match := picture.FindStringSubmatch(page)
	if match == nil {
		return ""
	}
	token, _ := url.QueryUnescape(strings.ReplaceAll(match[1], "&#43;", "+"))
	return token
}

func (o *office) answers() []string {
	o.t.Helper()
	return o.rows(`select name || ' ' || (properties - 'emailSendId' - 'templateKey' - 'category' - 'journeyId' - 'journeyStateId' - 'campaignId')::text from events where name like 'nps.%' order by received_at, id`)
}

// E-86, R-140 to R-142: a person's page and its picture are an answer, once; another score
// later changes nothing, and one comment is told.
func TestAnAnswerByOneTap(t *testing.T) {
	t.Parallel()
	o, link := asked(t, time.Hour)
	page := o.ask("GET", answerPath, link(9), phone, "")
	require.Equal(t, 200, page.status)
	require.Contains(t, page.body, "Your answer: 9.")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "img-src 'self'")
	require.Empty(t, o.answers(), "a GET changes nothing")
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { o.ask("GET", answerPath+"/seen", seen(page.body), phone, "") })
	}
	all.Wait()
	require.Equal(t, []string{`nps.answered {"score": 9}`}, o.answers())

	other := o.ask("GET", answerPath, link(2), phone, "")
	require.Contains(t, other.body, "You have answered before: 9. That answer stays.")
	require.Empty(t, seen(other.body))
	for _, text := range []string{"Fine+%00work%0D%0A%3Cb%3E", "Again"} {
		after := o.ask("POST", answerPath, link(2), phone, "comment="+text)
		require.Equal(t, 200, after.status)
		require.Contains(t, after.body, "Your comment has arrived.")
	}
	require.Equal(t, []string{`nps.answered {"score": 9}`, `nps.answered.comment {"score": 9, "comment": "Fine work\n<b>"}`}, o.answers())
	require.Equal(t, []string{"1"}, o.rows(`select count(*)::text from answers`))
}

// E-86: a number of a link is told as it is written, however long it is.
func TestAnAnswerWithALongNumber(t *testing.T) {
	t.Parallel()
	o, link := asked(t, time.Hour)
	require.Equal(t, 200, o.ask("POST", answerPath, link(9007199254740993), phone, "comment=Fine").status)
	require.Equal(t, []string{`nps.answered {"score": 9007199254740993}`, `nps.answered.comment {"score": 9007199254740993, "comment": "Fine"}`}, o.answers())
}

// E-86: a mail may ask by an event that is named as the comment on another one.
func TestAnAnswerNamedAsAComment(t *testing.T) {
	t.Parallel()
	o, link := asked(t, time.Hour)
	require.Equal(t, 200, o.ask("POST", answerPath, link(9), phone, "comment=Fine").status)
	other, err := o.signer.SignAnswer(email.AnswerToken{Action: email.AnswerGiven, Send: o.rows(`select id::text from sends`)[0], Answer: email.Answer{
		Event: "nps.answered.comment", Properties: json.RawMessage(`{"useful":true}`),
	}})
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, 200, o.ask("POST", answerPath, other, phone, "").status)
	}
	require.Equal(t, []string{`nps.answered {"score": 9}`, `nps.answered.comment {"score": 9, "comment": "Fine"}`, `nps.answered.comment {"useful": true}`}, o.answers())
}

// E-86: machines get a page with a button, and so does whoever comes within a minute; the
// button is a person's.
func TestMachinesDoNotAnswer(t *testing.T) {
	t.Parallel()
	o, link := asked(t, time.Hour)
	early, hasty := asked(t, 10*time.Second)
	for agent, c := range map[string]struct {
		o    *office
		link string
	}{
		"Mozilla/5.0 (compatible; Barracuda Sentinel)": {o, link(9)}, "": {o, link(9)}, "python-requests/2.31": {o, link(9)}, phone: {early, hasty(9)},
	} {
		page := c.o.ask("GET", answerPath, c.link, agent, "")
		require.Equal(t, 200, page.status)
		require.Contains(t, page.body, "Send my answer")
		require.Empty(t, seen(page.body))
		if agent != phone {
			require.Equal(t, 400, c.o.ask("POST", answerPath, c.link, agent, "comment=x").status)
		}
	}
	person := seen(o.ask("GET", answerPath, link(9), phone, "").body)
	o.ask("GET", answerPath+"/seen", person, "HeadlessChrome/120", "")
	o.ask("GET", answerPath+"/seen", link(9), phone, "") // the link of the mail is no picture
	require.Equal(t, 200, o.ask("HEAD", answerPath, link(9), phone, "").status)
	require.Empty(t, o.answers())
	require.Empty(t, early.answers())
	require.Equal(t, 200, early.ask("POST", answerPath, hasty(9), phone, "comment=").status)
	require.Equal(t, []string{`nps.answered {"score": 9}`}, early.answers())
}

// E-52, E-86: what is not ours, is too old, or is of nobody any more, is no answer.
func TestAnswersThatAreNotTaken(t *testing.T) {
	t.Parallel()
	o, link := asked(t, time.Hour)
	good := link(9)
	unsubscribe := o.token(email.Unsubscribe, "")
	for name, token := range map[string]string{
		"none": "", "a changed byte": good[:10] + "x" + good[11:], "cut": good[:len(good)-2], "to unsubscribe": unsubscribe, "the picture's": func() string {
			return seen(o.ask("GET", answerPath, good, phone, "").body)
		}(),
	} {
		for _, method := range []string{"GET", "POST"} {
			page := o.ask(method, answerPath, token, phone, "")
			require.Equal(t, 400, page.status, name)
			require.Contains(t, page.body, "This link is no longer valid")
		}
	}
	require.Equal(t, 400, o.get(unsubscribePath, good).status)
	_, err := o.store.Pool.Exec(t.Context(), `update sends set created_at = created_at - interval '90 days'`)
	require.NoError(t, err)
	require.Equal(t, 400, o.ask("POST", answerPath, good, phone, "").status)
	require.Empty(t, o.answers())
}
