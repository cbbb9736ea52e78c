package browser

import (
	"flag"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/internal/chromium"
	"github.com/hogsend/hogsend/internal/email"
)

var docs = flag.Bool("docs", false, "write the pictures of docs/mails.md anew")

// E-91: a template is written as pictures, as wide as was said and as high as it is.
func TestPicturesOfATemplate(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"key":"a/b","subject":"Hi","html":"<style>@media (prefers-color-scheme: dark) {body {background: #000}}</style><script>document.body.innerHTML = ''</script><p style=\"height: 900px\">Hi","text":"Hi"}`))
	}))
	t.Cleanup(api.Close)
	shots := filepath.Join(t.TempDir(), "new")
	var out, errs strings.Builder
	code := app.Run(t.Context(), app.Options{}, app.IO{
		Args: []string{"templates", "preview", "a/b", "--screenshot", shots}, Environ: []string{"HOGSEND_API_URL=" + api.URL, "HOGSEND_API_KEY=k"}, Stdout: &out, Stderr: &errs,
	})
	require.Zero(t, code, errs.String())
	for name, lightness := range map[string]uint32{"a-b-360-light.png": 0xffff, "a-b-360-dark.png": 0, "a-b-640-light.png": 0xffff, "a-b-640-dark.png": 0} {
		require.Contains(t, out.String(), filepath.Join(shots, name)+"\n")
		file, err := os.Open(filepath.Join(shots, name))
		require.NoError(t, err)
		picture, err := png.Decode(file)
		require.NoError(t, err, name)
		require.NoError(t, file.Close())
		require.Equal(t, strings.Split(name, "-")[2], strconv.Itoa(picture.Bounds().Dx()))
		require.Greater(t, picture.Bounds().Dy(), 900, "all of it, and no script ran")
		r, _, _, _ := picture.At(2, 2).RGBA()
		require.Equal(t, lightness, r, name)
	}
}

// kitMails are the mails of docs/mails.md.
func kitMails(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/mails.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```html\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 3)
	const board = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 520 160'%3E%3Crect width='520' height='160' fill='%23e3e6f3'/%3E%3Cpath fill='%23fff' d='M30 30h140v40H30zM190 30h140v40H190zM350 30h140v40H350z'/%3E%3Cpath fill='%23c7c9f7' d='M190 84h140v40H190z'/%3E%3C/svg%3E"
	type props struct {
		Days int
		URL  string
	}
	r, err := email.Compile(hogsend.Registry{Layout: blocks[1][1], Templates: []hogsend.Template{
		{Key: "mail", Subject: "s", HTML: blocks[0][1], Props: props{}},
		{Key: "kit", Subject: "s", HTML: strings.ReplaceAll(blocks[2][1], "https://example.com/board.png", board)},
	}})
	require.NoError(t, err)
	mails := map[string]string{}
	for _, key := range r.Keys() {
		rendered, err := r.Preview(key, nil, "https://hogsend.example")
		require.NoError(t, err)
		mails[key] = rendered.HTML
	}
	return mails
}

// The pictures of the page of documents are those of what it says.
func TestPicturesOfTheDocuments(t *testing.T) {
	t.Parallel()
	path, err := chromium.Find()
	require.NoError(t, err)
	b, err := chromium.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	for key, mail := range kitMails(t) {
		for name, look := range map[string]chromium.Look{key + "-640-light.png": {Width: 640}, key + "-360-dark.png": {Width: 360, Dark: true}} {
			picture, err := b.Picture(mail, look)
			require.NoError(t, err)
			file := filepath.Join("../../docs/images", name)
			if *docs {
				require.NoError(t, os.WriteFile(file, picture, 0o644))
			}
			require.FileExists(t, file)
			require.Less(t, len(picture), 100<<10, "small enough for a repository")
		}
	}
}
