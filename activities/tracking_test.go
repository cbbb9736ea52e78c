package activities_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/tracking"
)

// newTrackingWorld has a template with links, of which the environment lets everything be
// tracked.
func newTrackingWorld(t *testing.T, track hogsend.Tracking) *world {
	t.Helper()
	w := newWorld(t)
	w.define(func(r *hogsend.Registry) {
		r.Templates = append(r.Templates, hogsend.Template{
			Key: "offer", Subject: "Offer", Track: track, Text: "https://a.example/x",
			HTML: `<p><a href="https://a.example/x?a=1&amp;b={{.Props.Word}}">x</a> <a href="https://b.example">y</a> <a href="https://b.example">z</a> <a href="mailto:a@b.example">m</a> <a href="{{.UnsubscribeURL}}">u</a></p>`, Props: helloProps{},
		})
	})
	var err error
	w.Renderer, err = email.Compile(w.defined)
	require.NoError(t, err)
	w.Tokens, err = email.NewSigner(strings.Repeat("s", 32), nil)
	require.NoError(t, err)
	w.Config.PublicURL, w.Config.TrackOpens, w.Config.TrackClicks = "https://hs.example.com", true, true
	return w
}

func offer(claim contract.Claim) contract.SendRequest {
	r := hello(claim, 1)
	r.Template = "offer"
	return r
}

// E-29, E-46, E-47: links are stored with the claim, and every call has the same bytes.
func TestAMailIsTracked(t *testing.T) {
	t.Parallel()
	w := newTrackingWorld(t, "")
	w.provider.script = []error{&email.SendError{Kind: email.Unknown, Reason: "lost"}}
	request := offer(w.enroll("start"))
	_, err := w.Send(t.Context(), request)
	require.Error(t, err)
	_, err = w.Send(t.Context(), request)
	require.NoError(t, err)
	require.Len(t, w.provider.calls, 2)
	require.Equal(t, w.provider.calls[0], w.provider.calls[1])
	mail := w.provider.calls[0]
	var id uuid.UUID
	w.scan(&id, `select id from sends`)
	require.Equal(t, 2, w.count("tracked_links where send_id = $1", id))
	for _, url := range []string{"https://a.example/x?a=1&b=there", "https://b.example"} {
		require.Equal(t, 1, w.count("tracked_links where url = $1 and id = $2", url, tracking.LinkID(id, url)))
		require.Contains(t, mail.HTML, `href="https://hs.example.com/v1/t/c/`+tracking.LinkID(id, url).String()+`"`)
		require.NotContains(t, mail.HTML, url)
	}
	require.Contains(t, mail.HTML, `<img src="https://hs.example.com/v1/t/o/`+id.String()+`.gif"`)
	require.Contains(t, mail.HTML, `href="mailto:a@b.example"`)
	require.Contains(t, mail.HTML, `href="https://hs.example.com/v1/email/unsubscribe?token=`)
	require.Equal(t, "https://a.example/x\n", mail.Text)
}

// E-46, E-47: whoever switches tracking off leaves no trace of it in the mail.
func TestTrackingIsSwitchedOff(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change        func(w *world, r *contract.SendRequest)
		template      hogsend.Tracking
		opens, clicks bool
	}{
		"by nobody":          {func(*world, *contract.SendRequest) {}, "", true, true},
		"by the environment": {func(w *world, _ *contract.SendRequest) { w.Config.TrackOpens, w.Config.TrackClicks = false, false }, hogsend.TrackAll, false, false},
		"opens of it":        {func(w *world, _ *contract.SendRequest) { w.Config.TrackOpens = false }, "", false, true},
		"by the template":    {func(*world, *contract.SendRequest) {}, hogsend.TrackNothing, false, false},
		"clicks by it":       {func(*world, *contract.SendRequest) {}, hogsend.TrackOpens, true, false},
		"by the mail":        {func(_ *world, r *contract.SendRequest) { r.Track = hogsend.TrackNothing }, hogsend.TrackAll, false, false},
		"by the registry": {func(w *world, _ *contract.SendRequest) {
			w.define(func(r *hogsend.Registry) { r.Defaults.Track = hogsend.TrackNothing })
		}, "", false, false},
		"the mail wants some": {func(_ *world, r *contract.SendRequest) { r.Track = hogsend.TrackClicks }, hogsend.TrackNothing, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTrackingWorld(t, tt.template)
			request := offer(w.enroll("start"))
			tt.change(w, &request)
			_, err := w.Send(t.Context(), request)
			require.NoError(t, err)
			html := w.provider.calls[0].HTML
			require.Equal(t, tt.opens, strings.Contains(html, "/v1/t/o/"))
			require.Equal(t, tt.clicks, strings.Contains(html, "/v1/t/c/"))
			require.Equal(t, tt.clicks, w.count("tracked_links") == 2)
			require.Equal(t, tt.clicks, !strings.Contains(html, `href="https://b.example"`))
		})
	}
}

// E-17: a mail that was refused has no links either.
func TestARefusedMailHasNoLinks(t *testing.T) {
	t.Parallel()
	w := newTrackingWorld(t, "")
	request := offer(w.enroll("start"))
	w.optOut("ada@example.com", "unsubscribed_all", "true")
	_, err := w.Send(t.Context(), request)
	require.NoError(t, err)
	require.Zero(t, w.count("tracked_links"))
}
