package email

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/naming"
)

// Answer is what a link of a mail says when a person follows it: an event of its own with
// its properties (E-86).
type Answer struct {
	Event string `json:"e"`
	// Properties are JSON, an object of texts, numbers and booleans in the order of their names.
	Properties json.RawMessage `json:"v"`
}

// The bounds of an answer.
const (
	maxAnswerName   = 200
	maxAnswerPairs  = 10
	maxAnswerValue  = 200
	maxAnswerLength = 600 // of an answer's JSON, so that its token fits (E-51)
)

// answers lets templates print links that are answers. What it prints while a mail is
// rendered leads nowhere and cannot be spelled by a value of props or of a contact; the
// rendered mail has the links in its place.
type answers struct {
	host    string
	pattern *regexp.Regexp
}

func newAnswers() *answers {
	host := "https://answer-" + strings.ToLower(rand.Text()) + ".invalid/"
	return &answers{host: host, pattern: regexp.MustCompile(regexp.QuoteMeta(host) + `([A-Za-z0-9_-]+)`)}
}

// link is the template function answer: {{answer "nps.answered" "score" 9}}.
func (a *answers) link(event string, pairs ...any) (string, error) {
	switch {
	case event == "" || len(event) > maxAnswerName || !utf8.ValidString(event):
		return "", fmt.Errorf("answer: an event has 1 to %d characters", maxAnswerName)
	case naming.Reserved(event):
		return "", fmt.Errorf("answer: %q is a reserved name of events", event)
	case len(pairs)%2 != 0 || len(pairs) > 2*maxAnswerPairs:
		return "", fmt.Errorf("answer: takes at most %d names with a value each", maxAnswerPairs)
	}
	properties := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok || name == "" || len(name) > maxAnswerName {
			return "", fmt.Errorf("answer: %v is no name of a property", pairs[i])
		}
		value := printed(pairs[i+1])
		switch v := value.(type) {
		case bool, decimal, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		case string:
			if len(v) > maxAnswerValue || strings.ContainsRune(v, 0) {
				return "", fmt.Errorf("answer: %s is longer than %d characters", name, maxAnswerValue)
			}
		default:
			return "", fmt.Errorf("answer: %s must be a text, a number or a boolean", name)
		}
		properties[name] = value
	}
	raw, err := json.Marshal(properties)
	if err == nil {
		raw, err = json.Marshal(Answer{Event: event, Properties: raw})
	}
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	if len(raw) > maxAnswerLength {
		return "", fmt.Errorf("answer: is longer than %d bytes", maxAnswerLength)
	}
	return a.host + base64.RawURLEncoding.EncodeToString(raw), nil
}

// settle puts the links into a text, and adds the answers it found.
func (a *answers) settle(text string, found *[]Answer, link func(Answer) (string, error)) (string, error) {
	if !strings.Contains(text, a.host) {
		return text, nil
	}
	var failure error
	text = a.pattern.ReplaceAllStringFunc(text, func(placeholder string) string {
		var answer Answer
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(placeholder, a.host))
		if err == nil {
			err = json.Unmarshal(raw, &answer)
		}
		var target string
		if err == nil {
			target, err = link(answer)
		}
		if err != nil {
			failure = err
		}
		if !slices.ContainsFunc(*found, answer.Same) {
			*found = append(*found, answer)
		}
		return target
	})
	return text, failure
}

// Same reports whether two answers say the same.
func (a Answer) Same(b Answer) bool { return a.Event == b.Event && Same(a.Properties, b.Properties) }

// Same reports whether the properties of two answers are the same, however they are written.
func Same(a, b json.RawMessage) bool {
	var of [2]any
	for i, raw := range []json.RawMessage{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if decoder.Decode(&of[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(of[0], of[1])
}

// Choose is the answer of a mail with the given properties.
func Choose(properties json.RawMessage, in []Answer) (Answer, error) {
	var known []string
	for _, one := range in {
		if Same(one.Properties, properties) {
			return one, nil
		}
		known = append(known, string(one.Properties))
	}
	if len(known) == 0 {
		return Answer{}, errors.New("it has no link for an answer")
	}
	return Answer{}, fmt.Errorf("it has no link for the answer %s, but for %s", properties, strings.Join(known, ", "))
}

// AnswerToken is what the link of an answer carries; of the page it leads to, Action is
// AnswerSeen and Expires is set.
type AnswerToken struct {
	Action  Action `json:"a"`
	Send    string `json:"s"`
	Expires int64  `json:"x,omitempty"`
	Answer
}

// The actions of answers: the link of a mail, and the picture of the page it leads to.
const (
	AnswerGiven Action = "answer"
	AnswerSeen  Action = "seen"
)

// SignAnswer makes the text of a token.
func (s *Signer) SignAnswer(t AnswerToken) (string, error) {
	payload, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	body := base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + signature(s.keys[0], body), nil
}

// VerifyAnswer returns the token of a text for an action, or a TokenError.
func (s *Signer) VerifyAnswer(text string, action Action, nowUnix int64) (AnswerToken, error) {
	body, sum, _ := strings.Cut(text, ".")
	if body == "" || sum == "" || strings.Contains(sum, ".") || len(text) > maxToken+maxAnswerLength {
		return AnswerToken{}, ErrMalformedToken
	}
	if !s.signed(body, sum) {
		return AnswerToken{}, ErrTokenSignature
	}
	var t AnswerToken
	payload, err := base64.RawURLEncoding.DecodeString(body)
	switch {
	case err != nil || json.Unmarshal(payload, &t) != nil:
		return AnswerToken{}, ErrTokenPayload
	case t.Action != action || t.Send == "" || t.Event == "":
		return AnswerToken{}, ErrIncompleteToken
	case t.Expires != 0 && t.Expires < nowUnix:
		return AnswerToken{}, ErrTokenExpired
	}
	return t, nil
}

// AnswerURL is the link of an answer in a mail, R-140. Without a signer, as in tests of
// journeys, it can be read and leads nowhere.
func AnswerURL(publicURL string, signer *Signer, sendID string, a Answer) (string, error) {
	if signer == nil {
		raw, err := json.Marshal(a)
		return publicURL + answerPath + "?answer=" + base64.RawURLEncoding.EncodeToString(raw), err
	}
	token, err := signer.SignAnswer(AnswerToken{Action: AnswerGiven, Send: sendID, Answer: a})
	return publicURL + answerPath + "?token=" + url.QueryEscape(token), err
}

const answerPath = "/v1/email/answer"

var unsigned = regexp.MustCompile(answerPath + `\?answer=([A-Za-z0-9_-]+)`)

// UnsignedAnswers are those of the links that AnswerURL made without a signer.
func UnsignedAnswers(text string) []Answer {
	var found []Answer
	for _, match := range unsigned.FindAllStringSubmatch(text, -1) {
		var a Answer
		raw, err := base64.RawURLEncoding.DecodeString(match[1])
		if err == nil && json.Unmarshal(raw, &a) == nil && !slices.ContainsFunc(found, a.Same) {
			found = append(found, a)
		}
	}
	return found
}
