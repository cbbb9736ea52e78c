package activities_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
)

// withFiles lets the world have templates that carry files, and two sources of them.
func withFiles(w *world, bring hogsend.FileSource) {
	w.define(func(r *hogsend.Registry) {
		r.Files = map[string]hogsend.FileSource{"invoice": bring}
		r.Templates = append(r.Templates,
			hogsend.Template{Key: "logo", Subject: "Logo", HTML: `<p><img src="cid:logo" alt="Acme">`, Files: []hogsend.File{{Name: "logo.png", Inline: "logo", Content: []byte("png")}}},
			hogsend.Template{Key: "plain", Subject: "Plain", Text: "Hello {{.Name}}, https://example.com"})
	})
	renderer, err := email.Compile(w.defined)
	require.NoError(w.t, err)
	w.Renderer = renderer
}

func carrying(claim contract.Claim, template string, asked ...hogsend.Attachment) contract.SendRequest {
	r := hello(claim, 1)
	r.Template, r.Props, r.Attach = template, nil, asked
	r.Key += template
	return r
}

// E-84: a file is brought once for a mail, whatever it would be later; a retry after a lost
// answer carries the same bytes, and the same content is kept once.
func TestAMailCarriesItsFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := 0
	withFiles(w, func(_ context.Context, ref string) (hogsend.File, error) {
		version++
		return hogsend.File{Name: "file.pdf", Content: []byte(strings.Repeat("v", version) + ref)}, nil
	})
	claim := w.enroll("start")
	r := carrying(claim, "logo", hogsend.Attachment{Source: "invoice", Ref: "in_1", Name: "invoice.pdf"})
	w.provider.lost = true
	_, err := w.Send(t.Context(), r)
	require.ErrorContains(t, err, "provider call failed")
	got, err := w.Send(t.Context(), r)
	require.NoError(t, err)
	require.True(t, got.Verdict.Sent())
	require.Len(t, w.provider.calls, 2)
	require.Equal(t, w.provider.calls[0], w.provider.calls[1])
	files := w.provider.calls[0].Files
	require.Len(t, files, 2)
	require.Equal(t, "logo.png image/png logo png", strings.Join([]string{files[0].Name, files[0].Type, files[0].Inline, string(files[0].Content)}, " "))
	require.Equal(t, "invoice.pdf application/pdf  vin_1", strings.Join([]string{files[1].Name, files[1].Type, files[1].Inline, string(files[1].Content)}, " "))
	require.Equal(t, 1, version)

	bob := w.enrollOf("bob", "start")
	_, err = w.Send(t.Context(), carrying(bob, "logo"))
	require.NoError(t, err)
	require.Equal(t, 2, w.count("files"))
	require.Equal(t, 3, w.count("send_files"))

	// Sent again, it carries what it carried.
	var id, contact uuid.UUID
	w.scan(&id, `select id from sends where files = 2`)
	w.scan(&contact, `select contact_id from sends where files = 2`)
	_, err = w.SubmitDirect(t.Context(), contract.DirectSend{
		SendRequest: contract.SendRequest{Key: "resend:1", Template: "logo"}, ID: uuid.Must(uuid.NewV7()), ContactID: contact, FilesOf: id,
	})
	require.NoError(t, err)
	require.Equal(t, 1, w.count(`send_files f join sends s on s.id = f.send_id where s.key = 'resend:1' and f.name = 'invoice.pdf'`))

	// Erased, nothing of it is left that no other mail carries.
	_, err = w.Ingest.Erase(t.Context(), uuid.New(), contact, "asked for it")
	require.NoError(t, err)
	w.exec(`update files set used_at = used_at - interval '1 hour'`)
	_, err = w.store.FinishErasures(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, w.count("send_files"))
	require.Equal(t, 1, w.count("files"))
}

// E-29, E-84: a mail whose files are not there, because its erasure has come so far, does not
// go without them.
func TestAMailWithoutItsFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withFiles(w, nil)
	r := carrying(w.enroll("start"), "logo")
	w.provider.script = []error{&email.SendError{Kind: email.Transient, Reason: "busy"}}
	_, err := w.Send(t.Context(), r)
	require.ErrorContains(t, err, "provider call failed")
	for _, lost := range []string{`update send_files set hash = null`, `delete from send_files`} {
		w.exec(lost)
		_, err = w.Send(t.Context(), r)
		require.ErrorContains(t, err, "0 of its 1 files")
	}
	require.Len(t, w.provider.calls, 1)
	require.Empty(t, w.provider.accepted)
}

// E-84: what cannot be carried is the author's mistake; what may pass is tried again. Neither
// leaves a row, and what was kept of it is cleaned away.
func TestFilesThatCannotBeCarried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var bring func() (hogsend.File, error)
	withFiles(w, func(context.Context, string) (hogsend.File, error) { return bring() })
	claim := w.enroll("start")
	ask := hogsend.Attachment{Source: "invoice", Ref: "1"}
	content := []byte("x")
	for name, f := range map[string]hogsend.File{
		"no name": {Content: content}, "a path": {Name: "../x.pdf", Content: content}, "a control": {Name: "x\n.pdf", Content: content},
		"empty": {Name: "x.pdf"}, "no type": {Name: "x", Type: "text", Content: content}, "a type of two lines": {Name: "x", Type: "text/plain;\r\n x=\"To: a\"", Content: content}, "a type and a line": {Name: "x", Type: "text/plain\r\n", Content: content},
		"an id with a space": {Name: "x.png", Inline: "a b", Content: content},
		"the id of another":  {Name: "x.png", Inline: "logo", Content: content}, "too much": {Name: "x.pdf", Content: make([]byte, hogsend.MaxFileBytes)},
	} {
		bring = func() (hogsend.File, error) { return f, nil }
		_, err := w.Send(t.Context(), carrying(claim, "logo", ask))
		require.ErrorContains(t, err, "invalid attach", name)
	}
	bring = func() (hogsend.File, error) { return hogsend.File{Name: "x.png", Inline: "x", Content: content}, nil }
	_, err := w.Send(t.Context(), carrying(claim, "plain", ask))
	require.ErrorContains(t, err, "invalid attach", "there is no HTML to show it in")
	bring = func() (hogsend.File, error) { return hogsend.File{}, hogsend.ErrNoFile }
	_, err = w.Send(t.Context(), carrying(claim, "logo", ask))
	require.ErrorContains(t, err, "invalid attach")
	_, err = w.Send(t.Context(), carrying(claim, "logo", hogsend.Attachment{Source: "invoices"}))
	require.ErrorContains(t, err, "invalid attach")
	away := errors.New("store is away")
	bring = func() (hogsend.File, error) { return hogsend.File{}, away }
	_, err = w.Send(t.Context(), carrying(claim, "logo", ask))
	require.ErrorIs(t, err, away)
	require.Zero(t, w.count("sends"))
	require.Empty(t, w.provider.calls)

	now, err := w.store.IngestClock(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.store.CleanFiles(t.Context(), now.AddDate(0, 0, 2), now))
	require.Zero(t, w.count("files"))
}

// E-85: no HTML, and so nothing tracked; the header leads out all the same.
func TestAPlainTextMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withFiles(w, nil)
	signer, err := email.NewSigner(strings.Repeat("s", 32), nil)
	require.NoError(t, err)
	w.Tokens, w.Config.TrackClicks, w.Config.TrackOpens, w.Config.PublicURL = signer, true, true, "https://acme.example"
	_, err = w.Send(t.Context(), carrying(w.enroll("start"), "plain"))
	require.NoError(t, err)
	m := w.provider.calls[0]
	require.Empty(t, m.HTML)
	require.Equal(t, "Hello ada, https://example.com\n", m.Text)
	require.Contains(t, m.Headers["List-Unsubscribe"], "https://acme.example/v1/email/unsubscribe?token=")
	require.Zero(t, w.count("tracked_links"))
}
