// Package providertest asks of a provider what hogsend relies on (E-35).
package providertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/hogsend/hogsend/provider"
)

// Rig is a provider whose other end the test has in its hands, such as an httptest.Server.
type Rig struct {
	// Provider is the one that is asked. Required.
	Provider provider.Provider
	// Delivered is how many mails the other end has accepted, each key once. Required of a
	// provider that honors keys.
	Delivered func() int
	// Fail lets the next call end as Kind says, or returns false for a kind that the other end
	// cannot be brought to; nil leaves failures out.
	Fail func(kind provider.Kind) bool
}

// Run asks everything, each on a rig of its own that open makes.
func Run(t *testing.T, open func(t *testing.T) Rig) {
	t.Helper()
	for name, check := range checks() {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

func checks() map[string]func(testing.TB, Rig) {
	return map[string]func(testing.TB, Rig){
		"a mail is accepted and has an id":              accepts,
		"one key is one mail, with the first id":        once,
		"at the same moment as well":                    onceAtOnce,
		"another content under a used key is refused":   conflict,
		"mails of different keys are different":         apart,
		"what is over is given up, and not refused":     givesUp,
		"failures say what is known of them":            failures,
		"the lifetime of keys is sensible and the same": lifetime,
	}
}

// Message is a mail that has everything, under a key.
func Message(key string) provider.Message {
	return provider.Message{
		Key: key, From: `"Zahnärzte, Inc." <hello@example.com>`, To: "ada@example.net", ReplyTo: "answers@example.com",
		Subject: "Grüße, 日本 🎉", HTML: "<!doctype html><html><body><p>Grüße &amp; mehr</p><img src=\"cid:logo\" alt=\"\"></body></html>", Text: "Grüße & mehr\n.\nnach einem Punkt\n",
		Files: []provider.File{
			{Name: "rechnung-ä.pdf", Type: "application/pdf", Size: 4, Content: []byte("%PDF")}, {Name: "logo.png", Type: "image/png", Inline: "logo", Size: 3, Content: []byte{0, 1, 2}},
		},
		Headers: map[string]string{"List-Unsubscribe": "<https://example.com/u?token=t>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "X-Entity-Ref-ID": "0199a3c4-1111-7abc-8def-1234567890ab"},
		Tags:    map[string]string{"hogsend_send": "0199a3c4-1111-7abc-8def-1234567890ab", "template": "welcome"},
	}
}

func send(t testing.TB, r Rig, m provider.Message) string {
	t.Helper()
	id, err := r.Provider.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("send %s: %v", m.Key, err)
	}
	if id == "" {
		t.Fatalf("send %s: accepted without an id", m.Key)
	}
	return id
}

func accepts(t testing.TB, r Rig) {
	m := Message("providertest:1")
	headers, tags := maps.Clone(m.Headers), maps.Clone(m.Tags)
	send(t, r, m)
	if !maps.Equal(headers, m.Headers) || !maps.Equal(tags, m.Tags) {
		t.Error("Send changed the message")
	}
	send(t, r, provider.Message{Key: "providertest:plain", From: "hello@example.com", To: "ada@example.net", Subject: "Plain", Text: "Only text\n"})
}

// honors skips what only a provider with keys can promise.
func honors(t testing.TB, r Rig) bool {
	t.Helper()
	if r.Provider.KeyLifetime() == 0 {
		return false // then hogsend asks once only
	}
	if r.Delivered == nil {
		t.Fatal("the rig of a provider that honors keys needs Delivered")
	}
	return true
}

func once(t testing.TB, r Rig) {
	if !honors(t, r) {
		return
	}
	first := send(t, r, Message("providertest:1"))
	for range 3 {
		if again := send(t, r, Message("providertest:1")); again != first {
			t.Errorf("the same key was answered with %q, then with %q", first, again)
		}
	}
	if n := r.Delivered(); n != 1 {
		t.Errorf("one key became %d mails", n)
	}
}

func onceAtOnce(t testing.TB, r Rig) {
	if !honors(t, r) {
		return
	}
	const callers = 8
	var all sync.WaitGroup
	ids := make([]string, callers)
	for i := range callers {
		all.Go(func() {
			id, err := r.Provider.Send(t.Context(), Message("providertest:1"))
			var failure *provider.Error
			if err != nil && (!errors.As(err, &failure) || failure.Kind == provider.Permanent) {
				t.Errorf("a call beside another of its key ended in %v, not in an id or a Transient", err)
			}
			ids[i] = id
		})
	}
	all.Wait()
	last := send(t, r, Message("providertest:1"))
	for _, id := range ids {
		if id != "" && id != last {
			t.Errorf("one key was answered with %q and with %q", id, last)
		}
	}
	if n := r.Delivered(); n != 1 {
		t.Errorf("one key became %d mails", n)
	}
}

func conflict(t testing.TB, r Rig) {
	if !honors(t, r) {
		return
	}
	send(t, r, Message("providertest:1"))
	other := Message("providertest:1")
	other.Subject = "Something else"
	_, err := r.Provider.Send(t.Context(), other)
	var failure *provider.Error
	if !errors.As(err, &failure) || failure.Kind != provider.Permanent || failure.Reason != provider.ReasonConflict {
		t.Errorf("another content under a used key ended in %v, not in Permanent, %s", err, provider.ReasonConflict)
	}
}

func apart(t testing.TB, r Rig) {
	const mails = 8
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for i := range mails {
		all.Go(func() {
			id, err := r.Provider.Send(t.Context(), Message(fmt.Sprint("providertest:", i)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[id] {
				t.Errorf("mail %d: id %q, %v", i, id, err)
			}
			seen[id] = true
		})
	}
	all.Wait()
	if r.Delivered != nil && r.Delivered() != mails {
		t.Errorf("%d mails became %d", mails, r.Delivered())
	}
}

func givesUp(t testing.TB, r Rig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	_, err := r.Provider.Send(ctx, Message("providertest:late"))
	var failure *provider.Error
	switch {
	case err == nil:
		t.Error("a call that was over before it began was made")
	case errors.As(err, &failure) && failure.Kind == provider.Permanent:
		t.Errorf("a call that was over ended in %v: the mail would be given up", err)
	case time.Since(began) > 5*time.Second:
		t.Errorf("a call that was over took %s", time.Since(began))
	}
}

func failures(t testing.TB, r Rig) {
	if r.Fail == nil {
		return
	}
	for _, kind := range []provider.Kind{provider.Transient, provider.Permanent, provider.Unknown} {
		if !r.Fail(kind) {
			continue
		}
		_, err := r.Provider.Send(t.Context(), Message("providertest:"+string(kind)))
		var failure *provider.Error
		if !errors.As(err, &failure) || failure.Kind != kind {
			t.Errorf("a failure that is %s ended in %v", kind, err)
		} else if failure.Reason == "" {
			t.Errorf("a failure that is %s has no reason", kind)
		}
		if kind != provider.Permanent && r.Provider.KeyLifetime() > 0 {
			send(t, r, Message("providertest:"+string(kind))) // the next try
		}
	}
}

func lifetime(t testing.TB, r Rig) {
	first := r.Provider.KeyLifetime()
	if first < 0 || first > 0 && first <= 10*time.Minute {
		t.Errorf("keys live %s: it is 0, or above ten minutes, before which the last call is made", first)
	}
	if again := r.Provider.KeyLifetime(); again != first {
		t.Errorf("keys live %s, then %s", first, again)
	}
}
