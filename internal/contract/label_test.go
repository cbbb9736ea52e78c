package contract_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

func TestLabelsThatNobodyChoseFit(t *testing.T) { // J-169
	t.Parallel()
	fits := strings.Repeat("ü", contract.MaxLabel)
	require.Equal(t, fits, contract.Fit(fits))
	long := contract.Fit("wait-event:" + fits)
	require.Equal(t, 200, utf8.RuneCountInString(long))
	require.Regexp(t, `^wait-event:ü{172}~[0-9a-f]{16}$`, long)
	require.NotEqual(t, long, contract.Fit("wait-event:"+fits+"!"), "what is cut still counts")
	require.Equal(t, long, contract.Fit(long), "once is enough")

	for _, node := range []string{
		contract.SendNode(fits), contract.DeferredNode(contract.SendRequest{Template: fits, Step: contract.Step{Node: contract.SendNode(fits)}}),
		contract.DeferredNode(contract.SendRequest{Template: "x", Step: contract.Step{Node: fits}}),
	} {
		require.Equal(t, 200, utf8.RuneCountInString(node), node)
	}
	require.Equal(t, "defer:hello", contract.DeferredNode(contract.SendRequest{Template: "hello", Step: contract.Step{Node: contract.SendNode("hello")}}))
	require.Equal(t, strings.Repeat("€", 133), contract.Summary(strings.Repeat("€", 200)), "400 bytes, and no half character")
}
