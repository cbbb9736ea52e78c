package email_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
)

type orderProps struct {
	Title     string         `json:"title"`
	PayURL    string         `json:"payUrl,omitempty"`
	At        time.Time      `json:"at"`
	DueDate   string         `json:"dueDate"`
	Count     int            `json:"count"`
	Price     float64        `json:"price"`
	Paid      bool           `json:"paid"`
	Lines     []lineProps    `json:"lines"`
	Next      *orderProps    `json:"next"`
	Extra     map[string]any `json:"extra"`
	Any       any            `json:"any"`
	Untagged  string
	unwritten string
}

// datedProps have a date whose name tells nothing of it.
type datedProps struct{ Name, RenewsAt string }

type lineProps struct{ Name string }

// E-7: every template has a preview without props, and each layer is over the one before.
func TestEveryTemplateHasAPreview(t *testing.T) {
	t.Parallel()
	r, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{
		{Key: "plain", Subject: "Hi {{.Name}}", HTML: `<a href="{{.UnsubscribeURL}}">{{.PublicURL}}</a>`},
		{
			Key: "order", Subject: "{{.Props.Title}}", Props: orderProps{unwritten: ""},
			HTML: `{{with .Props}}<a href="{{.PayURL}}">{{.Count}} {{.Price}} {{.Paid}} {{.Untagged}}</a> {{local .At "2006"}} {{local .DueDate "2006"}}{{range .Lines}} {{.Name}}{{end}}{{with .Next}} {{.Title}}{{end}}{{end}}`,
		},
		{Key: "dated", Subject: "{{local .Props.Name \"2006\"}} {{local .Props.RenewsAt \"2006\"}}.", Props: datedProps{}, HTML: "x"},
		{Key: "picky", Subject: "s", Props: lineProps{}, HTML: `{{if eq .Props.Name "Ada"}}{{slice .Props.Name 9}}{{end}}ok`},
		{Key: "shown", Subject: "{{.Props.Title}} {{.Props.Count}}", HTML: "x", Props: orderProps{}, Examples: map[string]any{"b": orderProps{Title: "B"}, "a": orderProps{Title: "A", Count: 8, DueDate: "2026-01-01"}}},
	}})
	require.NoError(t, err)
	for _, key := range r.Keys() {
		_, err := r.Preview(key, nil, "https://hs.example.com")
		require.NoError(t, err, key)
	}
	got, err := r.Preview("order", nil, "https://hs.example.com")
	require.NoError(t, err)
	require.Equal(t, "Title", got.Subject)
	require.Contains(t, got.HTML, `<a href="https://example.com">3 3 true Untagged</a> 2026 2026 Ada Title`)
	got, err = r.Preview("plain", nil, "https://hs.example.com")
	require.NoError(t, err)
	require.Equal(t, "Hi Ada", got.Subject)
	require.Contains(t, got.HTML, `<a href="https://hs.example.com/v1/email/unsubscribe?token=preview">https://hs.example.com</a>`)
	got, err = r.Preview("shown", json.RawMessage(`{"count": 1}`), "https://hs.example.com")
	require.NoError(t, err)
	require.Equal(t, "A 1", got.Subject)

	require.Empty(t, r.Warnings("https://hs.example.com"))
	doubtful, err := email.Compile(hogsend.Registry{Templates: []hogsend.Template{{Key: "a", Subject: "s", HTML: `<img src="https://a.example/x.png">`}}})
	require.NoError(t, err)
	require.Equal(t, []string{"template a: an image without alt: https://a.example/x.png"}, doubtful.Warnings(""))

	var wrong *hogsend.ValidationError
	_, err = r.Preview("shown", json.RawMessage(`{"cuont": 1}`), "")
	require.ErrorAs(t, err, &wrong)
	_, err = r.Preview("shown", json.RawMessage(`[1]`), "")
	require.ErrorAs(t, err, &wrong)
	var failed *email.RenderError
	_, err = r.Preview("picky", json.RawMessage(`{"Name": "Ada"}`), "")
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "HTML", failed.Field)
	_, err = r.Preview("shown", json.RawMessage(`{"title": " ", "count": 1}`), "")
	require.NoError(t, err)
}
