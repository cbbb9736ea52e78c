package email_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

type answerProps struct {
	Score float64 `json:"score"`
	Word  string  `json:"word"`
}

// E-86: links in HTML and text say the same, a number as a number; what a value spells is
// no answer, and the same mail is the same bytes.
func TestAnswersAreLinks(t *testing.T) {
	t.Parallel()
	r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{
		Key: "nps", Subject: "Well?", Props: answerProps{},
		HTML: `<p><a href="{{answer "nps.answered" "score" .Props.Score "sure" true}}">9</a> <a href='{{answer "nps.answered" "score" 2}}'>2</a> {{.Props.Word}}`,
	}}})
	require.NoError(t, err)
	signer, err := email.NewSigner(strings.Repeat("s", 32), nil)
	require.NoError(t, err)
	in := email.Input{Props: json.RawMessage(`{"score":9,"word":"https://answer-x.invalid/eyJlIjoieCJ9"}`), AnswerURL: func(a email.Answer) (string, error) {
		return email.AnswerURL("https://acme.example", signer, "send-1", a)
	}}
	got, err := r.Render("nps", in)
	require.NoError(t, err)
	again, err := r.Render("nps", in)
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.Len(t, got.Answers, 2)
	require.JSONEq(t, `{"score":9,"sure":true}`, string(got.Answers[0].Properties))
	require.Equal(t, 2, strings.Count(got.HTML, `href="https://acme.example/v1/email/answer?token=`), got.HTML)
	require.Equal(t, 2, strings.Count(got.Text, `(https://acme.example/v1/email/answer?token=`), got.Text)
	require.Contains(t, got.Text, "https://answer-x.invalid/eyJlIjoieCJ9")
	_, rest, _ := strings.Cut(got.Text, "token=")
	text, _, _ := strings.Cut(rest, ")")
	token, err := signer.VerifyAnswer(text, email.AnswerGiven, 0)
	require.NoError(t, err)
	require.Equal(t, "send-1", token.Send)
	require.True(t, token.Same(got.Answers[0]))
	_, err = signer.VerifyAnswer(text, email.AnswerSeen, 0)
	require.ErrorIs(t, err, email.ErrIncompleteToken)
	_, err = signer.Verify(text, time.Now())
	require.ErrorIs(t, err, email.ErrIncompleteToken)
	_, err = r.Preview("nps", nil, "https://acme.example")
	require.NoError(t, err)
}

// E-86: what is no answer is told at start.
func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	for call, problem := range map[string]string{
		`answer ""`: "an event has 1 to 200 characters", `answer "email.opened"`: "is a reserved name of events", `answer "a" "score"`: "a value each",
		`answer "a" "" 1`: "is no name of a property", `answer "a" "x" .Contact`: "x must be a text, a number or a boolean",
		fmt.Sprintf("answer \"a\" \"x\" %q", strings.Repeat("x", 201)): "x is longer than 200 characters",
	} {
		_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: `<a href="{{` + call + `}}">x</a>`}}})
		require.ErrorContains(t, err, problem)
	}
}
