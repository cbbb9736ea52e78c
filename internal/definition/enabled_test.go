package definition_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

func TestEnabledJourneys(t *testing.T) {
	t.Parallel() // J-11
	r := hogsend.Registry{Journeys: []hogsend.Journey{
		{ID: "a"},
		{ID: "b", Aliases: []string{"old-b"}},
	}}
	for _, tt := range []struct {
		list    string
		enabled []string
		unknown []string
	}{
		{"", []string{"a", "b"}, nil},
		{"  ", []string{"a", "b"}, nil},
		{"*", []string{"a", "b"}, nil},
		{" b ,,", []string{"b"}, nil},
		{"old-b", []string{"b"}, nil},
		{"a,zzz", []string{"a"}, []string{"zzz"}},
		{"zzz", nil, []string{"zzz"}},
	} {
		enabled, unknown := definition.EnabledJourneys(r, tt.list)
		var ids []string
		for _, j := range enabled {
			ids = append(ids, j.ID)
		}
		require.Equal(t, tt.enabled, ids, tt.list)
		require.Equal(t, tt.unknown, unknown, tt.list)
	}
}

func TestEnabledBuckets(t *testing.T) {
	t.Parallel() // B-3
	r := hogsend.Registry{Buckets: []hogsend.Bucket{{ID: "a"}, {ID: "b"}}}
	for _, tt := range []struct {
		list             string
		enabled, unknown []string
	}{
		{"", []string{"a", "b"}, nil},
		{"  ", []string{"a", "b"}, nil},
		{"*", []string{"a", "b"}, nil},
		{" b ,,", []string{"b"}, nil},
		{"a,zzz", []string{"a"}, []string{"zzz"}},
		{"zzz", nil, []string{"zzz"}},
	} {
		enabled, unknown := definition.EnabledBuckets(r, tt.list)
		var ids []string
		for _, b := range enabled {
			ids = append(ids, b.ID)
		}
		require.Equal(t, tt.enabled, ids, tt.list)
		require.Equal(t, tt.unknown, unknown, tt.list)
	}
}
