package condition_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend/internal/condition"
)

func number(t require.TestingT, text string) condition.Number {
	n, ok := condition.ParseNumber(text)
	require.True(t, ok, text)
	return n
}

// C-4, C-27
func TestNumbersAreExactAndOrdered(t *testing.T) {
	t.Parallel()
	ordered := [][]string{ // what is on one line is equal
		{"-1e400", "-10e399"},
		{"-1234567890123456789"},
		{"-1234567890123456788"},
		{"-1.5", "-1.50", "-15e-1"},
		{"-1e-400"},
		{"0", "-0", "0.0", "0e5", "-0e-9"},
		{"1e-400"},
		{"0.3"},
		{"0.30000000000000004"},
		{"1", "1.0", "1e0", "10e-1", "0.1e1", "1E+0"},
		{"1.5"},
		{"999.999"},
		{"1e3", "1000", "1000.000"},
		{"1234567890123456700"},
		{"1234567890123456788"},
		{"1234567890123456789", "1234567890123456789.0", "1.234567890123456789e18"},
		{"1e400", "1" + strings.Repeat("0", 400)},
		{"1e401"},
		{"1e99999999999999999999"},
	}
	for i, line := range ordered {
		for _, a := range line {
			for j, other := range ordered {
				for _, b := range other {
					want := 0
					if i != j {
						want = 1
						if i < j {
							want = -1
						}
					}
					require.Equal(t, want, number(t, a).Compare(number(t, b)), "%s and %s", a, b)
					require.Equal(t, want == 0, number(t, a) == number(t, b), "%s and %s", a, b)
				}
			}
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1e--1", "1e+-1", "0x1", "1_0", "NaN", "Infinity", " 1", "1 ", "1e1.5", "١"} {
		_, ok := condition.ParseNumber(text)
		require.False(t, ok, "%q", text)
	}
}

// C-27
func TestTheCanonicalFormIsTheOneOfEncodingJSON(t *testing.T) {
	t.Parallel()
	same := func(t require.TestingT, f float64) {
		want, err := json.Marshal(f)
		require.NoError(t, err)
		n, ok := condition.NumberOf(f)
		require.True(t, ok)
		require.Equal(t, string(want), n.String())
		require.Equal(t, n, number(t, n.String()))
	}
	for _, f := range []float64{0, 1, -1, 0.1, 1e20, 1e21, 999999999999999999999, 123456789e13, 1e-6, 1e-7, 9.99e-7, 1.5e300, 5e-324, math.MaxFloat64, 1 << 53} {
		same(t, f)
		same(t, -f+0)
	}
	rapid.Check(t, func(t *rapid.T) {
		same(t, rapid.Float64().Filter(func(f float64) bool { return f != 0 && !math.IsInf(f, 0) && !math.IsNaN(f) }).Draw(t, "f"))
	})
	n, ok := condition.NumberOf(float32(0.1))
	require.True(t, ok)
	require.Equal(t, "0.1", n.String(), "the shortest decimal of its own type")
}

// C-4
func TestNumbersCompareAsRationalsDo(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if rapid.Bool().Draw(t, "alike") {
			b = a + "0"
			if !strings.Contains(a, ".") || strings.ContainsAny(a, "eE") {
				b = a
			}
		}
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		require.Equal(t, x.Cmp(y), number(t, a).Compare(number(t, b)), "%s and %s", a, b)
		back, _ := new(big.Rat).SetString(number(t, a).String())
		require.Zero(t, x.Cmp(back), a)
		i, ok := number(t, a).Int()
		require.Equal(t, x.IsInt() && x.Num().IsInt64(), ok, a)
		if ok {
			require.Equal(t, x.Num().Int64(), i)
		}
	})
}

// J-167: what an author may write for a number.
func TestGoNumbersMeanTheirShortestDecimal(t *testing.T) {
	t.Parallel()
	type id int64
	tenth := 0.1 // not a constant, which would be exact
	for _, tt := range []struct {
		value any
		want  string
	}{
		{id(1234567890123456789), "1234567890123456789"},
		{int64(math.MinInt64), "-9223372036854775808"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{json.Number("1.50"), "1.5"},
		{tenth + 0.2, "0.30000000000000004"},
		{int8(-3), "-3"},
	} {
		plain, ok := condition.PlainValue(tt.value)
		require.True(t, ok)
		require.Equal(t, json.Number(tt.want), plain)
	}
	for _, value := range []any{math.NaN(), math.Inf(1), math.Inf(-1), json.Number("x"), json.Number("1e1001"), json.Number("1e-1001"), json.Number(strings.Repeat("9", 1001)), nil, []int{1}, 1i} {
		_, ok := condition.PlainValue(value)
		require.False(t, ok, "%v", value)
	}
}
