package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/ingest"
)

// nested is an object of n levels.
func decodeBatch(data []byte) ([]*eventDecoder, []detail) {
	items, err := (&Server{}).decodeBatch(data)
	if err != nil {
		return nil, classify(err).details
	}
	return items, nil
}

// decodeEvent and the like are the decoders of the routes as functions of a body.
func decodeEvent(data []byte, header string) (ingest.Event, []detail) {
	d := (&Server{}).decodeEvent(data, header)
	return d.out, d.told
}

func decodeIngest(data []byte, header string) (ingest.Event, []detail) {
	d := (&Server{}).decodeIngest(data, header)
	return d.out, d.told
}

func nested(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }

func repeat(n int) string { return strings.Repeat("x", n) }

// told prints problems as "path: message".
func told(details []detail) []string {
	var out []string
	for _, d := range details {
		out = append(out, d.Path+": "+d.Message)
	}
	return out
}

// I-10, I-12, I-13, H-6: exactly the limit is accepted, as is what means absent or is unknown.
func TestDecodeEventAcceptsTheLimits(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"name":              `{"name":"` + repeat(200) + `","userId":"u"}`,
		"name in runes":     `{"name":"` + strings.Repeat("é", 200) + `","userId":"u"}`,
		"user id":           `{"name":"n","userId":"` + repeat(512) + `"}`,
		"anonymous id only": `{"name":"n","anonymousId":"` + repeat(512) + `"}`,
		"e-mail":            `{"name":"n","email":"` + repeat(64) + "@" + repeat(63) + "." + repeat(63) + "." + repeat(63) + "." + repeat(61) + `"}`,
		"key":               `{"name":"n","userId":"u","idempotencyKey":"` + repeat(255) + `"}`,
		"property key":      `{"name":"n","userId":"u","eventProperties":{"` + repeat(200) + `":1}}`,
		"property key of escapes": `{"name":"n","userId":"u","eventProperties":{"` +
			strings.Repeat(`\u00e9`, 200) + `":1}}`,
		"nested key":        `{"name":"n","userId":"u","eventProperties":{"a":{"` + repeat(201) + `":1,"":2}}}`,
		"nesting":           `{"name":"n","userId":"u","eventProperties":` + nested(32) + `}`,
		"contact nesting":   `{"name":"n","userId":"u","contactProperties":` + nested(32) + `}`,
		"largest number":    `{"name":"n","userId":"u","eventProperties":{"a":1e39,"b":-9999999999999999999999999999999999999999,"c":1e-39,"d":0.1e40}}`,
		"large integer":     `{"name":"n","userId":"u","eventProperties":{"a":123456789012345678901234567890}}`,
		"small number":      `{"name":"n","userId":"u","eventProperties":{"a":1e-39}}`,
		"absent by null":    `{"name":"n","userId":"u","email":null,"anonymousId":null,"eventProperties":null,"contactProperties":null,"value":null,"currency":null,"lists":null,"timestamp":null,"idempotencyKey":null}`,
		"absent by \"\"":    `{"name":"n","userId":"u","email":"","anonymousId":"","value":"","currency":"","timestamp":"","idempotencyKey":""}`,
		"unknown fields":    `{"name":"n","userId":"u","x":{"y":[1,{"z":null}]},"Name":7}`,
		"last one counts":   `{"name":7,"name":"n","userId":"u","eventProperties":[],"eventProperties":{}}`,
		"surrogate pair":    `{"name":"n","userId":"\ud83d\ude00"}`,
		"empty lists":       `{"name":"n","userId":"u","lists":{}}`,
		"white space":       " {\n\t\"name\" : \"n\" , \"userId\" : \"u\" }\r\n",
		"offset":            `{"name":"n","userId":"u","timestamp":"2020-01-01T01:00:00.123456789+01:00"}`,
		"not reserved":      `{"name":"bucket","userId":"u"}`,
		"not reserved case": `{"name":"Email.x","userId":"u"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := decodeEvent([]byte(body), "")
			require.Empty(t, told(problems))
		})
	}
}

// I-10 to I-14: each breach is one entry with its path.
func TestDecodeEventTellsEveryProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"no object":        {`[]`, []string{": must be an object"}},
		"null":             {`null`, []string{": must be an object"}},
		"nothing":          {``, []string{": malformed JSON at byte 0"}},
		"cut":              {`{"name":"n"`, []string{": malformed JSON at byte 11"}},
		"trailing":         {`{} {}`, []string{": malformed JSON at byte 3"}},
		"trailing comma":   {`{"name":"n",}`, []string{": malformed JSON at byte 12"}},
		"leading zero":     {`{"a":01}`, []string{": malformed JSON at byte 6"}},
		"lone minus":       {`{"a":-}`, []string{": malformed JSON at byte 6"}},
		"raw control":      {"{\"a\":\"\x00\"}", []string{": malformed JSON at byte 6"}},
		"bad escape":       {`{"a":"\x"}`, []string{": malformed JSON at byte 6"}},
		"mismatch":         {`{"a":[}`, []string{": malformed JSON at byte 6"}},
		"name missing":     {`{"userId":"u"}`, []string{"name: must not be empty"}},
		"name blank":       {`{"name":" \t","userId":"u"}`, []string{"name: must not be empty"}},
		"name long":        {`{"name":"` + repeat(201) + `","userId":"u"}`, []string{"name: must have at most 200 characters"}},
		"reserved":         {`{"name":"bucket:x","userId":"u"}`, []string{"name: Reserved event name"}},
		"nobody":           {`{"name":"n"}`, []string{"userId: email or userId required"}},
		"user long":        {`{"name":"n","userId":"` + repeat(513) + `"}`, []string{"userId: must have at most 512 characters"}},
		"user of a number": {`{"name":"n","userId":7}`, []string{"userId: must be a string"}},
		"key long":         {`{"name":"n","userId":"u","idempotencyKey":"` + repeat(256) + `"}`, []string{"idempotencyKey: must have at most 255 characters"}},
		"e-mail":           {`{"name":"n","email":"nobody"}`, []string{"email: must be an e-mail address"}},
		"properties list":  {`{"name":"n","userId":"u","eventProperties":[1]}`, []string{"eventProperties: must be an object"}},
		"properties text":  {`{"name":"n","userId":"u","contactProperties":""}`, []string{"contactProperties: must be an object"}},
		"key empty":        {`{"name":"n","userId":"u","eventProperties":{"":1}}`, []string{"eventProperties.: key must have 1 to 200 characters"}},
		"key of 201":       {`{"name":"n","userId":"u","contactProperties":{"` + repeat(201) + `":1}}`, []string{"contactProperties." + repeat(200) + ": key must have 1 to 200 characters"}},
		"deep":             {`{"name":"n","userId":"u","eventProperties":{"a":[` + nested(31) + `]}}`, []string{"eventProperties.a.0" + strings.Repeat(".a", 30) + ": must not be nested deeper than 32"}},
		"deep unknown":     {`{"name":"n","userId":"u","x":` + nested(33) + `}`, []string{"x" + strings.Repeat(".a", 32) + ": must not be nested deeper than 32"}},
		"NUL":              {`{"name":"n","userId":"u\u0000"}`, []string{"userId: must not contain U+0000"}},
		"NUL inside":       {`{"name":"n","userId":"u","eventProperties":{"a":[1,{"b":"\u0000"}]}}`, []string{"eventProperties.a.1.b: must not contain U+0000"}},
		"NUL unknown":      {`{"name":"n","userId":"u","x":"\u0000"}`, []string{"x: must not contain U+0000"}},
		"UTF-8":            {"{\"name\":\"n\",\"userId\":\"u\",\"eventProperties\":{\"a\":\"\xff\"}}", []string{"eventProperties.a: must be valid Unicode text"}},
		"half a pair":      {`{"name":"n","userId":"u","eventProperties":{"a":"\ud83d"}}`, []string{"eventProperties.a: must be valid Unicode text"}},
		"large number":     {`{"name":"n","userId":"u","eventProperties":{"a":-1.8e309}}`, []string{"eventProperties.a: must have at most 40 digits, written out"}},
		"many digits":      {`{"name":"n","userId":"u","eventProperties":{"a":` + strings.Repeat("9", 310) + `}}`, []string{"eventProperties.a: must have at most 40 digits, written out"}},
		"tiny number":      {`{"name":"n","userId":"u","eventProperties":{"a":1e-20000}}`, []string{"eventProperties.a: must have at most 40 digits, written out"}},
		"value":            {`{"name":"n","userId":"u","value":"7"}`, []string{"value: must be a number"}},
		"currency":         {`{"name":"n","userId":"u","currency":"EURO"}`, []string{"currency: must be 3 letters"}},
		"lists":            {`{"name":"n","userId":"u","lists":{"news":true}}`, []string{"lists.news: unknown list"}},
		"time":             {`{"name":"n","userId":"u","timestamp":"2020-01-01 00:00:00Z"}`, []string{"timestamp: must be an RFC 3339 time with Z or offset"}},
		"time before 1970": {`{"name":"n","userId":"u","timestamp":"1969-12-31T23:59:59Z"}`, []string{"timestamp: must not be before 1970-01-01T00:00:00Z"}},
		"time of a number": {`{"name":"n","userId":"u","timestamp":7}`, []string{"timestamp: must be a string"}},
		"several": {
			`{"name":"","userId":true,"value":[],"eventProperties":{"a":"\u0000","b":1e999}}`,
			[]string{"eventProperties.a: must not contain U+0000", "eventProperties.b: must have at most 40 digits, written out", "name: must not be empty", "userId: must be a string", "value: must be a number"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := decodeEvent([]byte(c.body), "")
			require.Equal(t, c.want, told(problems))
		})
	}
}

// I-10, I-39: what is decoded.
func TestDecodeEventKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	event, problems := decodeEvent([]byte(`{"name":"order.\u0063ompleted","userId":" u ","email":" Ada@X.io ","anonymousId":"a",
		"eventProperties":{"id":12345678901234567890, "x":null},"contactProperties":{"plan":"pro","old":null,"plan":"free","tags":[1]},
		"value":12.5,"currency":"eur","timestamp":"2020-01-01T01:00:00.123456789+01:00","idempotencyKey":"k"}`), "")
	require.Empty(t, told(problems))
	value, at := 12.5, time.Date(2020, 1, 1, 0, 0, 0, 123456000, time.UTC)
	require.Equal(t, ingest.Event{
		Name: "order.completed", UserID: " u ", Email: "Ada@X.io", AnonymousID: "a",
		Properties: json.RawMessage(`{"id":12345678901234567890, "x":null}`),
		ContactProperties: map[string]json.RawMessage{
			"plan": json.RawMessage(`"free"`), "old": json.RawMessage("null"), "tags": json.RawMessage("[1]"),
		},
		Value: &value, Currency: "EUR", Timestamp: &at, Key: "k",
	}, event)
}

// H-11: the header wins, whatever the body says.
func TestDecodeEventPrefersTheHeader(t *testing.T) {
	t.Parallel()
	event, problems := decodeEvent([]byte(`{"name":"n","userId":"u","idempotencyKey":"`+repeat(256)+`"}`), "header")
	require.Empty(t, told(problems))
	require.Equal(t, "header", event.Key)
	_, problems = decodeEvent([]byte(`{"name":"n","userId":"u"}`), repeat(256))
	require.Equal(t, []string{"idempotencyKey: must have at most 255 characters"}, told(problems))
	_, problems = decodeEvent([]byte(`{"name":"n","userId":"u"}`), "\xff")
	require.Equal(t, []string{"idempotencyKey: must be valid Unicode text"}, told(problems))
}

// I-33, I-34: what /v1/ingest merges into the contact.
func TestDecodeIngestMerges(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"event":"n","userId":"u","properties":{"plan":"pro","tags":["a"],"old":null,"n":1,"b":true,"o":{}}}`: {"b", "n", "old", "plan"},
		`{"event":"n","userId":"u","properties":{"a":1,"a":[]}}`:                                               nil,
		`{"event":"n","userId":"u","properties":{"a":1},"contactProperties":{"tags":[]}}`:                      {"tags"},
		`{"event":"n","userId":"u","properties":{"a":1},"contactProperties":{}}`:                               nil,
		`{"event":"n","userId":"u","properties":{"a":1},"contactProperties":null}`:                             {"a"},
		`{"event":"n","userId":"u"}`: nil,
	} {
		event, problems := decodeIngest([]byte(body), "")
		require.Empty(t, told(problems), body)
		require.Equal(t, want, slices.Sorted(maps.Keys(event.ContactProperties)), body)
	}
}

// its own names, and userId is required.
func TestDecodeIngestTellsProblemsByItsNames(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"event":"","userId":"u","userEmail":"x","properties":{"":1}}`: {"event: must not be empty", "properties.: key must have 1 to 200 characters"},
		`{"event":"n","userId":"undefined","userEmail":"a@b.io"}`:       {`userId: junk_id: "undefined" is no id of a person`}, // I-57
		`{"event":"n"}`:                           {"userId: must not be empty"},
		`{"event":"n","userEmail":"a@b.io"}`:      {"userId: must not be empty"},
		`{"name":"n","userId":"u"}`:               {"event: must not be empty"},
		`{"event":"hogsend:x","userId":"u"}`:      {"event: Reserved event name"},
		`{"event":"n","userId":"u","value":"no"}`: nil, // unknown here
	} {
		_, problems := decodeIngest([]byte(body), "")
		require.Equal(t, want, told(problems), body)
	}
}

// I-16, I-13: the envelope, and items that fail alone.
func TestDecodeBatch(t *testing.T) {
	t.Parallel()
	const good = `{"name":"n","userId":"u"}`
	list := func(n int) string { return `{"events":[` + good + strings.Repeat(","+good, n-1) + `]}` }
	items, problems := decodeBatch([]byte(list(1000)))
	require.Empty(t, problems)
	require.Len(t, items, 1000)
	for body, want := range map[string]string{
		list(1001):                     "events: must have 1 to 1000 items",
		`{"events":[]}`:                "events: must have 1 to 1000 items",
		`{"events":{}}`:                "events: must be an array of 1 to 1000 items",
		`{}`:                           "events: must be an array of 1 to 1000 items",
		`[` + good + `]`:               ": must be an object",
		`{"events":[` + good + `}`:     ": malformed JSON at byte 36",
		`{"events":[` + good + `],"a"`: ": malformed JSON at byte 41",
	} {
		_, problems := decodeBatch([]byte(body))
		require.Equal(t, []string{want}, told(problems))
	}
	pad := func(n int) string {
		const head, tail = `{"name":"n","userId":"u","eventProperties":{"a":"`, `"}}`
		return head + repeat(n-len(head)-len(tail)) + tail
	}
	items, problems = decodeBatch([]byte(`{"x":1,"events":[7],"events":[` + strings.Join([]string{
		good, `{"name":"","userId":"u"}`, `7`, pad(maxItemSize), pad(maxItemSize + 1), `{"name":"n","userId":"u","contactProperties":{"a":"\u0000"}}`,
	}, ",") + `]}`))
	require.Empty(t, problems)
	var got [][]string
	for _, it := range items {
		got = append(got, told(it.told))
	}
	require.Equal(t, [][]string{
		nil,
		{"events.1.name: must not be empty"},
		{"events.2: must be an object"},
		nil,
		{"events.4: must not be larger than 1 MiB"},
		{"events.5.contactProperties.a: must not contain U+0000"},
	}, got)
}

// A body of nothing but brackets costs no more than its size.
func TestDecodeEventOfBrackets(t *testing.T) {
	t.Parallel()
	n := maxBody / 2
	_, problems := decodeEvent([]byte(`{"eventProperties":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}`), "")
	require.Contains(t, told(problems), "eventProperties: must be an object")
	_, problems = decodeEvent([]byte(`{"x":`+strings.Repeat(`{"a":`, n/3)+"1"+strings.Repeat("}", n/3)+`}`), "")
	require.Contains(t, strings.Join(told(problems), " "), "must not be nested deeper than 32")
}

var seeds = []string{
	`{"name":"n","userId":"u","eventProperties":{"a":[1,2.5e3,{"b":null}],"é":"\u00e9\ud83d\ude00"},"contactProperties":{"x":true},"value":1,"currency":"eur","timestamp":"2020-01-01T00:00:00Z"}`,
	`{"event":"n","userId":"u","properties":{"a":1}}`, `{"name":"\u0000"}`, `{"name":1e999}`, "{\"a\":\"\xff\"}", `[]`, `{`, ``,
}

// FuzzDecodeEvent: no body panics, what is accepted is sound, and the scanner has encoding/json's
// idea of what is JSON.
func FuzzDecodeEvent(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newScanner(data)
		_, err := s.skip()
		if err == nil {
			err = s.end()
		}
		require.Equal(t, json.Valid(data), err == nil, "scanner and encoding/json disagree")
		for _, decode := range []func([]byte, string) (ingest.Event, []detail){decodeEvent, decodeIngest} {
			if event, problems := decode(data, ""); len(problems) == 0 {
				requireSound(t, &event)
			} else if _, err := json.Marshal(problems); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(fmt.Sprintf(`{"events":[%s,%s]}`, seed, seeds[0])))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		items, problems := decodeBatch(data)
		require.True(t, len(problems) > 0 || len(items) >= 1 && len(items) <= 1000)
		for i := range items {
			if len(items[i].told) == 0 {
				requireSound(t, &items[i].out)
			}
			for _, d := range items[i].told {
				require.True(t, strings.HasPrefix(d.Path, fmt.Sprintf("events.%d", i)), d.Path)
			}
		}
	})
}

// requireSound says that an accepted event is valid and can be written out again.
func requireSound(t *testing.T, event *ingest.Event) {
	t.Helper()
	require.Empty(t, ingest.Validate(event))
	require.True(t, event.Properties == nil || json.Valid(event.Properties))
	_, err := json.Marshal(event)
	require.NoError(t, err)
}

func BenchmarkDecodeEvent(b *testing.B) {
	body := []byte(`{"name":"order.completed","userId":"user_123","email":"ada@example.com","eventProperties":{"amount":129.95,"currency":"EUR","items":[{"sku":"A-1","qty":2},{"sku":"B-7","qty":1}],"first":true},"contactProperties":{"plan":"pro"},"idempotencyKey":"0b9c3f5e-6d1a-4c4e-9f63-0d1c5a6f2b11"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := decodeEvent(body, ""); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
