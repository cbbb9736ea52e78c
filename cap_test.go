package hogsend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

// E-21, J-1: what nothing or everything would reach is refused, all at once.
func TestEveryProblemOfACapIsReported(t *testing.T) {
	t.Parallel()
	for _, valid := range []hogsend.FrequencyCap{
		{},
		{Count: 1, Window: 1},
		{ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: time.Hour}}},
		{ExemptCategories: []string{}},
	} {
		require.NoError(t, hogsend.Registry{Defaults: hogsend.Defaults{FrequencyCap: valid, OnHold: hogsend.Defer, MaxDefer: time.Hour}}.Validate())
	}
	problems := func(d hogsend.Defaults) string {
		err := hogsend.Registry{Defaults: d}.Validate()
		require.Error(t, err)
		return err.Error()
	}
	require.Equal(t, "defaults: FrequencyCap.Count: must be at least 1", problems(hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{Window: time.Hour}}))
	require.Equal(t, "defaults: FrequencyCap.Window: must be positive", problems(hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{Count: 3}}))
	require.Equal(t, strings.Join([]string{
		`defaults: FrequencyCap.ByCategory.news.Count: must be at least 1`,
		`defaults: FrequencyCap.ByCategory.news.Window: must be positive`,
		`defaults: FrequencyCap.ByCategory: "no spaces" must match ^[A-Za-z0-9_-]{1,64}$`,
		`defaults: FrequencyCap.Count: must be at least 1`,
		`defaults: FrequencyCap.ExemptCategories: "" must match ^[A-Za-z0-9_-]{1,64}$`,
		`defaults: FrequencyCap.Window: must be positive`,
		`defaults: MaxDefer: must not be negative`,
		`defaults: OnHold: must be Skip or Defer`,
	}, "\n"), problems(hogsend.Defaults{
		FrequencyCap: hogsend.FrequencyCap{
			Count: -1, Window: -1, ExemptCategories: []string{"", "ok"},
			ByCategory: map[string]hogsend.CategoryCap{"news": {}, "no spaces": {Count: 1, Window: 1}},
		},
		OnHold: "later", MaxDefer: -1,
	}))
}

// E-16, E-23.
func TestTheCapOfACategory(t *testing.T) {
	t.Parallel()
	news := hogsend.CategoryCap{Count: 1, Window: time.Hour}
	c := hogsend.FrequencyCap{Count: 3, Window: 2 * time.Hour, ByCategory: map[string]hogsend.CategoryCap{"news": news, "transactional": news}}
	for _, tt := range []struct {
		category string
		limit    hogsend.CategoryCap
		own      bool
		exempt   []string
	}{
		{"journey", hogsend.CategoryCap{Count: 3, Window: 2 * time.Hour}, false, nil},
		{"", hogsend.CategoryCap{Count: 3, Window: 2 * time.Hour}, false, nil},
		{"news", news, true, nil},
		{"transactional", hogsend.CategoryCap{}, false, nil},
		{"transactional", news, true, []string{"news"}},
		{"news", hogsend.CategoryCap{}, false, []string{"news"}},
		{"transactional", news, true, []string{}},
	} {
		c.ExemptCategories = tt.exempt
		limit, own := c.Of(tt.category)
		require.Equal(t, tt.limit, limit, tt)
		require.Equal(t, tt.own, own, tt)
		require.Equal(t, tt.limit == hogsend.CategoryCap{}, c.Exempts(tt.category), tt)
	}
}

// J-9, O-32: caps are copied with the rest, and part of the digest.
func TestCapsAreCopiedAndDigested(t *testing.T) {
	t.Parallel()
	r := hogsend.Registry{Defaults: hogsend.Defaults{FrequencyCap: hogsend.FrequencyCap{
		ByCategory: map[string]hogsend.CategoryCap{"news": {Count: 1, Window: time.Hour}}, ExemptCategories: []string{"a"},
	}}}
	clone, digest := r.Clone(), r.Digest()
	r.Defaults.FrequencyCap.ByCategory["news"] = hogsend.CategoryCap{Count: 2, Window: time.Hour}
	r.Defaults.FrequencyCap.ExemptCategories[0] = "b"
	require.Equal(t, digest, clone.Digest())
	require.NotEqual(t, digest, r.Digest())
}
