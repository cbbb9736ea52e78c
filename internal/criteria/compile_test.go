package criteria_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
)

const week = 7 * hogsend.Day

func TestThePredicateFollowsTheTruthTable(t *testing.T) {
	t.Parallel() // C-2, C-3, C-4
	db := newDatabase(t)
	for _, tt := range truth() {
		for want, list := range map[bool][]string{true: tt.holds, false: tt.fails} {
			for _, value := range list {
				require.Equal(t, want, db.holds(t, tt.condition, history{properties: object(value)}), "%v on %s", tt.condition, value)
				require.Equal(t, !want, db.holds(t, hogsend.Not(tt.condition), history{properties: object(value)}), "not %v on %s", tt.condition, value) // C-13
			}
		}
	}
	require.True(t, db.holds(t, hogsend.Prop("a.b").Eq(1), properties(`{"a.b": 1}`)), "keys are flat")
	require.False(t, db.holds(t, hogsend.Prop("a.b").Exists(), properties(`{"a": {"b": 1}}`)), "keys are no paths")
	require.False(t, db.holds(t, hogsend.Prop("email").Exists(), history{}), "columns are not properties")
	require.False(t, db.holds(t, hogsend.Prop("p").Eq("\u00e9"), properties(`{"p": "e\u0301"}`)), "no normalization")
}

// edges are numbers around everything at which a float64 would round.
func edges() []string {
	greatest, _ := new(big.Float).SetFloat64(math.MaxFloat64).Int(nil)
	half := new(big.Int).Lsh(big.NewInt(1), 970)
	overflow := new(big.Int).Add(greatest, half) // rounds to infinity
	tie := new(big.Float).SetPrec(2000).SetMantExp(big.NewFloat(1), -1075)
	underflow := tie.Text('f', 1075) // rounds to 0
	return append([]string{
		overflow.String(), "-" + overflow.String(), new(big.Int).Sub(overflow, big.NewInt(1)).String(), greatest.String(),
		underflow, "-" + underflow, underflow + "1", "-" + underflow + "1", strings.TrimSuffix(underflow, "5") + "4",
	}, numbers...)
}

func TestNumbersOfAnySizeCompareInSQLAsInGo(t *testing.T) {
	t.Parallel() // C-4, C-17
	db := newDatabase(t)
	var instances []instance
	for _, number := range edges() {
		instances = append(instances, properties(`{"p": %s}`, number).at([16]byte{}))
	}
	limits := []any{
		0, 1, -1, 0.1, 0.3, 5e-324, -5e-324, 2.2250738585072014e-308, math.MaxFloat64, -math.MaxFloat64, 1e308,
		int64(9007199254740993), int64(9007199254740992), uint64(math.MaxUint64), int64(1234567890123456789), int64(-1234567890123456789), json.Number("1e400"), json.Number("-1e400"), json.Number("1e-400"), float32(0.1), math.Copysign(0, -1),
	}
	for _, limit := range limits {
		p := hogsend.Prop("p")
		for _, c := range []hogsend.Condition{p.Eq(limit), p.Neq(limit), p.Gt(limit), p.Gte(limit), p.Lt(limit), p.Lte(limit)} {
			for i, got := range db.matches(t, c, instances...) {
				want := criteria.Match([]hogsend.Condition{c}, values(t, instances[i].history.properties))
				require.Equal(t, want, got, "%+v on %.40s", c, instances[i].history.properties)
			}
		}
	}
}

func TestEventChecks(t *testing.T) {
	t.Parallel() // C-6, C-8, C-9
	db := newDatabase(t)
	login := hogsend.Event("login")
	type says map[bool][]hogsend.Condition
	for n, want := range []says{
		{
			false: {login.Exists(), login.MoreThan(0)},
			true:  {login.NotExists(), login.Exactly(0), login.AtLeast(0), login.AtMost(0), login.AtMost(2), login.LessThan(1)},
		},
		{true: {login.Exists(), login.Exactly(1)}, false: {login.NotExists(), login.MoreThan(1), login.AtLeast(2)}},
		{true: {login.Exactly(2), login.MoreThan(1), login.AtLeast(2)}, false: {login.Exactly(1), login.AtMost(1), login.LessThan(2)}},
		{true: {login.Exactly(3), login.MoreThan(2), login.AtMost(3), login.LessThan(4)}, false: {login.Exactly(2), login.AtLeast(4)}},
	} {
		h := history{events: ago("Login", time.Hour)} // names are exact
		for i := range n {
			h.events = append(h.events, ago("login", time.Duration(i)*hogsend.Day)...)
		}
		for holds, list := range want {
			for _, c := range list {
				require.Equal(t, holds, db.holds(t, c, h), "%+v with n = %d", c, n)
				require.Equal(t, !holds, db.holds(t, hogsend.Not(c), h), "not %+v with n = %d", c, n)
			}
		}
	}
	require.True(t, db.holds(t, hogsend.Event("journey:completed").Exists(), history{events: ago("journey:completed", 0)}))
}

func TestWindowsStartInclusiveAndHaveNoEnd(t *testing.T) {
	t.Parallel() // C-7
	db := newDatabase(t)
	within := hogsend.Event("login").Within(week)
	for _, tt := range []struct {
		age  time.Duration
		want bool
	}{
		{0, true},
		{week - time.Microsecond, true},
		{week, true},
		{week + time.Microsecond, false},
		{-time.Hour, true}, // a client's clock is ahead
	} {
		h := history{events: ago("login", tt.age)}
		require.Equal(t, tt.want, db.holds(t, within.Exists(), h), "%s ago", tt.age)
		require.Equal(t, tt.want, db.holds(t, within.AtLeast(1), h), "%s ago", tt.age)
		require.Equal(t, !tt.want, db.holds(t, within.NotExists(), h), "%s ago", tt.age)
	}
	received := history{events: append(ago("login", time.Hour), ago("login", 2*time.Hour)...)} // the second one is late
	require.True(t, db.holds(t, within.Exactly(2), received), "late or not")
}

func TestEngagementLooksAtTheNewestMailThatLeft(t *testing.T) {
	t.Parallel() // C-10, C-11
	db := newDatabase(t)
	before, later := noon.Add(-time.Hour), noon.Add(-time.Minute)
	welcome := hogsend.EmailEngagement("welcome")
	checks := []hogsend.Condition{welcome.Opened(), welcome.Clicked(), welcome.NotOpened(), welcome.NotClicked()}
	for _, tt := range []struct {
		name  string
		mails []mail
		want  [4]bool
	}{
		{"none", nil, [4]bool{}},
		{"another template", []mail{{template: "Welcome", sent: before, opened: true}}, [4]bool{}},
		{"one held back", []mail{{template: "welcome", opened: true}}, [4]bool{}},
		{"one ignored", []mail{{template: "welcome", sent: before}}, [4]bool{false, false, true, true}},
		{"one opened", []mail{{template: "welcome", sent: before, opened: true}}, [4]bool{true, false, false, true}},
		{"one clicked", []mail{{template: "welcome", sent: before, opened: true, clicked: true}}, [4]bool{true, true, false, false}},
		{
			"a newer one",
			[]mail{{template: "welcome", sent: later}, {template: "welcome", sent: before, opened: true, clicked: true}},
			[4]bool{false, false, true, true},
		},
		{
			"a newer one held back",
			[]mail{{template: "welcome", sent: before, opened: true}, {template: "welcome"}},
			[4]bool{true, false, false, true},
		},
	} {
		for i, c := range checks {
			require.Equal(t, tt.want[i], db.holds(t, c, history{mails: tt.mails}), "%s: %+v", tt.name, c)
			require.Equal(t, !tt.want[i], db.holds(t, hogsend.Not(c), history{mails: tt.mails}), "%s: not %+v", tt.name, c) // C-13
		}
	}
}

func TestComposition(t *testing.T) {
	t.Parallel() // C-12, C-13
	db := newDatabase(t)
	yes, no := hogsend.Event("login").Exists(), hogsend.Prop("p").Exists()
	h := history{events: ago("login", 0)}
	for want, trees := range map[bool][]hogsend.Condition{
		true: {
			hogsend.All(), hogsend.All(yes, yes), hogsend.Any(no, yes), hogsend.Any(yes, no), hogsend.Not(no), hogsend.Not(hogsend.Not(yes)),
			hogsend.Not(hogsend.Any()), hogsend.Not(hogsend.All(yes, no)), hogsend.Any(hogsend.All(no), hogsend.Not(no)),
		},
		false: {
			hogsend.Any(), hogsend.All(yes, no), hogsend.All(no, yes), hogsend.Any(no, no), hogsend.Not(yes), hogsend.Not(hogsend.Any(no, yes)),
			hogsend.Not(hogsend.All()), hogsend.Not(hogsend.Not(no)),
		},
	} {
		for _, tree := range trees {
			require.Equal(t, want, db.holds(t, tree, h), "%s", marshaled(t, tree))
		}
	}
	for _, refused := range []hogsend.Condition{
		nil,
		condition.Composite{Operator: condition.Not},
		condition.Composite{Operator: "xor"},
		condition.Event{},
		condition.Email{},
		condition.Property{},
		condition.Property{Operator: hogsend.Eq},
		hogsend.Prop("p").Gt("9"),
		condition.Property{Operator: condition.Contains},
		condition.Event{Check: condition.EventSum, Operator: condition.Gt, Value: "1"},
		hogsend.Event("e").Distinct("p").Gt(0.5),
		hogsend.Event("e").Count("like", 1),
	} {
		require.False(t, db.holds(t, refused, history{}), "%+v", refused)
	}
}

func TestTheFloorNeedsAReason(t *testing.T) {
	t.Parallel() // C-16: the examples, and the floor below not
	db := newDatabase(t)
	gone := func(name string) hogsend.Condition { return hogsend.Event(name).Within(week).NotExists() }
	plan := hogsend.Prop("plan")
	for _, tt := range []struct {
		tree   hogsend.Condition
		events []happened
		props  string
		want   bool
	}{
		{gone("login"), nil, `{}`, false},
		{gone("login"), ago("login", 8*hogsend.Day), `{}`, true},
		{gone("login"), ago("login", 6*hogsend.Day), `{}`, false},
		{hogsend.All(hogsend.Event("login").Exists(), gone("login")), nil, `{}`, false},
		{hogsend.All(hogsend.Event("login").Exists(), gone("login")), ago("login", 8*hogsend.Day), `{}`, true},
		{hogsend.All(hogsend.Event("login").Exists(), gone("login")), ago("login", 6*hogsend.Day), `{}`, false},
		{hogsend.Any(gone("a"), gone("b")), nil, `{}`, false},
		{hogsend.Any(gone("a"), gone("b")), ago("b", 30*hogsend.Day), `{}`, true},
		{hogsend.Any(gone("a"), gone("b")), ago("b", 0), `{}`, true},
		{hogsend.Any(gone("a"), gone("b")), append(ago("a", 0), ago("b", 0)...), `{}`, false},
		{hogsend.All(plan.Eq("pro"), gone("login")), nil, `{"plan":"pro"}`, true},
		{hogsend.All(plan.Eq("pro"), gone("login")), ago("login", 8*hogsend.Day), `{}`, false},
		{hogsend.All(plan.Neq("free"), gone("login")), nil, `{}`, false},
		{hogsend.All(plan.Neq("free"), gone("login")), ago("login", 8*hogsend.Day), `{}`, true},
		{hogsend.Not(hogsend.Event("login").Within(week).Exists()), nil, `{}`, false},
		{hogsend.Not(hogsend.Event("login").Within(week).Exists()), ago("login", 8*hogsend.Day), `{}`, true},
		{hogsend.Any(gone("login"), hogsend.Not(hogsend.Event("x").NotExists())), ago("x", 0), `{}`, true},
		{hogsend.Any(gone("login"), hogsend.Not(plan.Eq("free"))), nil, `{}`, false},
		{hogsend.Any(gone("login"), plan.Neq("free")), nil, `{"x":1}`, false},
		{hogsend.Event("login").Within(week).AtMost(2), nil, `{}`, true}, // no absence, no floor (C-8, W-28)
		{plan.Neq("free"), nil, `{}`, true},
	} {
		h := history{events: tt.events, properties: tt.props}
		require.Equal(t, tt.want, db.holds(t, tt.tree, h), "%s on %+v", marshaled(t, tt.tree), h)
	}
}

func TestTreesOfOneShapeShareTheirText(t *testing.T) {
	t.Parallel() // C-23
	shape := func(name, key, text, template string, number any, k int, within time.Duration) hogsend.Condition {
		return hogsend.All(
			hogsend.Event(name).Within(within).NotExists(), hogsend.Event(name).Within(within).Count(hogsend.Gte, k),
			hogsend.Prop(key).Eq(text), hogsend.Any(hogsend.Prop(key).Contains(text), hogsend.Prop(key).Lt(number)),
			hogsend.Not(hogsend.EmailEngagement(template).Opened()), hogsend.Prop(key).Eq(number),
		)
	}
	one := criteria.Compile(shape("login", "plan", "pro", "welcome", 1, 1, time.Hour), 1)
	other := criteria.Compile(shape("') or true --", "a'b", "$1", "x", -1e308, 1_000_000, time.Millisecond), 1)
	require.Equal(t, one.SQL, other.SQL)
	require.Len(t, other.Args, len(one.Args))
	require.NotContains(t, other.SQL, "or true --")
	later := criteria.Compile(shape("login", "plan", "pro", "welcome", 1, 1, time.Hour), 8)
	require.Equal(t, one.Args, later.Args)
	require.NotContains(t, later.SQL, "$7::")
	require.Contains(t, later.SQL, fmt.Sprintf("$%d::", 7+len(later.Args)))
}

// node is a node of a plan as EXPLAIN ANALYZE gives it.
type node struct {
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Rechecks float64 `json:"Rows Removed by Index Recheck"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []node
}

// read is how many rows of a table were looked at, and by which indexes.
func (n node) read(table string) (rows float64, indexes map[string]bool) {
	indexes = map[string]bool{}
	if n.Relation == table {
		rows = (n.Rows + n.Filtered + n.Rechecks) * n.Loops
		indexes[n.Index] = true
	}
	for _, child := range n.Plans {
		more, used := child.read(table)
		rows += more
		for index := range used {
			indexes[index] = true
		}
	}
	return rows, indexes
}

// crowds are ways of filling the table of events around one contact: among many
// others, and behind a single one that came first.
func crowds() map[string]string {
	return map[string]string{
		"many others": "n % 4 > 0",
		"one other":   "n > 100000",
	}
}

func TestAnEvaluationReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel() // I-7
	for crowd, own := range crowds() {
		t.Run(crowd, func(t *testing.T) {
			t.Parallel()
			db := newDatabase(t)
			ctx := t.Context()
			busy := db.keep(t, history{})[0]
			_, err := db.Pool.Exec(ctx, `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
				select gen_random_uuid(), case when `+own+` then $1::uuid when $3 then gen_random_uuid() else $4::uuid end,
					case when n % 3 = 0 then 'other' else 'login' end, jsonb_build_object('n', n), 'api', $2::timestamptz - n * interval '1 second', $2
				from generate_series(1, 200000) n`, busy, noon, crowd == "many others", db.keep(t, history{})[0])
			require.NoError(t, err)
			_, err = db.Pool.Exec(ctx, `insert into sends (id, key, contact_id, template_key, status, sent_at, created_at, updated_at)
				select gen_random_uuid(), n::text, $1, case when n % 2 = 0 then 'welcome' else 'nudge' end, 'sent', $2::timestamptz - n * interval '1 second', $2, $2
				from generate_series(1, 10000) n`, busy, noon)
			require.NoError(t, err)
			_, err = db.Pool.Exec(ctx, `analyze events, sends`)
			require.NoError(t, err)
			// A name that came after the statistics were made.
			_, err = db.Pool.Exec(ctx, `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
				select gen_random_uuid(), gen_random_uuid(), 'new', '{}', 'api', $1, $1 from generate_series(1, 10000) n`, noon)
			require.NoError(t, err)
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				for _, tt := range readings() {
					p := criteria.Compile(tt.tree, 1)
					plan := db.explain(t, mode, `select w.place from (
						select r.place, r.contact_id, r.now, coalesce(c.properties, '{}') as properties
						from unnest(array[1], array[`+literal(busy.String())+`::uuid], array[`+literal(noon.Format(time.RFC3339))+`::timestamptz]) r (place, contact_id, now)
						left join contacts c on c.id = r.contact_id
						) w where `+p.SQL, p.Args)
					rows, indexes := plan.read(tt.table)
					require.LessOrEqual(t, rows, tt.most, "%s: %s %v", mode, marshaled(t, tt.tree), indexes)
					require.Equal(t, map[string]bool{tt.index: true}, indexes, "%s: %s", mode, marshaled(t, tt.tree))
				}
			}
		})
	}
}

// reading is how many rows the evaluation of a tree may look at.
type reading struct {
	tree         hogsend.Condition
	table, index string
	most         float64
}

func readings() []reading {
	login, fresh, never := hogsend.Event("login"), hogsend.Event("new"), hogsend.Event("never")
	const events = "events_contact_name"
	return []reading{
		{login.AtLeast(10), "events", events, 11},
		{login.Within(week).AtLeast(10), "events", events, 11},
		{login.Exactly(3), "events", events, 4},
		{login.Exists(), "events", events, 1},
		{login.Within(time.Hour).NotExists(), "events", events, 2},
		{fresh.Exists(), "events", events, 0},
		{fresh.Within(week).AtMost(3), "events", events, 0},
		{hogsend.All(login.Exists(), never.NotExists()), "events", events, 1},
		{hogsend.Any(never.Within(week).Exists(), login.Within(week).MoreThan(2)), "events", events, 4},
		{login.Where(hogsend.Prop("n").Gt(5)).AtLeast(10), "events", events, 16}, // C-30: newest first, until decided
		{login.Where(hogsend.Prop("n").Neq(-1)).Exists(), "events", events, 1},
		{login.Within(time.Minute).Where(hogsend.Prop("n").Lt(0)).Exists(), "events", events, 60},
		{login.Within(time.Minute).Sum("n").Gt(1), "events", events, 60},
		{login.Within(time.Minute).Distinct("n").Gt(1), "events", events, 60},
		{hogsend.All(never.Sum("n").Lte(0), login.Within(time.Minute).Where(hogsend.Prop("n").Gt(5)).NotExists()), "events", events, 8},
		{hogsend.EmailEngagement("welcome").NotOpened(), "sends", "sends_template", 1},
	}
}

// explain runs a statement under that kind of plan and tells what it read.
func (db database) explain(t *testing.T, mode, sql string, args []any) node {
	t.Helper()
	conn, err := db.Pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	list := make([]string, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case time.Duration:
			list[i] = literal(fmt.Sprintf("%d us", v.Microseconds()))
		case string:
			list[i] = literal(v)
		default:
			list[i] = fmt.Sprint(v)
		}
	}
	for _, statement := range []string{"set plan_cache_mode = " + mode, "prepare q as " + sql} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	var raw []byte
	require.NoError(t, conn.QueryRow(t.Context(), `explain (analyze, format json) execute q(`+strings.Join(list, ", ")+`)`).Scan(&raw))
	_, err = conn.Exec(t.Context(), "deallocate q")
	require.NoError(t, err)
	var plans []struct{ Plan node }
	require.NoError(t, json.Unmarshal(raw, &plans))
	return plans[0].Plan
}

func TestSumsAndFiltersFollowTheirWindowsToTheMicrosecond(t *testing.T) {
	t.Parallel() // C-6, C-14, C-28, C-29
	db := newDatabase(t)
	const day, us = hogsend.Day, time.Microsecond
	order := func(at time.Duration, total string) happened {
		return happened{name: "order", at: noon.Add(at), properties: `{"total":` + total + `}`}
	}
	h := history{events: []happened{order(0, "300"), order(10*day, "250"), order(12*day, "-100"), order(13*day, `"80"`)}}
	within := hogsend.Event("order").Within(30 * day)
	sum, great := within.Sum("total"), within.Where(hogsend.Prop("total").Gt(260)).Exists()
	for _, tt := range []struct {
		at   time.Duration
		seen int // events that were received by then
		sum  int
	}{
		{-us, 0, 0},
		{0, 1, 300},
		{10*day - us, 1, 300},
		{10 * day, 2, 550},
		{12 * day, 3, 450},
		{13 * day, 4, 450},
		{30 * day, 4, 450},
		{30*day + us, 4, 150},
		{40 * day, 4, 150},
		{40*day + us, 4, -100},
		{42 * day, 4, -100},
		{42*day + us, 4, 0},
		{43*day + us, 4, 0},
	} {
		in := history{events: h.events[:tt.seen]}.at(db.keep(t, history{events: h.events[:tt.seen]})[0])
		in.now = noon.Add(tt.at)
		for limit, want := range map[int]bool{500: tt.sum >= 500, 100: tt.sum >= 100} {
			require.Equal(t, want, db.matches(t, sum.Gte(limit), in)[0], "%d at %s", limit, tt.at)
		}
		require.True(t, db.matches(t, sum.Eq(tt.sum), in)[0], "at %s", tt.at)
		require.Equal(t, tt.sum <= 0, db.matches(t, sum.Lte(0), in)[0], "at %s", tt.at)
		require.Equal(t, tt.at >= 0 && tt.at <= 30*day, db.matches(t, great, in)[0], "at %s", tt.at)
	}
}

func TestDifferentValuesAreByTypeAndValue(t *testing.T) {
	t.Parallel() // C-6, C-27
	db := newDatabase(t)
	var h history
	for _, value := range []string{`1`, `1.0`, `1e0`, `"1"`, `true`, `"true"`, `null`, `[1]`, `{"a":1}`, `9007199254740993`, `9007199254740992`, `"é"`, `"e\u0301"`} {
		h.events = append(h.events, happened{name: "view", at: noon, properties: `{"sku":` + value + `}`})
	}
	view := hogsend.Event("view")
	require.True(t, db.holds(t, view.Distinct("sku").Eq(8), h))
	require.True(t, db.holds(t, view.Distinct("sku").Gt(3), h))
	require.True(t, db.holds(t, view.Sum("sku").Eq(json.Number("18014398509481988")), h), "exactly")
	require.True(t, db.holds(t, view.Sum("other").Eq(0), h))
	require.True(t, db.holds(t, view.Where(hogsend.Prop("sku").Contains(1)).Exactly(1), h))
	require.True(t, db.holds(t, view.Where(hogsend.Not(hogsend.Prop("sku").Exists())).Exactly(1), h), "null is missing")
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
