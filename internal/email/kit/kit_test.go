package kit_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/color"
	"github.com/hogsend/hogsend/internal/email/kit"
)

// E-90: what is not the kit's stays byte for byte.
func TestOtherHTMLStays(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"", "a < b", "<p>mail-button</p>", `{{"<mail-button>"}}<p>`, "<mailer>", "<!-- x --><p>", "<", "{", "{{", "<!--", "<style>a{}", `<a title="<mail-x">`,
	} {
		got, problems := kit.Expand(source)
		if strings.Contains(source, "mail-x") {
			continue // a tag in a value, which is nobody's
		}
		require.Equal(t, source, got)
		require.Empty(t, problems, source)
	}
	got, problems := kit.Expand(`<style>.x::after { content: "<mail-button>" }</style>{{/* <mail-page> */}}<mail-divider>`)
	require.Empty(t, problems)
	require.True(t, strings.HasPrefix(got, `<style>.x::after { content: "<mail-button>" }</style>{{/* <mail-page> */}}<`), got)
}

// E-90: a value stays as it was written, quotes and actions with it, and so do the numbers of lines.
func TestValuesAndLinesStay(t *testing.T) {
	t.Parallel()
	source := "<p>\n<mail-button\n  href='{{if eq .Props.Plan \"a'>\"}}/a{{else}}/b{{end}}'\n  data-hogsend-track=\"off\"\n>Pay\n{{.Props.Amount}}</mail-button>\n<mail-image src=\"{{.Props.URL}}\" alt=\"\" href=\"/x\">\n<i>"
	got, problems := kit.Expand(source)
	require.Empty(t, problems)
	require.Contains(t, got, `href='{{if eq .Props.Plan "a'>"}}/a{{else}}/b{{end}}' data-hogsend-track="off">`)
	require.Contains(t, got, `<a href="/x"><img class="m-image" src="{{.Props.URL}}" alt="" width="518"`)
	for _, mark := range []string{"{{.Props.Amount}}", "{{.Props.URL}}", "<i>"} {
		line := func(text string) int { return strings.Count(text[:strings.Index(text, mark)], "\n") }
		require.Equal(t, line(source), line(got), mark)
	}
}

// E-90: columns share the room that there is.
func TestColumnsShareTheRoom(t *testing.T) {
	t.Parallel()
	two := `<mail-columns><mail-column>a</mail-column><mail-column><mail-image src="x" alt="x"></mail-column></mail-columns>`
	got, problems := kit.Expand(two)
	require.Empty(t, problems)
	require.Equal(t, 2, strings.Count(got, `class="m-column" style="max-width:259px"`), got)
	require.Contains(t, got, `width="243" style="max-width:243px"`, "beside the space between them")
	got, problems = kit.Expand(`<mail-panel>` + two + `</mail-panel>`)
	require.Empty(t, problems)
	require.Equal(t, 2, strings.Count(got, `class="m-column" style="max-width:239px"`), got)
}

// E-90: all that is wrong is told, with its line.
func TestWhatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ source, want string }{
		{"<mail-buton>", "line 1: there is no element <mail-buton>, did you mean \"mail-button\"?"},
		{"\n<mail-button>x</mail-button>", "line 2: <mail-button>: href is missing"},
		{`<mail-button href="">x</mail-button>`, "line 1: <mail-button>: href is missing"},
		{`<mail-button href="/" hreff="/">x</mail-button>`, "line 1: <mail-button>: there is no attribute hreff, did you mean \"href\"?"},
		{`<mail-button href="/" href="/">x</mail-button>`, "line 1: <mail-button>: href stands there twice"},
		{`<mail-button href=/>x</mail-button>`, "line 1: <mail-button>: href has a value without quotes"},
		{`<mail-button href="/" {{if .X}}id="a"{{end}}>x</mail-button>`, "line 1: <mail-button>: an action stands in the value of an attribute only"},
		{`<mail-button href="/" kind="{{.X}}">x</mail-button>`, "line 1: <mail-button>: kind is written as it is, without an action\nline 1: <mail-button>: kind is main or quiet, not \"{{.X}}\""},
		{"<mail-panel>\n<mail-panel>\n</mail-panel>", "line 1: <mail-panel> is not closed"},
		{`<mail-panel><mail-items></mail-panel>`, "line 1: </mail-panel> where </mail-items> is due\nline 1: <mail-panel> is not closed\nline 1: <mail-items> is not closed"},
		{`</mail-panel>`, "line 1: </mail-panel> without its beginning"},
		{`</mail-image>`, "line 1: <mail-image> has no end"},
		{`<mail-image src="x">`, "line 1: <mail-image>: alt is missing"},
		{`<mail-image src="x" alt="" width="9999">`, `line 1: <mail-image>: width is a number of pixels from 1 to 600, not "9999"`},
		{`<mail-column>x</mail-column>`, "line 1: <mail-column> stands in <mail-columns>"},
		{`<mail-item mark="1">x</mail-item>`, "line 1: <mail-item> stands in <mail-items>"},
		{`<mail-columns></mail-columns>`, "line 1: <mail-columns> has 1 to 4 of <mail-column>, not 0"},
		{`<mail-page color="blue"></mail-page>`, `line 1: <mail-page>: color is one such as #4f46e5, not "blue"`},
		{`<mail-page logo="x"></mail-page>`, "line 1: <mail-page>: a logo needs a name, which is read where images are not shown"},
		{`<mail-panel><mail-page></mail-page></mail-panel>`, "line 1: <mail-page> stands in no other element"},
		{`<mail-page><mail-footer address="x"></mail-footer><p>more</mail-page>`, "line 1: <mail-footer> is the last in <mail-page>"},
		{`<mail-footer>x</mail-footer>`, "line 1: <mail-footer>: address is missing"},
		{`<!-- <mail-button> -->`, "line 1: an element of the kit in a comment"},
		{`<mail-button href="/"`, "line 1: <mail-button> without its >\nline 1: <mail-button> is not closed"},
		{`<mail-panel tone="loud">x</mail-panel>`, `line 1: <mail-panel>: tone is plain or warn or good, not "loud"`},
	} {
		_, problems := kit.Expand(tt.source)
		require.Equal(t, tt.want, strings.Join(problems, "\n"), tt.source)
	}
}

// E-90: a button of a dark color is seen on a dark card.
func TestButtonsAreSeenInTheDark(t *testing.T) {
	t.Parallel()
	dark, _ := color.Parse("#1b202b")
	for _, accent := range []string{"#000000", "#1f2937", "#4f46e5", "#ffee00", "#ffffff"} {
		got, problems := kit.Expand(`<mail-page color="` + accent + `"></mail-page>`)
		require.Empty(t, problems)
		_, after, found := strings.Cut(got, "(prefers-color-scheme: dark)")
		require.True(t, found)
		face := regexp.MustCompile(`\.m-face \{ background-color: (#[0-9a-f]{6}) !important; \} \.m-card \.m-link \{ color: (#[0-9a-f]{6})`).FindStringSubmatch(after)
		require.NotNil(t, face)
		back, _ := color.Parse(face[1])
		text, _ := color.Parse(face[2])
		require.GreaterOrEqual(t, color.Contrast(back, dark), color.Large, accent)
		require.GreaterOrEqual(t, color.Contrast(text, back), color.Text, accent)
	}
}

// Whatever is written, nothing breaks, and a source that is fine grows by what is known.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		`<mail-page name="A"><mail-columns><mail-column>{{.X}}</mail-column></mail-columns><mail-footer address='{{"'"}}'>x</mail-footer></mail-page>`,
		`<mail-items><mail-item mark="{{.}}">a</mail-item></mail-items><mail-image src alt>`, "<mail-\n{{", `</mail-page><!--<mail-x`, `<mail-button href="{{`, "<MAIL-DIVIDER/>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		got, problems := kit.Expand(source)
		require.GreaterOrEqual(t, strings.Count(got, "\n"), strings.Count(source, "\n"))
		for _, problem := range problems {
			require.Regexp(t, `^line \d+: `, problem)
		}
	})
}
