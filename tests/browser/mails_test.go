package browser

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/cookbook"
	"github.com/hogsend/hogsend/examples/saas"
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

const board = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 520 160'%3E%3Crect width='520' height='160' fill='%23e3e6f3'/%3E%3Cpath fill='%23fff' d='M30 30h140v40H30zM190 30h140v40H190zM350 30h140v40H350z'/%3E%3Cpath fill='%23c7c9f7' d='M190 84h140v40H190z'/%3E%3C/svg%3E"

// kitBlocks are the blocks of HTML of docs/mails.md: a mail, the layout, all elements.
func kitBlocks(t *testing.T) (mail, layout, all string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/mails.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```html\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 3)
	return blocks[0][1], blocks[1][1], strings.ReplaceAll(blocks[2][1], "https://example.com/board.png", board)
}

func kitSource(t *testing.T) string {
	_, _, all := kitBlocks(t)
	return all
}

// kitMails are the mails of docs/mails.md.
func kitMails(t *testing.T) map[string]string {
	t.Helper()
	mail, layout, all := kitBlocks(t)
	type props struct {
		Days int
		URL  string
	}
	r, err := email.Compile(hogsend.Registry{Layout: layout, Templates: []hogsend.Template{
		{Key: "mail", Subject: "s", HTML: mail, Props: props{}},
		{Key: "kit", Subject: "s", HTML: all},
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

// kept are rules of html-validate that mails have reason to break: styles stand in elements and
// comments speak to Outlook, because mail programs know no other way; void elements and DOCTYPE are
// written as an author and Go's library write them; div with role article is for programs that
// drop elements they do not know.
func kept() rules {
	return rules{"no-inline-style": "off", "no-conditional-comment": "off", "void-style": "off", "doctype-style": "off", "prefer-native-element": "off"}
}

var (
	officeOnly = regexp.MustCompile(`(?s)<!--\[if mso\]>(.*?)<!\[endif\]-->`)
	officeNot  = regexp.MustCompile(`(?s)<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->`)
	officeXML  = regexp.MustCompile(`(?s)<xml.*?</xml>`)
)

// forOutlook is a mail as Outlook for Windows reads it.
func forOutlook(mail string) string {
	return officeXML.ReplaceAllString(officeOnly.ReplaceAllString(officeNot.ReplaceAllString(mail, ""), "$1"), "")
}

// exampleMails are all mails of the examples and of the documents, by their names.
func exampleMails(t *testing.T) map[string]string {
	t.Helper()
	mails := map[string]string{}
	for name, html := range kitMails(t) {
		mails["docs/"+name] = html
	}
	for folder, registry := range map[string]hogsend.Registry{"saas": saas.Registry(), "cookbook": cookbook.Registry()} {
		r, err := email.Compile(registry)
		require.NoError(t, err)
		for _, key := range r.Keys() {
			template, _ := r.Lookup(key)
			examples := map[string]any{"made-up": nil}
			maps.Copy(examples, template.Examples)
			for name, props := range examples {
				var raw json.RawMessage
				if props != nil {
					raw, err = json.Marshal(props)
					require.NoError(t, err)
				}
				rendered, err := r.Preview(key, raw, "https://hogsend.example")
				require.NoError(t, err)
				mails[folder+"/"+key+"/"+name] = rendered.HTML
			}
		}
	}
	return mails
}

// E-90, E-5: every mail of the examples is HTML as it should be, as everybody reads it and as
// Outlook for Windows does.
func TestExampleMailsAreValid(t *testing.T) {
	t.Parallel()
	validate := (&site{t: t}).tab("").validates()
	mails := exampleMails(t)
	require.Greater(t, len(mails), 40)
	outlook := kept()
	outlook["no-deprecated-attr"], outlook["prefer-tbody"] = "off", "off" // align and width, which it knows; nobody puts a tbody into its tables
	for name, mail := range mails {
		require.Empty(t, validate(mail, kept()), name)
		require.NotContains(t, forOutlook(mail), "[endif]", name)
		require.Empty(t, validate(forOutlook(mail), outlook), "%s in Outlook", name)
	}
}

// E-90: the texts of mails can be read in light and dark, whatever the color of the sender, and
// nothing reaches out of a phone.
func TestMailsCanBeRead(t *testing.T) {
	t.Parallel()
	b := (&site{t: t}).tab("")
	script := unpacked(t, axe)
	mails := kitMails(t)
	for _, color := range []string{"#ffee00", "#000000", "#ff0055", "#7f7f7f", "#00c2a8", "#ffffff"} {
		r, err := email.Compile(hogsend.Registry{
			Layout:    `<mail-page name="Acme" color="` + color + `">{{template "content" .}}<mail-footer address="1 Example Street">x</mail-footer></mail-page>`,
			Templates: []hogsend.Template{{Key: "t", Subject: "s", HTML: kitSource(t)}},
		})
		require.NoError(t, err)
		rendered, err := r.Preview("t", nil, "https://hogsend.example")
		require.NoError(t, err)
		mails[color] = rendered.HTML
	}
	for name, mail := range mails {
		for _, look := range []look{{"light", 640}, {"dark", 640}, {"light", 360}, {"dark", 360}} {
			b.colored(look.scheme, look.width)
			b.do(chromedp.Navigate("data:text/html;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(mail))))
			eval[bool](b, script+"; true")
			require.Empty(t, eval[string](b, keepsOut), "%s %v", name, look)
			require.Empty(t, eval[string](b, wide), "%s %v", name, look)
		}
	}
}
