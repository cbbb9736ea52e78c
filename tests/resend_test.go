package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeResend answers as Resend does: a key is one mail, other bytes under a used key
// are refused (E-37). It outlives every process of the rig, so what it holds is what
// people would have received.
type fakeResend struct {
	url string

	mu       sync.Mutex
	mails    map[string]acceptedMail // by idempotency key
	calls    map[string]int
	conflict []string
	onAccept func(m acceptedMail) // called once, before the answer
	refused  string               // the template that is refused for good
}

type acceptedMail struct {
	ID, Key, To, Template string
	body                  []byte
}

func newFakeResend(t *testing.T) *fakeResend {
	t.Helper()
	f := &fakeResend{mails: map[string]acceptedMail{}, calls: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeResend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller was killed
	}
	var message struct {
		To   []string
		Tags []struct{ Name, Value string }
	}
	if err := json.Unmarshal(body, &message); err != nil || len(message.To) != 1 {
		http.Error(w, `{"name":"validation_error","message":"bad request"}`, http.StatusUnprocessableEntity)
		return
	}
	mail := acceptedMail{Key: r.Header.Get("Idempotency-Key"), To: message.To[0], body: body}
	for _, tag := range message.Tags {
		if tag.Name == "template" {
			mail.Template = tag.Value
		}
	}
	f.mu.Lock()
	f.calls[mail.Key]++
	if mail.Template == f.refused && f.refused != "" {
		f.mu.Unlock()
		http.Error(w, `{"name":"validation_error","message":"no such domain"}`, http.StatusUnprocessableEntity)
		return
	}
	known, ok := f.mails[mail.Key]
	switch {
	case ok && !bytes.Equal(known.body, body):
		f.conflict = append(f.conflict, mail.Key)
		f.mu.Unlock()
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"name":"invalid_idempotent_request","message":"other payload"}`)
		return
	case ok:
		mail = known
	default:
		mail.ID = fmt.Sprintf("re_%d", len(f.mails)+1)
		f.mails[mail.Key] = mail
	}
	hook := f.onAccept
	f.onAccept = nil
	f.mu.Unlock()
	if hook != nil {
		hook(mail)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q}`, mail.ID)
}

// atNextMail calls fn when the next mail has been accepted and not yet answered.
func (f *fakeResend) atNextMail(fn func(m acceptedMail)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onAccept = fn
}

// refuse lets every mail of a template fail for good; "" takes all of them again.
func (f *fakeResend) refuse(template string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = template
}

// perRecipient counts the accepted mails of a template by address.
func (f *fakeResend) perRecipient(template string) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, m := range f.mails {
		if m.Template == template {
			counts[m.To]++
		}
	}
	return counts
}

func (f *fakeResend) callsOf(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[key]
}

func (f *fakeResend) noConflicts(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.conflict, "keys that were used with other bytes")
}
