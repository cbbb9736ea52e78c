package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// the commands ask what they are told to, and print what they are answered.
func TestTemplatesByCommand(t *testing.T) {
	t.Parallel()
	status := `"queued"`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch body, _ := io.ReadAll(r.Body); {
		case r.URL.Path == "/v1/admin/templates":
			fmt.Fprint(w, `{"templates":[{"key":"a/b","defaultSubject":"Hi \u001b","category":null,"hasPreview":true}]}`)
		case r.URL.EscapedPath() == "/v1/admin/templates/a%2Fb/preview" && (r.URL.RawQuery == "" || r.URL.RawQuery == "props=eyJ4IjoxfQ"):
			fmt.Fprint(w, `{"key":"a/b","subject":"Hi","category":"news","preview":null,"html":"<p>Hi</p>","text":"Hi there"}`)
		case r.URL.EscapedPath() == "/v1/admin/templates/a%2Fb/send-test" && string(body) == `{"props":{"x":1},"to":"me@x.example"}`:
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"emailSendId":"id","status":%s,"reason":"bounce"}`, status)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":"Template not found"}`)
		}
	}))
	defer api.Close()
	run := func(args ...string) (int, string) {
		return call(t, IO{Environ: []string{"HOGSEND_API_URL=" + api.URL, "HOGSEND_API_KEY=k"}}, append([]string{"templates"}, args...)...)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"list"}, 0, "a/b  -  Hi \\x1b\n"},
		{[]string{"list", "--json"}, 0, `{"key":"a/b","defaultSubject":"Hi \u001b","category":null,"hasPreview":true}` + "\n"},
		{[]string{"show", "a/b"}, 0, "Key:      a/b\nCategory: news\nSubject:  Hi\nPreview:  -\n\nHi there\n"},
		{[]string{"preview", "a/b", "--props", `{"x":1}`}, 0, "<p>Hi</p>\n"},
		{[]string{"preview", "a/b", "--text"}, 0, "Hi there\n"},
		{[]string{"send-test", "a/b", "--to", "me@x.example", "--props", `{"x":1}`}, 0, "id  queued  bounce\n"},
	} {
		code, printed := run(tt.args...)
		require.Equal(t, tt.code, code, "%v: %s", tt.args, printed)
		require.Equal(t, tt.want, printed, tt.args)
	}
	for _, args := range [][]string{{"show", "gone"}, {"preview", "a/b", "--props", "{"}, {"send-test", "a/b"}, {"send-test", "a/b", "--to", "me@x.example", "--props", "{"}} {
		code, _ := run(args...)
		require.NotZero(t, code, args)
	}
	status = `"suppressed"`
	code, printed := run("send-test", "a/b", "--to", "me@x.example", "--props", `{"x":1}`)
	require.NotZero(t, code)
	require.Contains(t, printed, "bounce")
}

// E-91: without a browser the command says what is missing.
func TestPicturesNeedABrowser(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	p := &program{}
	require.ErrorContains(t, p.pictures(t.Context(), t.TempDir(), renderedTemplate{Key: "a"}), "--screenshot: there is no Chromium or Chrome on this machine")
}
