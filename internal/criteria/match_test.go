package criteria_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
)

func values(t *testing.T, raw string) criteria.Values {
	t.Helper()
	v, err := criteria.ParseValues(json.RawMessage(raw))
	require.NoError(t, err)
	return v
}

// truth is the table of C-3: values of the property p for which a condition holds and
// fails; "" means that p is missing.
func truth() []struct {
	condition    hogsend.Condition
	holds, fails []string
} {
	p := hogsend.Prop("p")
	return []struct {
		condition    hogsend.Condition
		holds, fails []string
	}{
		{p.Eq(1), []string{`1`, `1.0`, `1e0`}, []string{`"1"`, `true`, ``, `null`, `[1]`, `{"a":1}`, `2`}},
		{p.Eq("a"), []string{`"a"`}, []string{`"A"`, `" a"`, `1`, ``, `null`, `["a"]`}},
		{p.Eq(true), []string{`true`}, []string{`"true"`, `1`, `false`, ``}},
		{p.Eq(0), []string{`0`, `-0`}, []string{`false`, `""`, ``}},
		{p.Neq(1), []string{`2`, `"1"`, ``, `null`, `[1]`, `{}`}, []string{`1`, `1.0`}},
		{p.Neq("vip"), []string{`["vip", "beta"]`}, []string{`"vip"`}},
		{p.Gt(9), []string{`10`, `9.5`}, []string{`9`, `"10"`, ``, `null`, `true`}},
		{p.Gte(9), []string{`9`, `10`}, []string{`8.999`, `"9"`, ``}},
		{p.Lt(9), []string{`8`, `-1`}, []string{`9`, `"1"`, ``, `null`}},
		{p.Lte(9), []string{`9`, `8`}, []string{`10`, `"9"`, ``}},
		{p.Contains("b"), []string{`"abc"`, `"b"`, `["a","b"]`}, []string{`"ABC"`, `["bc"]`, `[["b"]]`, `{"b":"b"}`, `1`, ``, `null`}},
		{p.Contains(""), []string{`""`, `"x"`, `[""]`}, []string{`1`, ``, `["x"]`, `[]`}},
		{p.Contains(1), []string{`[1]`, `["1",1.0]`, `[1e0]`}, []string{`["1"]`, `1`, `[[1]]`, `"1"`, ``, `[true]`}},
		{p.Contains(int64(9007199254740993)), []string{`[9007199254740993]`}, []string{`[9007199254740992]`}},
		{p.Contains(true), []string{`[false,true]`}, []string{`["true"]`, `true`, `[1]`, `"true"`}},
		{p.Exists(), []string{`""`, `0`, `false`, `"x"`, `[]`, `{}`}, []string{``, `null`}},
		{p.NotExists(), []string{``, `null`}, []string{`""`, `0`, `false`, `[1]`, `{"a":1}`}},
	}
}

// object is the properties with that value of p.
func object(value string) string {
	if value == "" {
		return `{}`
	}
	return `{"p":` + value + `}`
}

func TestTheTruthTableOfPropertyOperators(t *testing.T) {
	t.Parallel() // J-19, C-3, C-4
	for _, tt := range truth() {
		for want, list := range map[bool][]string{true: tt.holds, false: tt.fails} {
			for _, value := range list {
				require.Equal(t, want, criteria.Match([]hogsend.Condition{tt.condition}, values(t, object(value))), "%v on %s", tt.condition, value)
			}
		}
	}
}

func TestKeysAreFlat(t *testing.T) {
	t.Parallel() // C-2
	require.True(t, criteria.Match([]hogsend.Condition{hogsend.Prop("a.b").Eq(1)}, values(t, `{"a.b": 1}`)))
	require.False(t, criteria.Match([]hogsend.Condition{hogsend.Prop("a.b").Exists()}, values(t, `{"a": {"b": 1}}`)))
}

func TestNoStoredValueMakesAnEvaluationFail(t *testing.T) {
	t.Parallel() // C-17
	v := values(t, `{ "huge" : 1e999 , "small":-1e999,"tiny": 1e-999
		,"id":9007199254740993, "s": "\ud83d" , "o" : { "p" : 1 } }`)
	for _, c := range []hogsend.Condition{
		hogsend.Prop("huge").Gt(1e308), hogsend.Prop("huge").Neq(1), hogsend.Prop("huge").Exists(),
		hogsend.Prop("small").Lt(-1e308), hogsend.Prop("tiny").Lt(1), hogsend.Prop("tiny").Gte(0),
		hogsend.Prop("id").Eq(int64(9007199254740993)), hogsend.Prop("s").Exists(), hogsend.Prop("o").Exists(),
	} {
		require.True(t, criteria.Match([]hogsend.Condition{c}, v), "%+v", c)
	}
	require.Empty(t, values(t, ``))
	for _, raw := range []string{`1`, `[]`, `"x"`, `{`} {
		_, err := criteria.ParseValues(json.RawMessage(raw))
		require.Error(t, err, raw)
	}
}

func TestListsAndComposites(t *testing.T) {
	t.Parallel() // C-5, C-12
	yes, no := hogsend.Prop("p").Exists(), hogsend.Prop("p").NotExists()
	not := func(c ...hogsend.Condition) hogsend.Condition {
		return condition.Composite{Operator: condition.Not, Conditions: c}
	}
	v := values(t, `{"p": 1}`)
	for want, conditions := range map[bool][]hogsend.Condition{
		true:  {hogsend.All(), hogsend.All(yes, yes), hogsend.Any(no, yes), not(no), hogsend.Any(hogsend.All(no), not(no))},
		false: {hogsend.Any(), hogsend.All(yes, no), hogsend.Any(no, no), not(yes), not(), not(no, no)},
	} {
		for _, c := range conditions {
			require.Equal(t, want, criteria.Match([]hogsend.Condition{c}, v), "%+v", c)
		}
	}
	require.True(t, criteria.Match(nil, v), "an empty list is true")
	require.False(t, criteria.Match([]hogsend.Condition{yes, no}, v), "a list is an and")
	require.Equal(t, []hogsend.Condition{no}, criteria.Failed([]hogsend.Condition{yes, no}, v)) // J-38
}

func TestTheJSONFormHasExactlyTheKeysItNeeds(t *testing.T) {
	t.Parallel() // C-19, C-20
	raw, err := criteria.Marshal([]hogsend.Condition{
		hogsend.Prop("plan").Eq("pro"),
		hogsend.Any(hogsend.Prop("n").Gte(10), hogsend.Prop("x").Exists()),
	})
	require.NoError(t, err)
	require.JSONEq(t, `[{"type":"property","property":"plan","operator":"eq","value":"pro"},
		{"type":"composite","operator":"or","conditions":[
			{"type":"property","property":"n","operator":"gte","value":10},
			{"type":"property","property":"x","operator":"exists"}]}]`, string(raw))
	empty, err := criteria.Marshal(nil)
	require.NoError(t, err)
	require.Equal(t, `[]`, string(empty))
}

func TestUnmarshalIsStrict(t *testing.T) {
	t.Parallel() // C-18
	for _, raw := range []string{
		``, `{}`, `[1]`, `[{"type":"property"}]`, `[{"type":"property","property":"p","operator":"eq"}]`,
		`[{"type":"property","property":"p","operator":"eq","value":1,"whitin":2}]`,
		`[{"type":"property","property":"p","operator":"gt","value":"9"}]`,
		`[{"type":"property","property":"p","operator":"exists","value":1}]`,
		`[{"type":"property","property":"p","operator":"exists","value":null}]`,
		`[{"type":"property","property":"p","operator":"eq","value":[1]}]`,
		`[{"type":"property","property":"p","operator":"eq","value":1e1001}]`,
		`[{"type":"property","property":"p","operator":"exists","conditions":[]}]`,
		`[{"type":"composite","operator":"and"}]`, `[{"type":"composite","operator":"and","conditions":null}]`,
		`[{"type":"composite","operator":"and","conditions":[],"value":1}]`, `[null]`,
		`[{"type":"property","property":"","operator":"exists"}]`,
		`[{"type":"composite","operator":"not","conditions":[]}]`,
		`[{"type":"composite","operator":"xor","conditions":[]}]`,
		`[{"type":"event","eventName":"x","check":"exists"}]`, `[] []`,
	} {
		_, err := criteria.Unmarshal(json.RawMessage(raw))
		require.Error(t, err, raw)
	}
	_, err := criteria.Unmarshal(json.RawMessage(`[{"type":"property","property":"","operator":"like"},
		{"type":"composite","operator":"or","conditions":[{"type":"property","property":"p","operator":"gt","value":"9"}]}]`))
	for _, path := range []string{"0.property: ", "0.operator: ", "1.conditions.0.value: "} {
		require.ErrorContains(t, err, path, "all problems together")
	}
}

func TestTheHashSeesMeaningNotSpelling(t *testing.T) {
	t.Parallel() // C-21
	hash := func(c ...hogsend.Condition) string {
		h, err := criteria.Hash(c)
		require.NoError(t, err)
		return h
	}
	type plan string
	p := hogsend.Prop("p")
	require.Equal(t, hash(p.Eq(1)), hash(p.Eq(1.0)))
	require.Equal(t, hash(p.Eq(uint8(0))), hash(p.Eq(math.Copysign(0, -1)))) // C-4
	require.Equal(t, hash(p.Eq("pro")), hash(p.Eq(plan("pro"))))
	require.NotEqual(t, hash(p.Eq(1)), hash(p.Eq("1")))
	require.NotEqual(t, hash(p.Eq(1), p.Exists()), hash(p.Exists(), p.Eq(1)))
	require.Equal(t, "d31937a32bc15160", hash(p.Eq(1))[:16], "the same on every machine")
}

// genCondition draws a valid tree over a few properties.
func genCondition(depth int) *rapid.Generator[hogsend.Condition] {
	return rapid.Custom(func(t *rapid.T) hogsend.Condition {
		if depth > 0 && rapid.IntRange(0, 2).Draw(t, "composite") == 0 {
			op := rapid.SampledFrom([]condition.Join{condition.And, condition.Or, condition.Not}).Draw(t, "op")
			n := 1
			if op != condition.Not {
				n = rapid.IntRange(0, 3).Draw(t, "children")
			}
			c := condition.Composite{Operator: op}
			for range n {
				c.Conditions = append(c.Conditions, genCondition(depth-1).Draw(t, "child"))
			}
			return c
		}
		p := hogsend.Prop(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "property"))
		scalar := rapid.SampledFrom([]any{1, 2.5, -3, "x", "xy", "", true, false}).Draw(t, "value")
		number := rapid.SampledFrom([]any{0, 1, 2.5, -3}).Draw(t, "number")
		return rapid.SampledFrom([]hogsend.Condition{
			p.Eq(scalar), p.Neq(scalar), p.Gt(number), p.Gte(number), p.Lt(number), p.Lte(number),
			p.Exists(), p.NotExists(), p.Contains("x"),
		}).Draw(t, "leaf")
	})
}

var genProperties = rapid.Custom(func(t *rapid.T) string {
	object := map[string]any{}
	for _, key := range []string{"a", "b", "c"} {
		if value := rapid.SampledFrom([]any{"missing", 1, 2.5, -3, 0, "x", "xy", "", true, false, nil, []int{1}, map[string]int{"x": 1}}).Draw(t, key); value != "missing" {
			object[key] = value
		}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
})

// oracle decides a tree over decoded JSON the slow and obvious way.
func oracle(c hogsend.Condition, object map[string]any) bool {
	if n, ok := c.(condition.Composite); ok {
		trues := 0
		for _, child := range n.Conditions {
			if oracle(child, object) {
				trues++
			}
		}
		return map[condition.Join]bool{condition.And: trues == len(n.Conditions), condition.Or: trues > 0, condition.Not: trues == 0}[n.Operator]
	}
	n := c.(condition.Property)
	stored := object[n.Property]
	kind := fmt.Sprintf("%T", stored)
	exists := stored != nil
	scalar := kind == "string" || kind == "float64" || kind == "bool"
	want := n.Value
	if i, ok := want.(int); ok {
		want = float64(i)
	}
	same := scalar && kind == fmt.Sprintf("%T", want)
	text := fmt.Sprint(stored)
	switch n.Operator {
	case condition.Exists:
		return exists
	case condition.NotExists:
		return !exists
	case hogsend.Eq:
		return same && stored == want
	case condition.Neq:
		return !same || stored != want
	case condition.Contains:
		return kind == "string" && (text == "x" || text == "xy")
	}
	if kind != "float64" {
		return false
	}
	diff := stored.(float64) - want.(float64)
	return map[condition.Operator]bool{hogsend.Gt: diff > 0, hogsend.Gte: diff >= 0, hogsend.Lt: diff < 0, hogsend.Lte: diff <= 0}[n.Operator]
}

func TestRandomTreesAgreeWithTheOracle(t *testing.T) {
	t.Parallel() // C-12, C-13, C-22
	rapid.Check(t, func(t *rapid.T) {
		c, raw := genCondition(3).Draw(t, "condition"), genProperties.Draw(t, "properties")
		v, err := criteria.ParseValues(json.RawMessage(raw))
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(raw), &object))
		got := criteria.Match([]hogsend.Condition{c}, v)
		require.Equal(t, oracle(c, object), got)
		require.Equal(t, !got, criteria.Match([]hogsend.Condition{condition.Composite{Operator: condition.Not, Conditions: []hogsend.Condition{c}}}, v))

		encoded, err := criteria.Marshal([]hogsend.Condition{c})
		require.NoError(t, err)
		decoded, err := criteria.Unmarshal(encoded)
		require.NoError(t, err)
		require.Equal(t, got, criteria.Match(decoded, v), "the JSON form means the same")
	})
}

func FuzzUnmarshal(f *testing.F) {
	one, _ := condition.ParseNumber("1")
	f.Add([]byte(`[{"type":"property","property":"p","operator":"eq","value":1}]`))
	f.Add([]byte(`[{"type":"composite","operator":"and","conditions":[{"type":"property","property":"p","operator":"exists"}]}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		conditions, err := criteria.Unmarshal(raw)
		if err != nil {
			return
		}
		again, err := criteria.Marshal(conditions)
		require.NoError(t, err)
		_, err = criteria.Unmarshal(again)
		require.NoError(t, err)
		criteria.Match(conditions, criteria.Values{"p": one})
	})
}
