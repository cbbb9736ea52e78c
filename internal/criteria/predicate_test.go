package criteria_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
)

// contextOf is the context of a test or of a draw of a property test.
func contextOf(t require.TestingT) context.Context {
	if c, ok := t.(interface{ Context() context.Context }); ok {
		return c.Context()
	}
	return context.Background()
}

// says is a plain reading of C-1 to C-16: one instance, no SQL.
func says(tree hogsend.Condition, in instance) bool {
	if !isTrue(tree, in) {
		return false
	}
	absence, reason := false, false
	eachLeaf(tree, false, func(leaf hogsend.Condition, negated bool) {
		e, isEvent := leaf.(condition.Event)
		if isEvent && e.Within != nil && e.Check == map[bool]condition.EventCheck{false: condition.EventNotExists, true: condition.EventExists}[negated] {
			absence = true
			reason = reason || slices.ContainsFunc(in.received(), func(h happened) bool { return h.name == e.EventName && meets(e.Where, h) })
			return
		}
		m, isMail := leaf.(condition.Email)
		if isMail && (m.Check == condition.EmailNotOpened || m.Check == condition.EmailNotClicked) {
			return // negative by definition
		}
		blank := instance{now: in.now}
		if isTrue(leaf, blank) == negated && isTrue(leaf, in) != negated { // positive, and true
			reason = true
		}
	})
	return !absence || reason
}

func eachLeaf(tree hogsend.Condition, negated bool, visit func(hogsend.Condition, bool)) {
	if n, ok := tree.(condition.Composite); ok {
		for _, child := range n.Conditions {
			eachLeaf(child, negated != (n.Operator == "not"), visit)
		}
		return
	}
	visit(tree, negated)
}

func (in instance) received() []happened { return in.history.events }

func isTrue(tree hogsend.Condition, in instance) bool {
	switch n := tree.(type) {
	case condition.Composite:
		trues := 0
		for _, child := range n.Conditions {
			if isTrue(child, in) {
				trues++
			}
		}
		return map[condition.Join]bool{"and": trues == len(n.Conditions), "or": trues > 0, "not": trues == 0}[n.Operator]
	case condition.Event:
		return eventSays(n, in)
	case condition.Email:
		var newest *mail
		for i, m := range in.history.mails {
			if m.template == n.TemplateKey && !m.sent.IsZero() && (newest == nil || m.sent.After(newest.sent)) {
				newest = &in.history.mails[i]
			}
		}
		if newest == nil {
			return false
		}
		return map[condition.EmailCheck]bool{
			"opened": newest.opened, "clicked": newest.clicked, "not_opened": !newest.opened, "not_clicked": !newest.clicked,
		}[n.Check]
	}
	return propertySays(tree.(condition.Property), in.history.properties)
}

// eventSays is a plain reading of C-6 and C-28: add up and compare.
func eventSays(n condition.Event, in instance) bool {
	total, different := new(big.Rat), map[string]bool{}
	for _, h := range in.received() {
		if h.name != n.EventName || n.Within != nil && in.now.Sub(h.at) > *n.Within || !meets(n.Where, h) {
			continue
		}
		switch v := decoded(h.properties)[n.Property].(type) {
		case json.Number:
			number, _ := new(big.Rat).SetString(v.String())
			different[number.RatString()] = true
			if n.Check == condition.EventSum {
				total.Add(total, number)
			}
		case string, bool:
			different[fmt.Sprintf("%T %v", v, v)] = true
		}
		if n.Check != condition.EventSum && n.Check != condition.EventDistinct {
			total.Add(total, big.NewRat(1, 1))
		}
	}
	switch n.Check {
	case condition.EventExists, condition.EventNotExists:
		return (total.Sign() > 0) == (n.Check == condition.EventExists)
	case condition.EventDistinct:
		total.SetInt64(int64(len(different)))
	}
	limit, _ := new(big.Rat).SetString(fmt.Sprint(n.Value))
	order := total.Cmp(limit)
	return map[condition.Operator]bool{"eq": order == 0, "gt": order > 0, "gte": order >= 0, "lt": order < 0, "lte": order <= 0}[n.Operator]
}

// meets says whether an event satisfies a list of conditions on its properties.
func meets(where []hogsend.Condition, h happened) bool {
	return isTrue(hogsend.All(where...), instance{history: history{properties: h.properties}})
}

func decoded(raw string) map[string]any {
	object := map[string]any{}
	if raw != "" {
		d := json.NewDecoder(strings.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&object); err != nil {
			panic(err)
		}
	}
	return object
}

func propertySays(n condition.Property, raw string) bool {
	object := decoded(raw)
	var sameType, equal, number, less, found, exists bool
	switch v := object[n.Property].(type) {
	case map[string]any:
		exists = true
	case []any:
		exists = true
		for _, element := range v {
			raw, err := json.Marshal(map[string]any{"e": element})
			if err != nil {
				panic(err)
			}
			switch element.(type) {
			case string, bool, json.Number:
				found = found || propertySays(condition.Property{Property: "e", Operator: "eq", Value: n.Value}, string(raw))
			}
		}
	case string:
		x, ok := n.Value.(string)
		exists, sameType, equal, found = true, ok, v == x, ok && strings.Contains(v, x)
	case bool:
		x, ok := n.Value.(bool)
		exists, sameType, equal = true, ok, v == x
	case json.Number:
		exists = true
		if len(v) > 4 && strings.Contains(v.String(), "e9999") {
			v = "1" + json.Number(strings.Repeat("0", 2000)) // as great to every limit
		}
		stored, _ := new(big.Rat).SetString(v.String())
		if text, ok := n.Value.(json.Number); ok {
			x, _ := new(big.Rat).SetString(text.String())
			sameType, number, equal, less = true, true, stored.Cmp(x) == 0, stored.Cmp(x) < 0
		}
	}
	return map[condition.Operator]bool{
		"eq": sameType && equal, "neq": !sameType || !equal, "contains": found, "exists": exists, "not_exists": !exists,
		"gt": number && !less && !equal, "gte": number && !less, "lt": number && less, "lte": number && (less || equal),
	}[n.Operator]
}

var (
	names     = []string{"login", "it's 100% \\ \"done\"", "x'; drop table events; --"}
	templates = []string{"welcome", "%'\\"}
	windows   = []time.Duration{time.Millisecond, time.Hour, 7 * hogsend.Day, 3650 * hogsend.Day}
	keys      = []string{"plan", "a.b", "o'k \"%\\ $1", ""}
	texts     = []string{"", "pro", "PRO", "pr", "5", "true", "it's", "100%", "1_0", "a\\b", "\"q\"", "é", "e\u0301", "日本", "<&>", "\t\n"}
	numbers   = []string{
		"0", "-0", "1", "1.0", "1e0", "5", "-1", "0.1", "0.3", "0.30000000000000004", "0.1000000000000000055511151231257827",
		"9007199254740992", "9007199254740993", "9007199254740994", "1234567890123456789", "1234567890123456788", "-1234567890123456789", "-1234567890123456788", "12e2", "1200", "1.2E+3", "123456789012345678901234567890", "1e308", "1.7976931348623157e308",
		"-1.7976931348623157e308", "1.797693134862315807e308", "1.7976931348623159e308", "1e400", "-1e400", "1e9999",
		"4.9e-324", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "-1e-400", "2.2250738585072014e-308",
		"1" + strings.Repeat("0", 400), "0." + strings.Repeat("0", 400) + "1",
	}
	others = []string{
		"null", "{}", `{"plan":"pro"}`, "[]", `["pro"]`, "[1]", "true", "false",
		`["pro","5",5]`, "[1.0,true,null]", `[["pro"],{"pro":1}]`, `[9007199254740993]`, `["",false]`,
	}
)

// genNumber is a number that criteria may have.
func genNumber() *rapid.Generator[json.Number] {
	return rapid.Custom(func(t *rapid.T) json.Number {
		number := json.Number(rapid.SampledFrom(numbers).Filter(func(n string) bool { return n != "1e9999" }).Draw(t, "number"))
		plain, ok := condition.PlainValue(number)
		require.True(t, ok)
		return plain.(json.Number)
	})
}

func genProperty(t *rapid.T) hogsend.Condition {
	n := condition.Property{Property: rapid.SampledFrom(keys[:3]).Draw(t, "key")}
	n.Operator = rapid.SampledFrom([]condition.Operator{"eq", "neq", "gt", "gte", "lt", "lte", "exists", "not_exists", "contains"}).Draw(t, "operator")
	kind := rapid.IntRange(0, 2).Draw(t, "kind")
	switch n.Operator {
	case "exists", "not_exists":
		return n
	case "gt", "gte", "lt", "lte":
		kind = 1
	}
	switch kind {
	case 0:
		n.Value = rapid.SampledFrom(texts).Draw(t, "text")
	case 1:
		n.Value = genNumber().Draw(t, "limit")
	default:
		n.Value = rapid.Bool().Draw(t, "bool")
	}
	return n
}

func genEvent(t *rapid.T) hogsend.Condition {
	e := hogsend.Event(rapid.SampledFrom(names).Draw(t, "name"))
	if rapid.Bool().Draw(t, "windowed") {
		e = e.Within(rapid.SampledFrom(windows).Draw(t, "within"))
	}
	if rapid.Bool().Draw(t, "filtered") {
		e = e.Where(rapid.SliceOfN(genWhere(1), 0, 2).Draw(t, "where")...)
	}
	key := rapid.SampledFrom(keys[:3]).Draw(t, "key")
	switch rapid.IntRange(0, 5).Draw(t, "check") {
	case 0:
		return e.Exists()
	case 1:
		return e.NotExists()
	case 2:
		limit := any(genNumber().Draw(t, "limit"))
		if rapid.Bool().Draw(t, "small") {
			limit = json.Number(strconv.Itoa(rapid.IntRange(-3, 12).Draw(t, "sum")))
		}
		return condition.Event{
			EventName: e.Exists().(condition.Event).EventName, Within: e.Exists().(condition.Event).Within, Where: e.Exists().(condition.Event).Where,
			Check: condition.EventSum, Property: key, Operator: rapid.SampledFrom([]condition.Operator{"eq", "gt", "gte", "lt", "lte"}).Draw(t, "compare"), Value: limit,
		}
	case 3:
		total := e.Distinct(key)
		k := rapid.IntRange(1, 4).Draw(t, "distinct")
		return rapid.SampledFrom([]hogsend.Condition{total.Eq(k), total.Gt(k), total.Gte(k), total.Lt(k), total.Lte(k), total.Eq(0)}).Draw(t, "compare")
	}
	op := rapid.SampledFrom([]condition.Operator{"eq", "gt", "gte", "lt", "lte"}).Draw(t, "count")
	least := 0
	if op == hogsend.Lt {
		least = 1
	}
	return e.Count(op, rapid.IntRange(least, 4).Draw(t, "k"))
}

// genWhere draws conditions on the properties of an event (C-28).
func genWhere(depth int) *rapid.Generator[hogsend.Condition] {
	return rapid.Custom(func(t *rapid.T) hogsend.Condition {
		switch kind := rapid.IntRange(0, 5).Draw(t, "node"); {
		case kind < 3 || depth == 0:
			return genProperty(t)
		case kind == 3:
			return hogsend.Not(genWhere(depth-1).Draw(t, "child"))
		case kind == 4:
			return hogsend.All(rapid.SliceOfN(genWhere(depth-1), 0, 2).Draw(t, "children")...)
		}
		return hogsend.Any(rapid.SliceOfN(genWhere(depth-1), 0, 2).Draw(t, "children")...)
	})
}

func genTree(depth int) *rapid.Generator[hogsend.Condition] {
	return rapid.Custom(func(t *rapid.T) hogsend.Condition {
		kind := rapid.IntRange(0, 6).Draw(t, "node")
		if depth == 0 {
			kind %= 4
		}
		switch kind {
		case 0:
			return genProperty(t)
		case 1, 2:
			return genEvent(t)
		case 3:
			check := rapid.SampledFrom([]condition.EmailCheck{"opened", "clicked", "not_opened", "not_clicked"}).Draw(t, "check")
			return condition.Email{TemplateKey: rapid.SampledFrom(templates).Draw(t, "template"), Check: check}
		case 4:
			return hogsend.Not(genTree(depth-1).Draw(t, "child"))
		}
		children := rapid.SliceOfN(genTree(depth-1), 0, 3).Draw(t, "children")
		if kind == 5 {
			return hogsend.All(children...)
		}
		return hogsend.Any(children...)
	})
}

// genInstant draws around noon and around the edges of all windows before it.
func genInstant(t *rapid.T) time.Time {
	edge := rapid.SampledFrom(append([]time.Duration{0, -time.Hour, time.Minute}, windows...)).Draw(t, "edge")
	return noon.Add(-edge + time.Duration(rapid.IntRange(-2, 2).Draw(t, "us"))*time.Microsecond)
}

func genHistory(t *rapid.T) history {
	var h history
	for range rapid.IntRange(0, 8).Draw(t, "events") { // in any order: some are late
		e := happened{name: rapid.SampledFrom(names).Draw(t, "name"), at: genInstant(t)}
		if rapid.Bool().Draw(t, "detailed") {
			e.properties = genObject(t)
		}
		h.events = append(h.events, e)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "mails") {
		m := mail{template: rapid.SampledFrom(templates).Draw(t, "template")}
		if rapid.IntRange(0, 3).Draw(t, "left") > 0 { // at different instants, not in order
			m.sent = noon.Add(-time.Duration(i*7%5) * time.Hour)
			m.opened, m.clicked = rapid.Bool().Draw(t, "opened"), rapid.Bool().Draw(t, "clicked")
		}
		h.mails = append(h.mails, m)
	}
	h.properties = genObject(t)
	return h
}

// genObject draws the properties of a contact or of an event.
func genObject(t *rapid.T) string {
	fields := []string{}
	for _, key := range keys {
		name, err := json.Marshal(key)
		require.NoError(t, err)
		var value string
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			continue
		case 1:
			value = rapid.SampledFrom(others).Draw(t, "other")
		case 2:
			text, err := json.Marshal(rapid.SampledFrom(texts).Draw(t, "text"))
			require.NoError(t, err)
			value = string(text)
		case 3:
			value = rapid.SampledFrom([]string{"1", "2", "1.0", "-1", "5"}).Draw(t, "small number")
		default:
			value = rapid.SampledFrom(numbers).Draw(t, "number")
		}
		fields = append(fields, string(name)+":"+value)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// genLook draws an instant at which a history is looked at: around noon, or exactly at,
// just before and just after an event of it leaves a window.
func genLook(t *rapid.T, h history) time.Time {
	at := noon
	if len(h.events) > 0 && rapid.Bool().Draw(t, "at an edge") {
		at = rapid.SampledFrom(h.events).Draw(t, "event").at.Add(rapid.SampledFrom(windows).Draw(t, "window"))
	}
	return at.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "us")) * time.Microsecond)
}

func TestSQLMemoryAndAPlainReadingAgree(t *testing.T) {
	t.Parallel() // C-1…C-17, C-22, C-23
	db := newDatabase(t)
	rapid.Check(t, func(t *rapid.T) {
		histories := make([]history, rapid.IntRange(1, 3).Draw(t, "contacts"))
		for i := range histories {
			histories[i] = genHistory(t)
		}
		var instances []instance
		for i, contact := range db.keep(t, histories...) {
			for range 6 {
				in := histories[i].at(contact)
				in.now = genLook(t, histories[i])
				instances = append(instances, in)
			}
		}
		for range 4 {
			tree := genTree(3).Draw(t, "tree")
			want := make([]bool, len(instances))
			for i, in := range instances {
				want[i] = says(tree, in)
			}
			require.Equal(t, want, db.matches(t, tree, instances...), "a set: %s", marshaled(t, tree))
			one := rapid.IntRange(0, len(instances)-1).Draw(t, "one")
			require.Equal(t, want[one:one+1], db.matches(t, tree, instances[one]), "one alone: %s", marshaled(t, tree))
		}
	})
}

func TestTimeAloneChangesAnAnswerAtEdgesOnly(t *testing.T) {
	t.Parallel() // C-7, W-2
	rapid.Check(t, func(t *rapid.T) {
		in := genHistory(t).at(uuid.Nil)
		tree, kept := genTree(3).Draw(t, "tree"), in.history.inMemory(t)
		facts := criteria.FactsOf(tree)
		// Nothing is in a window before the first event; afterwards the edges are those of
		// all events and windows, each once and in order.
		at := noon.Add(-20 * 365 * hogsend.Day)
		edges := map[time.Time]bool{}
		for _, w := range facts.Windows {
			for _, e := range in.history.events {
				if e.name == w.Event {
					edges[e.at.Add(w.Within+time.Microsecond)] = true
				}
			}
		}
		last := noon.Add(20 * 365 * hogsend.Day)
		// Events count from their commit on (I-42): the first look is after all of them.
		for _, e := range in.history.events {
			if at = later(at, e.at); !kept.NextEdge(facts.Windows, last).IsZero() {
				t.Fatalf("an edge after all of them")
			}
		}
		for edge := range edges {
			if !edge.After(at) {
				delete(edges, edge)
			}
		}
		for {
			next := kept.NextEdge(facts.Windows, at)
			until := next
			if next.IsZero() {
				until = last
			}
			in.now = at
			since := says(tree, in)
			// Anywhere until the edge, and right before it, the answer is the same.
			for _, look := range []time.Time{at.Add(until.Sub(at) / 3).Truncate(time.Microsecond), until.Add(-time.Microsecond)} {
				in.now = look
				require.Equal(t, since, says(tree, in), "at %s, between %s and %s: %s", look, at, until, marshaled(t, tree))
			}
			if next.IsZero() {
				break
			}
			require.True(t, edges[next], "%s is no edge", next)
			delete(edges, next)
			at = next
		}
		require.Empty(t, edges, "edges that were left out")
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
