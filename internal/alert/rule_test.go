package alert_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/alert"
)

// O-14: exactly where each type turns, by unrounded values, and never by too few mails.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of      alert.Type
		figures alert.Figures
		value   float64
		fires   bool
	}{
		"5 % bounced is not more than 5 %": {alert.Bounces, alert.Figures{Sent: 100, Bounced: 5}, 0.05, false},
		"a hair more is":                   {alert.Bounces, alert.Figures{Sent: 99_999, Bounced: 5000}, 5000.0 / 99_999, true},
		"9 mails say nothing":              {alert.Bounces, alert.Figures{Sent: 9, Bounced: 9}, 1, false},
		"10 do":                            {alert.Bounces, alert.Figures{Sent: 10, Bounced: 10}, 1, true},
		"none sent":                        {alert.Bounces, alert.Figures{}, 0, false},
		"1 % complained":                   {alert.Complaints, alert.Figures{Sent: 100, Complained: 1}, 0.01, false},
		"2 % complained":                   {alert.Complaints, alert.Figures{Sent: 100, Complained: 2}, 0.02, true},
		"90 % delivered":                   {alert.Deliveries, alert.Figures{Judged: 10, Delivered: 9}, 0.9, false},
		"80 % delivered":                   {alert.Deliveries, alert.Figures{Judged: 10, Delivered: 8}, 0.8, true},
		"of 9 none delivered":              {alert.Deliveries, alert.Figures{Judged: 9}, 0, false},
		"4 failed":                         {alert.Failures, alert.Figures{Failed: 4}, 4, false},
		"5 failed":                         {alert.Failures, alert.Figures{Failed: 5}, 5, true},
		"none stranded":                    {alert.Stranded, alert.Figures{}, 0, false},
		"one stranded":                     {alert.Stranded, alert.Figures{Stranded: 1}, 1, true},
		"300 s late":                       {alert.OutboxLag, alert.Figures{Lag: 300}, 300, false},
		"later":                            {alert.OutboxLag, alert.Figures{Lag: 300.5}, 300.5, true},
		"a dead letter":                    {alert.Letters, alert.Figures{Letters: 1}, 1, true},
		"no dead letter but other figures": {alert.Letters, alert.Figures{Failed: 9, Sent: 9}, 0, false},
	} {
		threshold, known := alert.Default(c.of)
		require.True(t, known)
		value, _, fires := threshold.Verdict(c.of, c.figures)
		require.InDelta(t, c.value, value, 1e-12, name)
		require.Equal(t, c.fires, fires, name)
	}
	for _, of := range alert.Types() {
		_, known := alert.Default(of)
		require.True(t, known, of)
	}
	_, known := alert.Default("other")
	require.False(t, known)
}

// O-15: exactly the cooldown later it may fire again.
func TestCooldown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	require.False(t, alert.Cools(nil, time.Hour, at))
	require.True(t, alert.Cools(&at, time.Hour, at.Add(time.Hour-1)))
	require.False(t, alert.Cools(&at, time.Hour, at.Add(time.Hour)))
}

// missing numbers keep their defaults, others are bounded, foreign ones ignored.
func TestThresholds(t *testing.T) {
	t.Parallel()
	of := func(kind alert.Type, given string) (string, error) {
		threshold, _ := alert.Default(kind)
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(given), &fields))
		threshold, err := threshold.With(fields)
		body, failed := json.Marshal(threshold)
		require.NoError(t, failed)
		return string(body), err
	}
	for given, want := range map[string]string{
		`{}`: `{"rate":0.05,"windowMinutes":60}`, `{"rate":null,"count":7}`: `{"rate":0.05,"windowMinutes":60}`,
		`{"rate":0,"windowMinutes":10080}`: `{"rate":0,"windowMinutes":10080}`, `{"rate":1}`: `{"rate":1,"windowMinutes":60}`,
	} {
		got, err := of(alert.Bounces, given)
		require.NoError(t, err, given)
		require.Equal(t, want, got, given)
	}
	for given, field := range map[string]string{
		`{"rate":-0.1}`: "threshold.rate", `{"rate":1.1}`: "threshold.rate", `{"rate":"x"}`: "threshold.rate", `{"windowMinutes":0}`: "threshold.windowMinutes",
		`{"windowMinutes":10081}`: "threshold.windowMinutes", `{"windowMinutes":1.5}`: "threshold.windowMinutes", `{"windowMinutes":1e99}`: "threshold.windowMinutes",
	} {
		_, err := of(alert.Bounces, given)
		var wrong *hogsend.ValidationError
		require.ErrorAs(t, err, &wrong, given)
		require.Equal(t, field, wrong.Field, given)
	}
}
