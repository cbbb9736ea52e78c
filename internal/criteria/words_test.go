package criteria_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/criteria"
)

// Check 23 of Studio: criteria in words, exactly.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ tree, sentence string }{
		{`{"type":"property","property":"plan","operator":"eq","value":"pro"}`, `plan is "pro"`},
		{`{"type":"property","property":"seats","operator":"gte","value":10}`, `seats is at least 10`},
		{`{"type":"property","property":"tags","operator":"contains","value":"beta"}`, `tags contains "beta"`},
		{`{"type":"composite","operator":"and","conditions":[{"type":"property","property":"phone","operator":"exists"},{"type":"property","property":"vip","operator":"neq","value":true}]}`, `phone is known and vip is not true`},
		{`{"type":"event","eventName":"app.active","check":"exists"}`, `did app.active`},
		{`{"type":"composite","operator":"and","conditions":[{"type":"event","eventName":"app.active","check":"exists"},{"type":"event","eventName":"app.active","check":"not_exists","within":{"hours":168}}]}`, `did app.active and did not do app.active in the last 7 days`},
		{`{"type":"event","eventName":"app.active","check":"count","operator":"gte","value":10,"within":{"hours":168}}`, `did app.active at least 10 times in the last 7 days`},
		{`{"type":"composite","operator":"or","conditions":[{"type":"event","eventName":"a","check":"exists"},{"type":"composite","operator":"and","conditions":[{"type":"event","eventName":"b","check":"count","operator":"eq","value":1},{"type":"property","property":"plan","operator":"not_exists"}]}]}`, `did a or (did b exactly once and plan is not known)`},
		{`{"type":"event","eventName":"order.completed","check":"sum","property":"total","operator":"gt","value":500,"within":{"hours":720}}`, `the sum of total over order.completed in the last 30 days is more than 500`},
		{`{"type":"event","eventName":"page.viewed","check":"distinct","property":"path","operator":"gte","value":3}`, `the number of different path in page.viewed is at least 3`},
		{`{"type":"event","eventName":"order.completed","check":"exists","where":[{"type":"property","property":"total","operator":"gt","value":100},{"type":"property","property":"currency","operator":"eq","value":"EUR"}],"within":{"minutes":90}}`, `did order.completed (where total is more than 100 and currency is "EUR") in the last 90 minutes`},
		{`{"type":"composite","operator":"and","conditions":[{"type":"composite","operator":"not","conditions":[{"type":"email_engagement","templateKey":"welcome","check":"opened"}]},{"type":"event","eventName":"a","check":"exists"}]}`, `not: opened the newest mail "welcome" and did a`},
	} {
		tree, problems, err := criteria.UnmarshalTree([]byte(tt.tree))
		require.NoError(t, err)
		require.Empty(t, problems, tt.tree)
		require.Equal(t, tt.sentence, criteria.Words(tree).Sentence())
	}
}
