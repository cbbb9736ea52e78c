package email_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

type ending struct {
	EndsAt time.Time  `json:"endsAt"`
	Then   *time.Time `json:"then"`
	Date   string     `json:"date"`
	Any    any        `json:"any"`
}

// S-43: dates are printed in the recipient's zone, in every part of a mail.
func TestATemplatePrintsDatesInTheRecipientsZone(t *testing.T) {
	t.Parallel()
	const shown = `{{local .Props.EndsAt "January 2, 15:04"}}|{{local .Props.Date "Mon Jan 2 15:04"}}|{{with .Props.Then}}{{local . "15:04"}}{{end}}`
	r := renderer(t, hogsend.Template{
		Key: "t", Subject: shown, HTML: `<p title="{{local .Props.EndsAt "15:04"}}">` + shown + `</p><a href="https://x.io/?d={{local .Props.Date "2006-01-02"}}">x</a>`,
		Text: shown, Preview: shown, Props: ending{}, Examples: map[string]any{"one": ending{EndsAt: time.Unix(0, 0), Date: "2026-03-01"}},
	}, hogsend.Template{Key: "plain", Subject: "s", HTML: "<p>local time</p>"})
	in := func(zone string, props string) (email.Rendered, error) {
		return r.Render("t", email.Input{Props: json.RawMessage(props), Zone: func() string { return zone }})
	}
	const props = `{"endsAt":"2026-07-01T22:30:00Z","date":"2026-03-01","then":"2026-07-01T22:30:00Z"}`
	for _, tt := range [][2]string{
		{"Europe/Berlin", "July 2, 00:30|Sun Mar 1 00:00|00:30"},
		{"America/New_York", "July 1, 18:30|Sun Mar 1 00:00|18:30"},
		{"UTC", "July 1, 22:30|Sun Mar 1 00:00|22:30"},
		{"Europe/Berlin", "July 2, 00:30|Sun Mar 1 00:00|00:30"},
	} {
		got, err := in(tt[0], props)
		require.NoError(t, err)
		require.Equal(t, tt[1], got.Subject)
		require.Equal(t, tt[1]+"\n", got.Text)
		require.Equal(t, tt[1], got.Preview)
		require.Contains(t, got.HTML, tt[1]+"</p>")
		require.Contains(t, got.HTML, `title="`+tt[1][8:13]+`"`)
		require.Contains(t, got.HTML, "d=2026-03-01")
	}
	got, err := in("Asia/Tokyo", `{"date":"2026-03-01T22:00:00+01:00"}`)
	require.NoError(t, err)
	require.Contains(t, got.Subject, "Mon Mar 2 06:00", "an instant has its day there")
	got, err = r.Render("t", email.Input{Props: json.RawMessage(props)})
	require.NoError(t, err)
	require.Contains(t, got.Subject, "July 1, 22:30", "UTC where nothing is known")
	_, err = r.Render("plain", email.Input{Zone: func() string { t.Fatal("is not asked for"); return "" }})
	require.NoError(t, err)
}

// S-43: what is no date is an error of the mail, not a hole in it.
func TestWhatIsNoDateDoesNotRender(t *testing.T) {
	t.Parallel()
	r := renderer(t, hogsend.Template{Key: "t", Subject: "s", HTML: `<p>{{local .Props.Any "2006"}}</p>`, Props: ending{}})
	for _, value := range []string{`""`, `"tomorrow"`, `null`, `5`, `["2026-03-01"]`, `"2026-02-30"`} {
		_, err := r.Render("t", email.Input{Props: json.RawMessage(`{"any":` + value + `}`)})
		var invalid *hogsend.ValidationError
		require.ErrorAs(t, err, &invalid, value)
		require.Contains(t, invalid.Message, "is not a date", value)
	}
	_, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: `<p>{{local .Props.Any "2006"}}</p>`, Props: ending{}, Examples: map[string]any{"bad": ending{Any: "x"}}}}})
	require.ErrorContains(t, err, "is not a date")
}
