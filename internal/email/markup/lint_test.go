package markup_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/email/markup"
)

func TestWhatIsSeldomMeant(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{
		`<p>Hi</p>`, `<img src="x.png" alt="">`, `<a href="https://a.example">x</a>`, `<a href="http://localhost:3002/v1/email/unsubscribe">x</a>`, `<a href="%zz">x</a>`,
		strings.Repeat("x", 102<<10),
	} {
		require.Empty(t, markup.Lint(fine, "http://localhost:3002/v1/email/"), "%.40s", fine)
	}
	require.Equal(t, []string{
		"a link to this machine: http://127.0.0.1:8080/x", "a link to this machine: https://LOCALHOST/", "an image without alt: x.png",
	}, markup.Lint(`<img src="x.png"><img src="x.png"><a href="https://LOCALHOST/">a</a><a href="http://127.0.0.1:8080/x">b</a>`))
	require.Equal(t, []string{"102 kB of HTML: Gmail shows 102 kB and cuts off the rest"}, markup.Lint(strings.Repeat("x", 102<<10+1)))
}
