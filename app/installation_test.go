package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// running is a data folder of a dev that runs, as others see it.
func running(t *testing.T, dir string, i installation) *dataFolder {
	t.Helper()
	data, err := openData(filepath.Join(dir, defaultData), false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, data.close()) })
	require.NoError(t, data.announce(i))
	return data
}

// call runs a lean binary and returns its exit code and what it printed.
func call(t *testing.T, stdio IO, args ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	stdio.Args, stdio.Stdout, stdio.Stderr = args, &out, &out
	code = Run(t.Context(), Options{}, stdio)
	return code, out.String()
}

// O-48: dev is found while it runs, by the lock it holds, and not when it was killed.
func TestADevIsFoundWhileItRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, defaultData)
	found, err := findInstallation(folder)
	require.NoError(t, err)
	require.Nil(t, found, "there is no folder")

	data, err := openData(folder, false)
	require.NoError(t, err)
	found, err = findInstallation(folder)
	require.NoError(t, err)
	require.Nil(t, found, "it is starting")
	want := installation{API: "http://127.0.0.1:3002", APIKey: "k", DatabaseURL: "postgres://x", Temporal: "127.0.0.1:7233", Secret: "s"}
	require.NoError(t, data.announce(want))
	found, err = findInstallation(folder)
	require.NoError(t, err)
	want.folder = folder
	require.Equal(t, &want, found)
	info, err := os.Stat(filepath.Join(folder, installationFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds keys")

	require.NoError(t, data.close()) // as the end of the process does
	found, err = findInstallation(folder)
	require.NoError(t, err)
	require.Nil(t, found, "it was killed")
	code, out := call(t, IO{Dir: dir}, "doctor", "--data", defaultData)
	require.Equal(t, 1, code)
	require.Contains(t, out, "--data: no hogsend dev runs on .hogsend")
	code, out = call(t, IO{Dir: dir}, "mailbox")
	require.Equal(t, 1, code)
	require.Contains(t, out, "no `hogsend dev` runs on ./.hogsend")

	again, err := openData(folder, false)
	require.NoError(t, err)
	require.NoError(t, again.announce(want))
	require.NoError(t, again.unannounce())
	require.NoError(t, again.unannounce(), "twice is once")
	found, err = findInstallation(folder)
	require.NoError(t, err)
	require.Nil(t, found)
	require.NoError(t, again.close())
}

// O-48: flags win over --data, --data over the environment, that over a dev that is found;
// the key of a dev goes to that dev alone.
func TestWhomACommandTalksTo(t *testing.T) {
	t.Parallel()
	dev := installation{API: "http://127.0.0.1:3002", APIKey: "dev"}
	for _, c := range []struct {
		name, url, key string
		environ        []string
		here           *installation
		named          bool
		server, apiKey string
	}{
		{name: "nothing", server: defaultAPI},
		{name: "a dev is found", here: &dev, server: dev.API, apiKey: "dev"},
		{name: "the environment wins over it", here: &dev, environ: []string{"HOGSEND_API_URL=https://mail.acme.com/", "HOGSEND_API_KEY=env"}, server: "https://mail.acme.com", apiKey: "env"},
		{name: "its key goes to no other server", here: &dev, environ: []string{"HOGSEND_API_URL=https://mail.acme.com"}, server: "https://mail.acme.com"},
		{name: "nor to one of a flag", here: &dev, url: "https://mail.acme.com", server: "https://mail.acme.com"},
		{name: "nor beside --data", here: &dev, named: true, url: "https://mail.acme.com", server: "https://mail.acme.com"},
		{name: "the server of the flag may be it", here: &dev, url: "http://127.0.0.1:3002/", server: dev.API, apiKey: "dev"},
		{name: "--data wins over the environment", here: &dev, named: true, environ: []string{"HOGSEND_API_URL=https://mail.acme.com", "HOGSEND_API_KEY=env"}, server: dev.API, apiKey: "dev"},
		{name: "a flag wins over all", here: &dev, named: true, key: "flag", server: dev.API, apiKey: "flag"},
	} {
		p := &program{IO: IO{Environ: c.environ}}
		server, apiKey := p.serverAndKey(c.url, c.key, c.here, c.named)
		require.Equal(t, []string{c.server, c.apiKey}, []string{server, apiKey}, c.name)
	}
}

// O-48: without key and address, a command talks to the dev of the folder it is called in.
func TestACommandFindsTheDevThatRunsHere(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"mails": [{"id": "m1", "subject": "` + r.Header.Get("Authorization") + `"}]}`))
	}))
	t.Cleanup(web.Close)
	dir := t.TempDir()
	running(t, dir, installation{API: web.URL, APIKey: "kept"})
	code, out := call(t, IO{Dir: dir}, "mailbox")
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "Bearer kept")

	// A key that the shell has from before is said to be one.
	d := newDesk(t)
	other := t.TempDir()
	running(t, other, installation{API: d.api, APIKey: deskKey})
	code, out = call(t, IO{Dir: other, Environ: []string{"HOGSEND_API_KEY=hsk_stale"}}, "mailbox")
	require.Equal(t, 1, code)
	require.Contains(t, out, "server answered 401: Unauthorized (HOGSEND_API_KEY of the shell is not the key of the hogsend dev that runs here; unset it)")
}

// O-48: commands that read the database find that of the dev, unless DATABASE_URL names one;
// what a shell has for another Temporal does not count there.
func TestTheDatabaseOfADevIsFound(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dir := t.TempDir()
	running(t, dir, installation{API: d.api, APIKey: deskKey, DatabaseURL: d.url, Temporal: "127.0.0.1:1", Secret: strings.Repeat("s", 32)})
	for _, args := range [][]string{{"journeys", "inflight", "x"}, {"plan"}, {"migrate", "--status"}, {"keys", "create", "--name", "x"}} {
		code, out := call(t, IO{Dir: dir}, args...)
		require.Equal(t, 0, code, out)
		code, out = call(t, IO{Dir: dir, Environ: []string{"DATABASE_URL=postgres://127.0.0.1:1/none?connect_timeout=1"}}, args...)
		require.Equal(t, 1, code, out)
		code, out = call(t, IO{}, args...)
		require.Equal(t, 1, code)
		require.Contains(t, out, "DATABASE_URL: is required")
	}
	code, out := call(t, IO{Dir: dir, Environ: []string{"DATABASE_URL=postgres://127.0.0.1:1/none"}}, "plan", "--data", ".hogsend")
	require.Equal(t, 0, code, out)
	// Not to be found out is 2, for the gate (T-30).
	code, out = call(t, IO{Dir: t.TempDir()}, "replay", "--data", "none")
	require.Equal(t, notPossible, code, out)

	environ := (&installation{API: "http://127.0.0.1:3100", Temporal: "127.0.0.1:7233"}).environ([]string{"TEMPORAL_API_KEY=x", "TEMPORAL_ADDRESS=prod:7233", "EMAIL_FROM=a@x.io"})
	require.Contains(t, environ, "EMAIL_FROM=a@x.io")
	require.Contains(t, environ, "PORT=3100")
	require.Contains(t, environ, "TEMPORAL_ADDRESS=127.0.0.1:7233")
	require.False(t, slices.Contains(environ, "TEMPORAL_API_KEY=x") || slices.Contains(environ, "TEMPORAL_ADDRESS=prod:7233"))
}

// O-49: whoever asks a lean binary for dev hears why it has none.
func TestALeanBinarySaysWhatItWasBuiltWithout(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]string{"dev": "Embedded", "standalone": "Embedded", "temporal": "Embedded", "vet": "Vet"} {
		code, out := call(t, IO{}, name, "--port", "1")
		require.Equal(t, 1, code)
		require.Contains(t, out, "hogsend: "+name+": this binary was built without "+without)
	}
	_, out := call(t, IO{}, "help")
	require.NotContains(t, out, "standalone", "it is not offered")
}

// O-49
func TestVariablesOfTheShellThatDevLeavesAloneAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		flags   devFlags
		want    string
	}{
		{environ: []string{"DATABASE_URL=", "HOME=/x"}},
		{environ: []string{"DATABASE_URL=postgres://shop", "TEMPORAL_ADDRESS=cluster:7233"}, want: `not used  DATABASE_URL, TEMPORAL_ADDRESS of the shell: dev has its own; --database-url "$DATABASE_URL" would use and migrate that database` + "\n"},
		{environ: []string{"DATABASE_URL=postgres://shop"}, flags: devFlags{databaseURL: "postgres://shop"}},
		{environ: []string{"TEMPORAL_API_KEY=k"}, want: "not used  TEMPORAL_API_KEY of the shell: dev has its own\n"},
	} {
		var out bytes.Buffer
		p := &program{IO: IO{Environ: c.environ, Stderr: &out}}
		p.tellOfIgnored(c.flags)
		require.Equal(t, c.want, out.String())
	}
}

// O-49: the example that dev prints enters somebody, whatever the registry.
func TestTheExampleIsAnEventThatTheRegistryListensTo(t *testing.T) {
	t.Parallel()
	journey := func(id string, trigger hogsend.Trigger) hogsend.Journey {
		return hogsend.Journey{ID: id, Trigger: trigger, EntryLimit: hogsend.Once, Run: nothing}
	}
	big := journey("big", hogsend.On("order.paid").Where(hogsend.Prop("amount").Gt(99.5), hogsend.Prop("plan").Eq("it's")))
	odd := journey("odd", hogsend.On("odd").Where(hogsend.Not(hogsend.Prop("x").Eq(1))))
	plain := journey("plain", hogsend.On("order.placed"))
	created := journey("created", hogsend.On("user.created"))
	asleep := journey("asleep", hogsend.On("user.created"))
	asleep.Disabled = true
	inner := journey("inner", hogsend.On("bucket:entered:vip"))
	for _, c := range []struct {
		journeys []hogsend.Journey
		want     string // the body; "" for none
	}{
		{},
		{journeys: []hogsend.Journey{inner, asleep}},
		{journeys: []hogsend.Journey{inner, odd, big, plain, created}, want: `{"name":"user.created","userId":"ada","email":"ada@example.com"}`},
		{journeys: []hogsend.Journey{odd, big, plain, asleep}, want: `{"name":"order.placed","userId":"ada","email":"ada@example.com"}`},
		{journeys: []hogsend.Journey{odd, big}, want: `{"name":"order.paid","userId":"ada","email":"ada@example.com","eventProperties":{"amount":100,"plan":"it's"}}`},
		{journeys: []hogsend.Journey{odd}, want: `{"name":"odd","userId":"ada","email":"ada@example.com"}`},
	} {
		event, ok := findExample(hogsend.Registry{Journeys: c.journeys}, "")
		require.Equal(t, c.want != "", ok)
		if ok {
			require.Equal(t, c.want, event.body())
		}
	}
	require.Equal(t, `'it'\''s'`, shellWord("it's"))
	event, ok := findExample(hogsend.Registry{Journeys: []hogsend.Journey{plain, created}}, "plain")
	require.True(t, ok)
	require.Equal(t, "order.placed", event.Name, "ENABLED_JOURNEYS leaves the other one out")
}
