package activities_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email/pace"
	"github.com/hogsend/hogsend/internal/provider/resend"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// answer is what the stand-in does with a call instead of answering it.
type batchAnswer int

const (
	accepts batchAnswer = iota
	resetsBefore
	resetsAfter
	failsBefore // 500
	failsAfter  // 500, accepted
	tooMany     // 429
	miscounts   // accepted, and answered with an id too few
	locked      // 403
)

// standIn is Resend as it is documented: keys are kept, with the payload they came with, and
// answered again; a batch has at most 100 mails, all of them or none are accepted.
type standIn struct {
	t  *testing.T
	mu sync.Mutex
	// script are what becomes of the next calls of batches; later ones are accepted.
	script  []batchAnswer
	payload map[string][sha256.Size]byte
	stored  map[string][]string // ids by key
	mails   map[string]int      // accepted, by address
	batches [][]string          // calls, by address
	alone   int                 // calls
	// singles are what becomes of the next calls of one mail.
	singles []batchAnswer
	// accepted is called with each batch that was.
	accepted func()
}

type wireMail struct {
	To []string `json:"to"`
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	key := r.Header.Get("Idempotency-Key")
	reply := func(status int, name string) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"name":%q,"message":%[1]q}`, name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var mails []wireMail
	isBatch := strings.HasSuffix(r.URL.Path, "/emails/batch")
	answer := accepts
	if isBatch {
		require.NoError(s.t, json.Unmarshal(raw, &mails))
		if len(s.script) > 0 {
			answer, s.script = s.script[0], s.script[1:]
		}
		var to []string
		for _, m := range mails {
			to = append(to, m.To[0])
		}
		s.batches = append(s.batches, to)
		require.True(s.t, strings.HasPrefix(key, "batch:") && len(key) <= 256)
	} else {
		mails = make([]wireMail, 1)
		require.NoError(s.t, json.Unmarshal(raw, &mails[0]))
		s.alone++
		if len(s.singles) > 0 {
			answer, s.singles = s.singles[0], s.singles[1:]
		}
		require.True(s.t, strings.HasPrefix(key, "campaign:"))
	}
	sum := sha256.Sum256(raw)
	switch before, known := s.payload[key]; {
	case known && before != sum:
		reply(409, "invalid_idempotent_request")
		return
	case answer == resetsBefore:
		panic(http.ErrAbortHandler)
	case answer == failsBefore:
		reply(500, "internal_server_error")
		return
	case answer == tooMany:
		reply(429, "rate_limit_exceeded")
		return
	case answer == locked:
		reply(403, "validation_error")
		return
	case len(mails) == 0 || len(mails) > 100:
		reply(422, "validation_error")
		return
	}
	ids, known := s.stored[key]
	if !known {
		for _, m := range mails {
			if strings.HasPrefix(m.To[0], "bad") {
				reply(422, "invalid to")
				return
			}
		}
		for _, m := range mails {
			s.mails[m.To[0]]++
			ids = append(ids, "re_"+m.To[0])
		}
		s.payload[key], s.stored[key] = sum, ids
		if isBatch && s.accepted != nil {
			s.accepted()
		}
	}
	switch answer {
	case resetsAfter:
		panic(http.ErrAbortHandler)
	case failsAfter:
		reply(500, "internal_server_error")
		return
	case miscounts:
		ids = ids[1:]
	}
	var data []string
	for _, id := range ids {
		data = append(data, fmt.Sprintf(`{"id":%q}`, id))
	}
	if isBatch {
		fmt.Fprintf(w, `{"data":[%s]}`, strings.Join(data, ","))
		return
	}
	fmt.Fprint(w, data[0])
}

// batched is a world with n people on a list whose mails go to the stand-in.
func batched(t *testing.T, n int) (*world, *standIn) {
	t.Helper()
	w := newWorld(t)
	w.lists()
	w.people(n)
	s := &standIn{t: t, payload: map[string][sha256.Size]byte{}, stored: map[string][]string{}, mails: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	p, err := resend.New(resend.Config{APIKey: "re_test", BaseURL: server.URL})
	require.NoError(t, err)
	w.Provider = p
	return w, s
}

// finish plays a campaign to its end, whatever waits for another try.
func (w *world) finish(id uuid.UUID) {
	w.t.Helper()
	for range 30 {
		if w.play(id).Done {
			return
		}
		w.exec(`update campaign_recipients set due_at = now() where status = 'open'`)
	}
	require.FailNow(w.t, "the campaign does not end")
}

// once holds the stand-in to one mail for each of n people, with its own provider id.
func (w *world) once(s *standIn, n int) {
	w.t.Helper()
	require.Len(w.t, s.mails, n)
	for to, times := range s.mails {
		require.Equal(w.t, 1, times, to)
	}
	require.Equal(w.t, n, w.count(`sends where status = 'sent' and provider_id = 're_' || to_email`))
}

// E-38: a page is a call, ids go to the mails by their place; nobody is on two.
func TestACampaignGoesInBatches(t *testing.T) {
	t.Parallel()
	w, s := batched(t, 250)
	id := w.campaign(nil)
	w.finish(id)
	w.once(s, 250)
	require.Equal(t, "sent 250 = 250 + 0 + 0", w.figures(id))
	require.Len(t, s.batches, 3)
	require.Zero(t, s.alone)
	require.Equal(t, 3, w.count(`send_batches b where size = (select count(*) from sends where batch_id = b.id)`))
}

// E-31, E-37, E-38: whatever becomes of calls, each mail is accepted once, by batches whose
// members never change.
func TestBatchesThatFail(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]batchAnswer{
		"reset before": resetsBefore, "reset after acceptance": resetsAfter, "500": failsBefore, "500 after acceptance": failsAfter, "429": tooMany, "an id too few": miscounts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := batched(t, 130)
			s.script = []batchAnswer{answer, answer, accepts, answer}
			id := w.campaign(nil)
			w.finish(id)
			w.once(s, 130)
			require.Equal(t, "sent 130 = 130 + 0 + 0", w.figures(id))
			require.Zero(t, s.alone)
			require.Equal(t, 2, w.count(`send_batches`))
			calls := map[string]bool{}
			for _, members := range s.batches {
				calls[fmt.Sprint(members)] = true
			}
			require.Len(t, calls, 2, "a batch is the same at every call")
		})
	}
}

// E-38: a batch that is refused as a whole goes mail by mail, under the keys of each, and
// only the bad one fails. Any other refusal is that of all.
func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	w, s := batched(t, 120)
	w.exec(`update contacts set email = 'bad@example.com', email_key = 'bad@example.com' where external_id = 'p7'`)
	id := w.campaign(nil)
	w.finish(id)
	w.once(s, 119)
	require.Equal(t, "sent 120 = 119 + 0 + 1", w.figures(id))
	require.Contains(t, []int{20, 100}, s.alone)
	require.Equal(t, 1, w.count(`sends where status = 'failed' and reason = 'invalid to' and to_email = 'bad@example.com'`))
	require.Equal(t, 1, w.count(`send_batches where split`))

	w, s = batched(t, 5)
	s.script = []batchAnswer{locked}
	id = w.campaign(nil)
	w.finish(id)
	require.Empty(t, s.mails)
	require.Equal(t, "sent 5 = 0 + 0 + 5", w.figures(id))
	require.Equal(t, 5, w.count(`sends where status = 'failed' and reason = 'validation_error'`))
}

// E-30, E-38: a process that dies after acceptance, and one that dies before it has formed
// its batch or called, leave nothing double and nothing out; neither do two at once.
func TestABatchOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	w, s := batched(t, 60)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String()) // the freeze
	require.NoError(t, err)
	ctx, die := context.WithCancel(t.Context())
	s.accepted = func() { die() }
	_, err = w.Campaign(ctx, id.String())
	require.Error(t, err)
	require.Less(t, w.count(`sends where status = 'sent'`), 60)
	s.accepted = nil
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := w.Campaign(t.Context(), id.String()); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.finish(id)
	w.once(s, 60)
	require.Equal(t, "sent 60 = 60 + 0 + 0", w.figures(id))
}

// E-38: claimed and in no batch, as whoever died before the call left them; with files; of a
// campaign with a rate: each is sent once.
func TestMailsThatAreInNoBatch(t *testing.T) {
	t.Parallel()
	w, s := batched(t, 20)
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String())
	require.NoError(t, err)
	w.exec(`insert into sends (id, key, contact_id, campaign_id, template_key, status, to_email, from_email, subject, html, claimed_at, created_at, updated_at)
		select gen_random_uuid(), 'campaign:' || campaign_id || ':' || contact_id, contact_id, campaign_id, 'hello', 'queued', email_key, 'a@acme.example', 's', '<p>', now(), now(), now()
		from campaign_recipients where email_key < 'p11'`)
	w.exec(`update campaign_recipients r set send_id = s.id from sends s where s.contact_id = r.contact_id`)
	w.exec(`update sends set first_attempt_at = now(), reason = 'busy' where to_email = 'p10@example.com'`)
	w.finish(id)
	w.once(s, 20)
	require.Equal(t, 1, s.alone, "what was called for alone goes alone")

	withFiles(w, func(context.Context, string) (hogsend.File, error) { return hogsend.File{}, hogsend.ErrNoFile })
	s.mails = map[string]int{}
	w.exec(`update contacts set email = 'x' || email, email_key = 'x' || email_key`)
	files := w.campaign(func(c *storedb.CampaignInsertParams) { c.TemplateKey, c.Props = "logo", json.RawMessage("{}") })
	w.finish(files)
	require.Equal(t, 21, s.alone)
	require.Len(t, s.mails, 20)
	slow := w.campaign(func(c *storedb.CampaignInsertParams) { c.RatePerMinute = 60_000 })
	w.finish(slow)
	require.Equal(t, 41, s.alone)
}

// E-38, E-68: a batch that is not whole any more is not repeated: of an unclear call nobody
// knows what became of the others; before any call they go alone.
func TestABatchWithSomebodyErased(t *testing.T) {
	t.Parallel()
	for _, unclear := range []bool{true, false} {
		w, s := batched(t, 6)
		s.script = []batchAnswer{resetsAfter}
		if !unclear {
			s.script, s.singles = []batchAnswer{tooMany}, []batchAnswer{failsAfter, resetsBefore, tooMany}
		}
		id := w.campaign(nil)
		w.play(id)
		require.Equal(t, 6, w.count(`sends where status = 'queued' and batch_id is not null`))
		w.exec(`update sends set key = 'erased:' || id, status = 'skipped', reason = 'no_email', html = '', text = '' where to_email = 'p3@example.com'`)
		w.exec(`update campaign_recipients set status = 'skipped', reason = 'no_email' where email_key = 'p3@example.com'`)
		w.exec(`update campaign_recipients set due_at = now() where status = 'open'`)
		w.finish(id)
		if unclear {
			require.Len(t, s.batches, 1)
			require.Equal(t, 5, w.count(`sends where status = 'failed' and reason = 'unknown_outcome'`))
			continue
		}
		require.Equal(t, 5+3, s.alone, "those that fail are tried again under their own keys")
		w.once(s, 5)
	}
}

// E-34, E-38, E-68: who is erased while a batch waits for its slot, which after a 429 may be
// long, gets nothing; the others go alone.
func TestABatchWithSomebodyErasedWhileItWaits(t *testing.T) {
	t.Parallel()
	w, s := batched(t, 6)
	w.Limiter = pace.NewLimiter(100)
	ctx, done := context.WithCancel(t.Context())
	defer done()
	for range 3 { // somebody is ahead of the campaign all the time
		go func() {
			for w.Limiter.Wait(ctx) == nil {
			}
		}()
	}
	for range 6 {
		require.NoError(t, w.Limiter.Wait(ctx))
	}
	id := w.campaign(nil)
	_, err := w.Campaign(t.Context(), id.String()) // the freeze
	require.NoError(t, err)
	failure := make(chan error, 1)
	go func() {
		_, err := w.Campaign(t.Context(), id.String())
		failure <- err
	}()
	stacks := make([]byte, 4<<20)
	require.Eventually(t, func() bool { // its batch is formed, read and waits
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "pace.(*Limiter).WaitBehind")
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, 6, w.count(`sends where batch_id is not null`))
	w.exec(`update sends set key = 'erased:' || id, status = 'skipped', reason = 'no_email', to_email = '', html = '', text = '' where to_email = 'p3@example.com'`)
	w.exec(`update campaign_recipients set status = 'skipped', reason = 'no_email' where email_key = 'p3@example.com'`)
	done()
	require.NoError(t, <-failure)
	w.finish(id)
	w.once(s, 5)
	require.Empty(t, s.batches)
}
