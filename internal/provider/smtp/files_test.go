package smtp_test

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email"
)

// tree is what a mail is made of: kinds with what is in them.
func tree(t *testing.T, header textproto.MIMEHeader, body io.Reader) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	require.NoError(t, err)
	if !strings.HasPrefix(kind, "multipart/") {
		text := kind
		if _, disposition, _ := mime.ParseMediaType(header.Get("Content-Disposition")); disposition["filename"] != "" {
			raw, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, body))
			require.NoError(t, err)
			name, err := new(mime.WordDecoder).DecodeHeader(disposition["filename"])
			require.NoError(t, err)
			text += " " + name + " " + header.Get("Content-Id") + " " + string(raw)
		}
		return text
	}
	var inside []string
	for r := multipart.NewReader(body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return strings.TrimPrefix(kind, "multipart/") + "(" + strings.Join(inside, ", ") + ")"
		}
		require.NoError(t, err)
		inside = append(inside, tree(t, part.Header, part))
	}
}

// E-84, E-85: attachments beside the texts, images beside the HTML that shows them, and a
// plain text that stands alone.
func TestFilesAreWhereMailProgramsLook(t *testing.T) {
	t.Parallel()
	image := email.File{Name: "logo.png", Type: "image/png", Inline: "logo", Content: []byte("png")}
	invoice := email.File{Name: "Rechnung für Zoë.pdf", Type: "application/pdf", Content: []byte("%PDF")}
	const pdf, png = "application/pdf Rechnung für Zoë.pdf  %PDF", "image/png logo.png <logo> png"
	for want, change := range map[string]func(m *email.Message){
		"alternative(text/plain, text/html)": func(*email.Message) {},
		"text/plain":                         func(m *email.Message) { m.HTML = "" },
		"mixed(alternative(text/plain, text/html), " + pdf + ")":                       func(m *email.Message) { m.Files = []email.File{invoice} },
		"related(alternative(text/plain, text/html), " + png + ")":                     func(m *email.Message) { m.Files = []email.File{image} },
		"mixed(related(alternative(text/plain, text/html), " + png + "), " + pdf + ")": func(m *email.Message) { m.Files = []email.File{invoice, image} },
		"mixed(text/plain, " + pdf + ")":                                               func(m *email.Message) { m.HTML, m.Files = "", []email.File{invoice} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := &relay{}
			addr, settings := serve(t, r, false)
			m := message()
			change(&m)
			_, err := provider(t, "smtp://"+addr, settings).Send(t.Context(), m)
			require.NoError(t, err)
			got, err := mail.ReadMessage(strings.NewReader(r.accepted()[0]))
			require.NoError(t, err)
			require.Equal(t, want, tree(t, textproto.MIMEHeader(got.Header), got.Body))
		})
	}
}
