package saas_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/internal/email"
)

var update = flag.Bool("update", false, "write the golden files anew")

// E-2, E-5: what each example renders to is looked at once and then kept.
func TestTemplatesRenderAsLookedAt(t *testing.T) {
	t.Parallel()
	renderer, err := email.Compile(hogsend.Registry{Templates: saas.Templates(), Layout: saas.Layout()})
	require.NoError(t, err)
	contact := hogsend.Contact{ID: "0194d6c0-0000-7000-8000-000000000001", Email: "ada@example.com", Properties: hogsend.Properties{"firstName": "Ada"}}
	for _, definition := range saas.Templates() {
		for name, example := range definition.Examples {
			props, err := json.Marshal(example)
			require.NoError(t, err)
			in := email.Input{Props: props, Contact: contact}
			if definition.Category != email.CategoryTransactional {
				in.UnsubscribeURL, in.PreferencesURL = "https://acme.example/v1/email/unsubscribe?token=t", "https://acme.example/v1/email/preferences?token=t"
			}
			r, err := renderer.Render(definition.Key, in)
			require.NoError(t, err)
			base := filepath.Join("testdata", strings.ReplaceAll(definition.Key+"--"+name, " ", "-"))
			golden(t, base+".html", r.HTML)
			golden(t, base+".txt", "Subject: "+r.Subject+"\nPreview: "+r.Preview+"\n\n"+r.Text)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "see -update")
}
