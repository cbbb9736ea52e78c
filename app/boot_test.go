package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/config"
)

// O-39: what is told at the start, after ENABLED_JOURNEYS and ENABLED_BUCKETS, as a record and
// as a banner.
func TestBootReport(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := &process{
		cfg: config.Config{
			TemporalAddress: "localhost:7233", TemporalNamespace: "default", TemporalTaskQueue: "hogsend", EmailProvider: "resend", PublicURL: "https://mail.example.com",
			EnabledBuckets: "a,b,c",
		},
		log: slog.New(slog.NewJSONHandler(&log, nil)), build: "abc", enabled: []hogsend.Journey{{ID: "one"}},
		registry: hogsend.Registry{
			Journeys: []hogsend.Journey{{ID: "one"}, {ID: "off"}},
			Buckets: []hogsend.Bucket{
				{ID: "a", Reactions: []hogsend.Reaction{hogsend.OnEnter(nothing), hogsend.OnLeave(nothing)}},
				{ID: "b"},
				{ID: "c"},
				{ID: "off", Reactions: []hogsend.Reaction{hogsend.OnEnter(nothing)}},
			},
			Lists: []hogsend.List{{ID: "news"}}, Sources: []hogsend.Source{{ID: "crm"}}, Webhooks: []hogsend.Webhook{{ID: "a"}}, Destinations: []hogsend.Destination{{}},
		},
	}
	p.report("hogsend worker ready", "0001_core", []any{"identity", "w-1"})
	var record map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &record))
	delete(record, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "hogsend worker ready", "version": Version, "build_id": "abc", "temporal": "localhost:7233", "namespace": "default", "task_queue": "hogsend", "identity": "w-1",
		"journeys": 1.0, "buckets": 3.0, "reactions": 2.0, "templates": 0.0, "lists": 1.0, "sources": 1.0, "destinations": 2.0, "built_in_workflows": 7.0,
		"schema_engine": "0001_core", "schema_client": "none", "provider": "resend", "test_mode": "off", "public_url": "https://mail.example.com",
	}, record)

	log.Reset()
	var banner bytes.Buffer
	p.banner = &banner
	p.report("hogsend server ready", "0001_core", nil)
	require.Empty(t, log.String())
	require.Equal(t, "hogsend server ready · version "+Version+` · build abc
  1 journey · 3 buckets · 2 reactions · 0 templates · 1 list · 1 source · 2 destinations · 7 built-in workflows
  Temporal localhost:7233 · namespace default · task queue hogsend
  schema 0001_core · mail by resend · test mode off
  https://mail.example.com
`, banner.String())
}

// O-39: a pipe and a file are no terminal; who asks for JSON gets JSON.
func TestNobodyReadsAPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	require.False(t, onTerminal(w))
	require.False(t, onTerminal(&bytes.Buffer{}))
	require.True(t, asText(w, config.Config{LogFormat: "text"}))
	require.False(t, asText(w, config.Config{}))
	p := &program{}
	p.Stderr = &visible{out: w}
	require.Nil(t, p.bannerOf(config.Config{LogFormat: "text"}))
}
