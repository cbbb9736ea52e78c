package browser

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// validator is html-validate 10.17.0, MIT, for browsers; its license says how it was packed.
//
//go:embed testdata/html-validate.min.js.gz
var validator []byte

func unpacked(t *testing.T, packed []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}

// rules are those of html-validate that are changed.
type rules map[string]string

// validates returns what validates HTML: the findings, a line each, "" if there are none.
func (b *tab) validates() func(text string, changed rules) string {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"))
	eval[bool](b, unpacked(b.t, validator)+"; true")
	return func(text string, changed rules) string {
		b.t.Helper()
		if changed == nil {
			changed = rules{}
		}
		config, err := json.Marshal(map[string]any{"extends": []string{"html-validate:recommended"}, "rules": changed})
		require.NoError(b.t, err)
		literal, err := json.Marshal(text)
		require.NoError(b.t, err)
		return eval[string](b, "validateHTML("+string(literal)+", "+string(config)+`).then(found => found.join("\n"))`)
	}
}

// What finds nothing must be able to find.
func TestTheValidatorFinds(t *testing.T) {
	t.Parallel()
	b := (&site{t: t}).tab("")
	validate := b.validates()
	const fine = `<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><p>x</p></body></html>`
	require.Empty(t, validate(fine, nil))
	for broken, rule := range map[string]string{
		`<table><tr><td>a</table>`: "no-implicit-close", `<p><div>a</div></p>`: "no-implicit-close", `<tr><div>a</div></tr>`: "element-permitted-content", `<img src="x">`: "wcag/h37", `<p id="a">x</p><p id="a">y</p>`: "no-dup-id", `<a href="x"><a href="y">z</a></a>`: "element-permitted-content",
	} {
		require.Contains(t, validate(`<!DOCTYPE html><html lang="en"><head><title>x</title></head><body>`+broken+`</body></html>`, nil), rule, broken)
	}
}
