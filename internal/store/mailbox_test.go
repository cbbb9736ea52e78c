package store_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/dbtest"
	"github.com/hogsend/hogsend/internal/store"
)

// E-40: whoever comes first, every caller gets the first id and digest.
func TestOneKeyIsOneMailHoweverManyAcceptItAtOnce(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	ids := make([]string, 16)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			id, digest, err := s.AcceptMail(t.Context(), "key", fmt.Sprintf("mbx_%d", i), []byte{byte(i)}, json.RawMessage(`{"to":"ada@example.com"}`))
			if err == nil && fmt.Sprintf("mbx_%d", digest[0]) == id {
				ids[i] = id
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		require.NotEmpty(t, id)
		require.Equal(t, ids[0], id)
	}
	page, err := s.ListMails(t.Context(), store.ListMailsParams{})
	require.NoError(t, err)
	require.Len(t, page.Mails, 1)
	require.Equal(t, ids[0], page.Mails[0].ID)
}

func TestMailsAreListedInPagesFromEitherEnd(t *testing.T) {
	t.Parallel()
	s := dbtest.DB(t)
	for i := range 5 {
		message := fmt.Sprintf(`{"from":"a@b.example","to":"User%d@example.com","subject":"s%d","html":"<p>","text":"t"}`, i%2, i)
		_, _, err := s.AcceptMail(t.Context(), fmt.Sprintf("key %d", i), fmt.Sprintf("mbx_%d", i), []byte("d"), json.RawMessage(message))
		require.NoError(t, err)
	}
	_, err := s.Pool.Exec(t.Context(), `insert into sends (id, key, template_key, journey_id, status, created_at, updated_at)
		values (gen_random_uuid(), 'key 0', 'a/welcome', 'activation', 'sent', now(), now())`)
	require.NoError(t, err)
	all := func(p store.ListMailsParams) []string {
		var ids []string
		for {
			page, err := s.ListMails(t.Context(), p)
			require.NoError(t, err)
			for _, m := range page.Mails {
				ids = append(ids, m.ID)
			}
			if p.After = page.Next; p.After == "" {
				return ids
			}
		}
	}
	require.Equal(t, []string{"mbx_0", "mbx_1", "mbx_2", "mbx_3", "mbx_4"}, all(store.ListMailsParams{Limit: 2}))
	require.Equal(t, []string{"mbx_4", "mbx_3", "mbx_2", "mbx_1", "mbx_0"}, all(store.ListMailsParams{Limit: 2, Newest: true}))
	require.Equal(t, []string{"mbx_1", "mbx_3"}, all(store.ListMailsParams{Limit: 1, To: " user1@EXAMPLE.com"}))
	require.Empty(t, all(store.ListMailsParams{To: "nobody@example.com"}))

	page, err := s.ListMails(t.Context(), store.ListMailsParams{Limit: 1})
	require.NoError(t, err)
	first := page.Mails[0]
	require.False(t, first.At.IsZero())
	require.Equal(t, store.Mail{
		ID: "mbx_0", From: "a@b.example", To: "User0@example.com", Subject: "s0", HTML: "<p>", Text: "t",
		Template: "a/welcome", JourneyID: "activation", At: first.At,
	}, first)

	for _, cursor := range []string{"!", "eA", "MSAy?"} {
		_, err := s.ListMails(t.Context(), store.ListMailsParams{After: cursor})
		require.ErrorIs(t, err, store.ErrMalformedCursor)
	}
}
