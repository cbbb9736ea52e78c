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
		require.NoError(t, hogsend.Registry{Defaults: hogsend.Defaults{FrequencyCap: valid, OnBlocked: hogsend.Defer, MaxDefer: time.Hour}}.Validate())
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
		`defaults: OnBlocked: must be Skip or Defer`,
	}, "\n"), problems(hogsend.Defaults{
		FrequencyCap: hogsend.FrequencyCap{
			Count: -1, Window: -1, ExemptCategories: []string{"", "ok"},
			ByCategory: map[string]hogsend.CategoryCap{"news": {}, "no spaces": {Count: 1, Window: 1}},
		},
		OnBlocked: "later", MaxDefer: -1,
	}))
}
