package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// E-15, E-16, E-25, S-38: by the clock on the contact's wall at the claim; a send's
// own window first; transactional mails and those that skip the checks pass.
func TestSendWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim := w.enroll("start")
	var now time.Time
	w.scan(&now, `select clock_timestamp()`)
	around := func(from, to time.Duration) hogsend.Window {
		local := now.In(time.FixedZone("", 9*3600)) // Tokyo
		return hogsend.Window{Start: local.Add(from).Format("15:04"), End: local.Add(to).Format("15:04")}
	}
	open, closed := around(-time.Hour, time.Hour), around(time.Hour, 2*time.Hour)
	n := 0
	send := func(own hogsend.Window, category string, skips bool) string {
		n++
		r := hello(claim, n)
		r.Window, r.Category, r.SkipPreferenceCheck = own, category, skips
		result, err := w.Send(t.Context(), r)
		require.NoError(t, err)
		return string(result.Verdict.Status) + " " + result.Verdict.Reason
	}
	none := hogsend.Window{}
	require.Equal(t, "sent ", send(none, "", false), "no window")
	w.exec(`update contacts set timezone = 'Asia/Tokyo'`)
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = closed })
	require.Equal(t, "skipped outside_window", send(none, "", false))
	require.Equal(t, "sent ", send(open, "", false))
	require.Equal(t, "sent ", send(hogsend.Window{Start: "0:00", End: "0:00"}, "", false), "switched off")
	require.Equal(t, "sent ", send(none, "transactional", false))
	require.Equal(t, "sent ", send(none, "", true))
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = open })
	require.Equal(t, "sent ", send(none, "", false))
	require.Equal(t, "skipped outside_window", send(closed, "", false))
	w.exec(`update contacts set timezone = 'America/New_York'`)
	require.Equal(t, "skipped outside_window", send(none, "", false), "somewhere else it is night")
	require.Equal(t, 3, w.count(`sends where status = 'skipped' and reason = 'outside_window' and claimed_at is null and html = ''`)) // E-17
	require.Equal(t, 3, w.count(`step_logs where action = 'send_gated' and detail->>'reason' = 'outside_window'`))
	require.Len(t, w.provider.calls, 6)

	again := hello(claim, 2) // the same key finds the same row, whenever it is asked for (E-17)
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{} })
	result, err := w.Send(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, "outside_window", result.Verdict.Reason)

	w.exec(`insert into preferences (id, email, email_key, unsubscribed_all, created_at, updated_at) values (gen_random_uuid(), 'ada@example.com', 'ada@example.com', true, now(), now())
		on conflict (email_key) do update set unsubscribed_all = true`)
	require.Equal(t, "unsubscribed unsubscribed_all", send(closed, "", false), "row 6 comes before row 8 (E-13)")
}

// E-25, S-28, S-38: open at its start, closed at its end, at the instant of the claim;
// a send that is deferred goes at the next opening.
func TestTheEdgesOfTheSendWindow(t *testing.T) {
	t.Parallel()
	friday := time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC)
	at := func(clock string) time.Time {
		d, err := time.ParseDuration(clock)
		require.NoError(t, err)
		return friday.Add(d)
	}
	w, set := newClockedWorld(t, friday)
	w.define(func(r *hogsend.Registry) {
		r.Defaults.SendWindow, r.Defaults.OnBlocked = hogsend.Window{Start: "09:00", End: "17:00"}, hogsend.Defer
	})
	claim := w.enroll("start")
	for i, tt := range []struct {
		now  string
		said string
	}{
		{"8h59m59.999999s", deferred(at("9h"))},
		{"9h", "sent "},
		{"16h59m59.9s", "sent "},
		{"17h", deferred(at("33h"))},
		{"17h0m0.1s", deferred(at("33h"))}, // Saturday
		{"19h", deferred(at("33h"))},
	} {
		set(at(tt.now))
		require.Equal(t, tt.said, w.verdict(hello(claim, i)), tt.now)
	}
	w.define(func(r *hogsend.Registry) { r.Defaults.SendWindow = hogsend.Window{Start: "22:00", End: "06:00"} }) // overnight
	for i, said := range []string{"sent ", "sent ", deferred(at("22h"))} {
		set(at([]string{"5h59m59.999999s", "22h", "6h"}[i]))
		require.Equal(t, said, w.verdict(hello(claim, 10+i)))
	}
}
