package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// O-44: nothing from outside steers the terminal, however it comes in pieces.
func TestOutputShowsControlCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\n\ttext": "plain\n\ttext", "a\x1b[2Jb": `a\x1b[2Jb`, "a\rb": `a\rb`, "a\x07\x7f": `a\a\u007f`, "a\u009b31m": `a\u009b31m`, "a\u2028b\u202egnp": `a\u2028b\u202egnp`,
		"\u2066x\u2069\u200f\u061c": `\u2066x\u2069\u200f\u061c`, "👩‍💻 münchen": "👩‍💻 münchen", "a\xffb": `a\xffb`, "a\ufffdb": "a\ufffdb",
	} {
		for size := 1; size <= len(in); size++ {
			var out bytes.Buffer
			v := &visible{out: &out}
			for at := 0; at < len(in); at += size {
				piece := in[at:min(at+size, len(in))]
				n, err := v.Write([]byte(piece))
				require.NoError(t, err)
				require.Equal(t, len(piece), n)
			}
			require.Equal(t, want, out.String(), "in pieces of %d", size)
		}
	}
	var out bytes.Buffer
	printLine(&out, "%s\t%v|%d\n", "a\tb\nc", errors.New("x\ny"), 7)
	require.Equal(t, "a\\tb\\nc\tx\\ny|7\n", out.String())
}

// O-44: a subject with ESC [2J clears nobody's screen, in the list, in a mail, in JSON.
func TestTheMailboxShowsControlCharacters(t *testing.T) {
	t.Parallel()
	const subject = "a\x1b[2J\u202eb\nc\td\u009b"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"mails": []map[string]any{{
			"id": "m1", "to": "x@x.io", "from": "Evil\x1b]0;t\x07 <a@x.io>", "subject": subject, "text": "line\x1b[1m\nsecond\r\n", "at": "2026-01-05T10:00:00Z",
		}}})
	}))
	t.Cleanup(server.Close)
	for _, args := range [][]string{{"mailbox"}, {"mailbox", "m1"}, {"mailbox", "--json"}} {
		var out, errs bytes.Buffer
		code := Run(context.Background(), Options{}, IO{Args: append(args, "--url", server.URL, "--api-key", "k"), Stdout: &out, Stderr: &errs})
		require.Equal(t, 0, code, errs.String())
		require.NotContains(t, out.String(), "\x1b")
		require.NotContains(t, out.String(), "\u202e")
		require.NotContains(t, out.String(), "\u009b")
		require.NotContains(t, out.String(), "\r")
		if args[len(args)-1] == "--json" {
			var m struct{ Subject string }
			require.NoError(t, json.Unmarshal(out.Bytes(), &m))
			require.Equal(t, subject, m.Subject)
			continue
		}
		require.Contains(t, out.String(), `a\x1b[2J\u202eb\nc\td\u009b`)
	}
}
