package definition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

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
		limit, own := definition.CapOf(c, tt.category)
		require.Equal(t, tt.limit, limit, tt)
		require.Equal(t, tt.own, own, tt)
		require.Equal(t, tt.limit == hogsend.CategoryCap{}, definition.Exempts(c, tt.category), tt)
	}
}
