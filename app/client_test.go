package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// batchServer answers the batch route by a script of status codes, then 202; lost
// closes the connection instead.
type batchServer struct {
	sync.Mutex
	statuses []int
	bodies   []string
}

const lost = -1

func (s *batchServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	var body struct{ Events []json.RawMessage }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	raw, _ := json.Marshal(body.Events) //nolint:errchkjson // decoded a moment ago
	s.bodies = append(s.bodies, string(raw))
	if len(s.statuses) > 0 {
		status := s.statuses[0]
		s.statuses = s.statuses[1:]
		if status == lost {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		w.Write([]byte(`{"error": "not now", "details": [{"path": "events", "message": "no"}]}`))
		return
	}
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted": %d}`, len(body.Events))
}

// sendLines runs `events send --file` on the lines and returns what it printed and
// the pauses it made.
func sendLines(t *testing.T, s *batchServer, size int, lines ...string) (string, []time.Duration, error) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	var pauses []time.Duration
	c := &apiClient{base: server.URL, key: "k", http: server.Client(), pause: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	var out bytes.Buffer
	p := &program{IO: IO{Stdout: &out, Stderr: &out}}
	err := p.sendFile(t.Context(), c, file, size, false)
	return out.String(), pauses, err
}

func TestAFileIsSentInOrderAndInBatches(t *testing.T) {
	t.Parallel()
	s := &batchServer{}
	out, _, err := sendLines(t, s, 2, `{"name":"a","idempotencyKey":"1"}`, ``, `{"name":"b","idempotencyKey":"2"}`, `{"name":"c","idempotencyKey":"3"}`)
	require.NoError(t, err)
	require.Equal(t, "accepted 3, duplicates 0, rejected 0\n", out)
	require.Len(t, s.bodies, 2)
	require.JSONEq(t, `[{"name":"a","idempotencyKey":"1"},{"name":"b","idempotencyKey":"2"}]`, s.bodies[0])
	require.JSONEq(t, `[{"name":"c","idempotencyKey":"3"}]`, s.bodies[1])
}

func TestARequestTheServerCouldNotTakeIsRepeatedUnderTheSameKeys(t *testing.T) {
	t.Parallel()
	s := &batchServer{statuses: []int{503, 429, 500}}
	_, pauses, err := sendLines(t, s, 10, `{"name":"a"}`)
	require.NoError(t, err)
	require.Len(t, s.bodies, 4)
	for _, body := range s.bodies[1:] {
		require.Equal(t, s.bodies[0], body)
	}
	require.Contains(t, s.bodies[0], "idempotencyKey")
	require.Equal(t, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}, pauses)
}

// A connection that ends without an answer, as an idle one does that the server closes
// just then, is no failure: the server may or may not have the events.
func TestALostConnectionIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := &batchServer{statuses: []int{lost, lost}}
	out, pauses, err := sendLines(t, s, 10, `{"name":"a"}`)
	require.NoError(t, err)
	require.Equal(t, "accepted 1, duplicates 0, rejected 0\n", out)
	require.Equal(t, []string{s.bodies[0], s.bodies[0]}, s.bodies[1:])
	require.Len(t, pauses, 2)
	_, _, err = sendLines(t, &batchServer{statuses: slices.Repeat([]int{lost}, maxTries)}, 10, `{"name":"a"}`)
	require.Regexp(t, `^lines 1 to 1: reach server: Post "http://127.0.0.1:\d+/v1/events/batch": EOF$`, err.Error(), "it says what was asked of whom")
}

func TestARefusedRequestIsNotRepeatedAndNamesItsLines(t *testing.T) {
	t.Parallel()
	s := &batchServer{statuses: []int{401}}
	_, pauses, err := sendLines(t, s, 10, `{"name":"a"}`, `{"name":"b"}`)
	require.Regexp(t, `^lines 1 to 2: POST http://127.0.0.1:\d+/v1/events/batch: server answered 401: not now\n  events: no$`, err.Error())
	require.Empty(t, pauses)
}

func TestALineThatIsNoObjectStopsBeforeIt(t *testing.T) {
	t.Parallel()
	s := &batchServer{}
	_, _, err := sendLines(t, s, 1, `{"name":"a"}`, `null`)
	require.EqualError(t, err, "line 2: not a JSON object; 1 items before it were accepted")
	require.Len(t, s.bodies, 1)
}

func TestPropertiesAreJSONOrText(t *testing.T) {
	t.Parallel()
	got, err := parseProperties([]string{"n=1", "b=true", "s=hello world", "q=\"1\"", "e="})
	require.NoError(t, err)
	require.Equal(t, map[string]json.RawMessage{
		"n": json.RawMessage("1"), "b": json.RawMessage("true"), "s": json.RawMessage(`"hello world"`),
		"q": json.RawMessage(`"1"`), "e": json.RawMessage(`""`),
	}, got)
	_, err = parseProperties([]string{"novalue"})
	require.Error(t, err)
}

func TestTheDataFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	first, err := openData(dir, false)
	require.NoError(t, err)
	kept, err := first.keep("secret", func() string { return "one" })
	require.NoError(t, err)
	require.Equal(t, "one", kept)

	_, err = openData(dir, false)
	require.ErrorContains(t, err, "another hogsend dev is using")
	require.NoError(t, first.close())

	second, err := openData(dir, false)
	require.NoError(t, err)
	kept, err = second.keep("secret", func() string { return "two" })
	require.NoError(t, err)
	require.Equal(t, "one", kept, "what was made once is kept")
	require.NoError(t, second.close())

	third, err := openData(dir, true)
	require.NoError(t, err)
	kept, err = third.keep("secret", func() string { return "three" })
	require.NoError(t, err)
	require.Equal(t, "three", kept, "a reset forgets it")
	require.NoError(t, third.close())
}

func TestResetTouchesNoFolderOfSomebodyElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("x"), 0o600))
	_, err := openData(dir, true)
	require.ErrorContains(t, err, "not a folder of hogsend dev")
	require.FileExists(t, precious)
}
