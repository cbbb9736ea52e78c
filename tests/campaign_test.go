package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// createCampaign asks for a campaign, again if its connection is lost.
func (r *rig) createCampaign(body string) (id string) {
	r.t.Helper()
	r.until("the campaign is not created", func() bool {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.apiURL+"/v1/campaigns", bytes.NewReader([]byte(body)))
		require.NoError(r.t, err)
		req.Header.Set("Authorization", "Bearer "+apiKey)
		req.Header.Set("Content-Type", "application/json")
		res, err := (&http.Client{Timeout: patience}).Do(req)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var got struct{ CampaignID string }
		id = ""
		if json.NewDecoder(res.Body).Decode(&got) == nil {
			id = got.CampaignID
		}
		return res.StatusCode == http.StatusAccepted
	})
	return id
}

// E-28, E-30, E-71, E-73: workers, Postgres and Temporal are killed while a campaign goes
// out. Every recipient gets one mail and no more, and the figures say so.
func TestACampaignGoesOutOnceThoughEverythingDies(t *testing.T) { //nolint:paralleltest // it needs the machine for itself
	const recipients = 3000
	r := newRig(t)
	r.patience = 10 * time.Minute
	for _, insert := range []string{
		`insert into contacts (id, external_id, email, email_key, first_seen_at, last_seen_at, created_at, updated_at, written_at)
			select gen_random_uuid(), 'member-' || i, 'member-' || i || '@example.com', 'member-' || i || '@example.com', now(), now(), now(), now(), now() from generate_series(1, $1::int) i`,
		`insert into memberships (id, contact_id, bucket_id, status, epoch, source, entered_at, anchor_at, last_evaluated_at, created_at, updated_at)
			select gen_random_uuid(), id, 'power-users', 'active', 1, 'event', now(), now(), now(), now(), now() from contacts limit $1::int`,
	} {
		_, err := r.pool.Exec(t.Context(), insert, recipients)
		require.NoError(t, err)
	}
	const body = `{"template":"welcome","bucket":"power-users","idempotencyKey":"june"}`
	id := r.createCampaign(body)
	require.Equal(t, id, r.createCampaign(body))
	sent := func() int {
		n := 0
		_ = r.pool.QueryRow(t.Context(), `select count(*) from sends where campaign_id = $1 and status = 'sent'`, id).Scan(&n) // while Postgres is away, none are seen
		return n
	}
	for i, victim := range []string{"worker", "postgres", "worker", "temporal", "worker"} {
		least := recipients * (i + 1) / 8
		r.until(fmt.Sprintf("the campaign stands still before %d mails", least), func() bool { return sent() >= least })
		require.NoError(t, r.killAndStart(victim))
	}
	r.eventually(1, `select count(*) from campaigns where id = $1 and status = 'sent' and total_recipients = $2 and sent_count = $2 and skipped_count = 0 and failed_count = 0`, id, recipients)
	counts := r.resend.perRecipient("welcome")
	require.Len(t, counts, recipients)
	for address, n := range counts {
		require.Equal(t, 1, n, address)
	}
	r.resend.noConflicts(t)
	require.Equal(t, recipients, r.count(`select count(*) from sends where campaign_id = $1 and status = 'sent' and provider_id is not null`, id))
	require.Zero(t, r.count(`select count(*) from campaign_recipients where campaign_id = $1 and status <> 'sent'`, id))
}
