package studio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

// full sets every field below v to something that shows.
func full(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(`<b a="'">x</b>`)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i), depth)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(v.Elem(), depth)
	case reflect.Slice:
		if depth > 3 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			full(v.Index(i), depth+1)
		}
	default:
		panic("a view has a field of kind " + v.Kind().String())
	}
}

// Every template runs with nothing and with everything, in each frame, and prints no text
// as markup (U-51).
func TestEveryTemplateRuns(t *testing.T) {
	t.Parallel()
	for name, p := range parse() {
		for _, root := range []string{"frame", "gate", "dialog"} {
			var out bytes.Buffer
			zero := reflect.New(reflect.TypeOf(p.sample))
			require.NoError(t, p.ExecuteTemplate(&out, root, zero.Elem().Interface()), "%s with nothing", name)
			out.Reset()
			full(zero.Elem(), 0)
			require.NoError(t, p.ExecuteTemplate(&out, root, zero.Elem().Interface()), "%s with everything", name)
			require.NotContains(t, out.String(), "<b a=", name)
		}
	}
}

func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	require.NoError(t, err)
	for _, name := range names {
		data, err := fs.ReadFile(templateFiles, name)
		require.NoError(t, err)
		all[name] = string(data)
	}
	return all
}

// U-55: only what works alike in htmx 2 and 4 and needs no eval; nothing inline (U-49).
func TestTemplatesKeepToWhatIsAllowed(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{
		"hx-get": true, "hx-post": true, "hx-target": true, "hx-swap": true, "hx-trigger": true, "hx-push-url": true, "hx-include": true, "hx-select": true,
		"hx-indicator": true, "hx-sync": true,
	}
	for name, text := range files(t) {
		for _, attribute := range regexp.MustCompile(`\bhx-[a-z-]+`).FindAllString(text, -1) {
			require.True(t, allowed[attribute], "%s: %s", name, attribute)
		}
		require.NotRegexp(t, `hx-trigger="[^"]*\[`, text, name)
		require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|javascript:`, text, name)
		require.NotRegexp(t, `<script[^>]*>[^<]`, text, name)
		require.NotRegexp(t, `\bid="[^"]*\{\{\.(Name|Email|Text)`, text, name)
	}
}

// U-51: nothing is declared to be markup that templates would have escaped.
func TestNothingIsDeclaredSafe(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	views, err := filepath.Glob("view/*.go")
	require.NoError(t, err)
	require.Greater(t, len(names), 10)
	for _, name := range append(names, views...) {
		if name == "render_test.go" {
			continue
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotRegexp(t, `template\.(HTML|HTMLAttr|CSS|JS|JSStr|URL|Srcset)\b`, string(data), name)
	}
}

// No class without a style, and no style without a class.
func TestClassesAndStylesFit(t *testing.T) {
	t.Parallel()
	used, styled := map[string]bool{}, map[string]bool{}
	for _, text := range files(t) {
		text = regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(text, " ")
		for _, m := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			for _, class := range strings.Fields(m[1]) {
				used[class] = true
			}
		}
	}
	for _, tone := range []string{"ok", "run", "wait", "bad", "off", "policy"} {
		for _, prefix := range []string{"badge--", "tone--", "banner--", "fill--"} {
			delete(used, prefix)
		}
		used["badge--"+tone], used["tone--"+tone] = true, true
	}
	delete(used, "badge--off") // the badge itself is off
	delete(used, "flow-node--")
	for _, kind := range []string{"start", "send", "wait", "checkpoint", "effect", "question", "end"} {
		used["flow-node--"+kind] = true
	}
	for _, class := range []string{"banner--bad", "banner--wait", "fill--ok", "fill--policy", "fill--bad"} {
		used[class] = true
	}
	css, err := staticFiles.ReadFile("static/studio.css")
	require.NoError(t, err)
	plain := regexp.MustCompile(`(?s)/\*.*?\*/|url\([^)]*\)|:\s[^;{}]*;`).ReplaceAllString(string(css), " ")
	for _, m := range regexp.MustCompile(`\.([a-z][a-z0-9-]*)`).FindAllStringSubmatch(plain, -1) {
		styled[m[1]] = true
	}
	for class := range used {
		require.True(t, styled[class], "no style for class %s", class)
	}
	for class := range styled {
		require.True(t, used[class], "no template uses class %s", class)
	}
}

// What pages load is small, and htmx is what it says it is.
func TestAssets(t *testing.T) {
	t.Parallel()
	script, packed := 0, 0
	for path, a := range pack() {
		if strings.HasSuffix(path, ".css") {
			require.LessOrEqual(t, len(a.plain), 30<<10)
			require.LessOrEqual(t, len(a.packed), 9<<10)
			continue
		}
		script, packed = script+len(a.plain), packed+len(a.packed)
		if strings.HasSuffix(path, "htmx.min.js") {
			sum := sha256.Sum256(a.plain)
			require.Equal(t, "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130", hex.EncodeToString(sum[:]))
		}
	}
	require.LessOrEqual(t, script, 60<<10)
	require.LessOrEqual(t, packed, 20<<10)
}

// Each state of a mail and of an enrollment has a badge of its own words.
func TestBadges(t *testing.T) {
	t.Parallel()
	for _, s := range []contract.SendStatus{
		contract.SendQueued, contract.SendSent, contract.SendDelivered, contract.SendOpened, contract.SendClicked, contract.SendBounced, contract.SendComplained,
		contract.SendFailed, contract.SendSuppressed, contract.SendSkipped,
	} {
		require.NotEqual(t, off(string(s)), sendBadge(s))
	}
	for _, s := range []contract.EnrollmentStatus{
		contract.EnrollmentActive, contract.EnrollmentWaiting, contract.EnrollmentCompleted, contract.EnrollmentFailed, contract.EnrollmentExited,
	} {
		require.NotEqual(t, off(string(s)), enrollmentBadge(s))
	}
}
