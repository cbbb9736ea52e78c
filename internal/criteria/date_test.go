package criteria_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/zone"
)

// dateOf is a plain reading of S-42 and S-14: a day begins with the first quarter of an hour
// that is on it, or behind it where it is left out.
func dateOf(t require.TestingT, text string, loc *time.Location) (x time.Time, ok bool) {
	if day, err := time.Parse("2006-01-02", text); err == nil && len(text) == 10 {
		for x = day.Add(-30 * time.Hour); x.In(loc).Format("2006-01-02") < text; {
			x = x.Add(15 * time.Minute)
		}
		return x, true
	}
	x, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", text)
	return x.Truncate(time.Microsecond), err == nil && !strings.ContainsAny(text, ",") && !strings.HasSuffix(text, "+24:00") && !strings.HasSuffix(text, ":60")
}

// dates are read around noon and the edges of all windows, by every kind of text that is a date
// or nearly one.
func genDate(t *rapid.T) string {
	x := noon.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, -time.Hour, 3 * hogsend.Day, -3 * hogsend.Day}).Draw(t, "edge") + time.Duration(rapid.IntRange(-2, 2).Draw(t, "us"))*time.Microsecond)
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return x.Format("2006-01-02")
	case 1:
		return x.In(time.FixedZone("", rapid.IntRange(-14, 14).Draw(t, "offset")*3600)).Format("2006-01-02T15:04:05.000000Z07:00")
	case 2:
		return x.Format("2006-01-02T15:04:05.000000") + "999Z" // cut, not rounded
	case 3:
		return rapid.SampledFrom([]string{
			"", "soon", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "0000-01-01", "2026-1-5", " 2026-01-05", "2026-01-05 ", "2026-01-05T10:00", "2026-01-05 10:00:00Z", "2026-01-05t10:00:00z",
			"2026-01-05T24:00:00Z", "2026-01-05T10:60:00Z", "2026-01-05T10:00:60Z", "2026-01-05T10:00:00,5Z", "2026-01-05T10:00:00.Z", "2026-01-05T10:00:00+24:00", "2026-01-05T10:00:00+01:60", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-05T10:00:00", "12345-01-05",
		}).Draw(t, "none")
	}
	return x.Format(time.RFC3339Nano)
}

func genDated(t *rapid.T) hogsend.Condition {
	p := hogsend.Prop("at")
	d := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour, 3 * hogsend.Day, 3650 * hogsend.Day}).Draw(t, "within")
	limit := noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "limit")) * time.Microsecond)
	return rapid.SampledFrom([]hogsend.Condition{p.InNext(d), p.InLast(d), p.Before(limit), p.After(limit)}).Draw(t, "leaf")
}

func dateSays(n condition.Property, x, now time.Time) bool {
	limit, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(n.Value))
	switch n.Operator {
	case "in_next":
		return now.Before(x) && !x.After(now.Add(*n.Within))
	case "in_last":
		return !x.After(now) && !x.Before(now.Add(-*n.Within))
	case "before":
		return x.Before(limit)
	}
	return x.After(limit)
}

// C-31, C-22: of any text, in any zone, at any instant; and time alone changes the answer at the
// edges only (W-2).
func TestDatesAreReadAlike(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	rapid.Check(t, func(t *rapid.T) {
		text, where := genDate(t), rapid.SampledFrom([]string{"", "UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Nowhere", " Asia/Kolkata "}).Draw(t, "zone")
		raw, err := json.Marshal(map[string]string{"at": text, "$timezone": where})
		require.NoError(t, err)
		h := history{properties: string(raw), events: []happened{{name: "past", at: noon.Add(-hogsend.Day), properties: string(raw)}}}
		kept := h.inMemory(t)
		loc := time.UTC
		if found, err := zone.Load(where); err == nil {
			loc = found
		}
		x, isDate := dateOf(t, text, loc)
		isDate = isDate && x.UTC().Year() > 0 && x.UTC().Year() < 10000
		contact := db.keep(t, h)[0]
		for range 4 {
			leaf := genDated(t)
			n := leaf.(condition.Property)
			in := h.at(contact)
			if in.now = noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "us")) * time.Microsecond); isDate && rapid.Bool().Draw(t, "at an edge") {
				in.now = x.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, -time.Hour, 3 * hogsend.Day, -3 * hogsend.Day}).Draw(t, "edge") + time.Duration(rapid.IntRange(-2, 2).Draw(t, "us2"))*time.Microsecond)
			}
			want := isDate && dateSays(n, x, in.now)
			trees := []hogsend.Condition{leaf, hogsend.Any(hogsend.Not(leaf), hogsend.Event("never").Exists())}
			wants := []bool{want, !want}
			if n.Within == nil {
				trees, wants = append(trees, hogsend.Event("past").Where(leaf).Exists()), append(wants, want)
			}
			for i, tree := range trees {
				require.Equal(t, wants[i], db.matches(t, tree, in)[0], "SQL: %s of %q in %q at %s", marshaled(t, tree), text, where, in.now)
				require.Equal(t, wants[i], kept.Holds(tree, in.now), "memory: %s of %q in %q at %s", marshaled(t, tree), text, where, in.now)
			}
			windows := criteria.FactsOf(leaf).Windows
			for edge := kept.NextEdge(windows, in.now); !edge.IsZero(); edge = kept.NextEdge(windows, edge) {
				require.Equal(t, want, kept.Holds(leaf, edge.Add(-time.Microsecond)), "before its edge %s: %s of %q", edge, marshaled(t, leaf), text)
				require.NotEqual(t, want, kept.Holds(leaf, edge), "at its edge %s: %s of %q", edge, marshaled(t, leaf), text)
				want = !want
			}
		}
	})
}

// S-14, C-31: the database finds the midnights that the product does, in every zone. Editions
// of the database of zones differ about the last century.
func TestDaysBeginAlikeInEveryZone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	var names []string
	require.NoError(t, db.Pool.QueryRow(t.Context(), `select array_agg(name order by name) from zones`).Scan(&names))
	require.Greater(t, len(names), 500)
	r := rand.New(rand.NewPCG(1, 2))
	var zones, days []string
	for _, name := range names {
		for range 30 {
			zones, days = append(zones, name), append(days, time.Date(2000+r.IntN(60), 1, 1+r.IntN(366), 0, 0, 0, 0, time.UTC).Format("2006-01-02"))
		}
	}
	for zone, day := range map[string]string{ // midnights that are left out, come twice, days that never were
		"America/Sao_Paulo": "2018-11-04", "America/Havana": "2012-11-04", "Asia/Beirut": "2021-03-28", "Pacific/Apia": "2011-12-30", "Africa/Cairo": "2014-05-16", "America/Asuncion": "2010-10-03", "Asia/Gaza": "2012-03-30",
	} {
		zones, days = append(zones, zone), append(days, day)
	}
	rows, err := db.Pool.Query(t.Context(), `select w.zone, w.day, hogsend_instant(to_jsonb(w.day), w.zone, '{}') from unnest($1::text[], $2::text[]) w (zone, day)`, zones, days)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Zone, Day string
		At        time.Time
	}])
	require.NoError(t, err)
	require.Len(t, found, len(days))
	for _, one := range found {
		loc, err := zone.Load(one.Zone)
		require.NoError(t, err)
		date, ok := zone.ParseDate(one.Day)
		require.True(t, ok)
		require.Equal(t, date.Instant(loc), one.At.UTC(), "%s in %s", one.Day, one.Zone)
	}
}

// C-18, C-19, C-20, C-21: the builder gives what is written by hand, and what cannot be is refused.
func TestConditionsOnDates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 1, 0, 0, 1500, time.FixedZone("", 3600))
	for written, built := range map[string]hogsend.Condition{
		`{"type":"property","property":"renewsAt","operator":"in_next","within":{"hours":72}}`:                       hogsend.Prop("renewsAt").InNext(3 * hogsend.Day),
		`{"type":"property","property":"renewsAt","operator":"in_last","within":{"seconds":0.5}}`:                    hogsend.Prop("renewsAt").InLast(500 * time.Millisecond),
		`{"type":"property","property":"signedUp","operator":"before","value":"2026-01-01T00:00:00.000001Z"}`:        hogsend.Prop("signedUp").Before(at),
		`{"type":"property","property":"signedUp","operator":"after","value":"2026-01-01T03:00:00.000001500+03:00"}`: hogsend.Prop("signedUp").After(at),
	} {
		tree, problems, err := criteria.UnmarshalTree(json.RawMessage(written))
		require.NoError(t, err)
		require.Empty(t, problems, written)
		require.Equal(t, built, tree)
		of, err := criteria.HashTree(tree)
		require.NoError(t, err)
		by, err := criteria.HashTree(built)
		require.NoError(t, err)
		require.Equal(t, by, of)
		raw, err := criteria.MarshalTree(built)
		require.NoError(t, err)
		again, problems, err := criteria.UnmarshalTree(raw)
		require.NoError(t, err)
		require.Empty(t, problems)
		require.Equal(t, built, again)
	}
	for written, want := range map[string]string{
		`{"type":"property","property":"a","operator":"in_next"}`:                                                                                  "criteria.within is required",
		`{"type":"property","property":"a","operator":"in_next","within":{}}`:                                                                      "criteria.within must be from 1 ms to 3650 days, in whole milliseconds",
		`{"type":"property","property":"a","operator":"in_last","within":{"hours":1},"value":1}`:                                                   "criteria.value is not taken by in_last",
		`{"type":"property","property":"a","operator":"before"}`:                                                                                   "criteria.value must be an instant such as 2026-01-01T00:00:00Z",
		`{"type":"property","property":"a","operator":"after","value":"2026-01-01"}`:                                                               "criteria.value must be an instant such as 2026-01-01T00:00:00Z",
		`{"type":"property","property":"a","operator":"eq","value":1,"within":{"hours":1}}`:                                                        "criteria.within is not taken by eq",
		`{"type":"property","property":"a","operator":"before","value":"2026-01-01T00:00:00Z","within":{"hours":1}}`:                               "criteria.within is not taken by before",
		`{"type":"event","eventName":"e","check":"exists","where":[{"type":"property","property":"a","operator":"in_next","within":{"hours":1}}]}`: "criteria.where.0.operator in_next is no condition on a property of past events",
	} {
		_, problems, err := criteria.UnmarshalTree(json.RawMessage(written))
		require.NoError(t, err)
		require.Len(t, problems, 1, written)
		require.Equal(t, want, problems[0].Path+" "+problems[0].Message)
	}
	problems := condition.CheckList([]hogsend.Condition{hogsend.Prop("a").Before(noon)})
	require.Equal(t, []condition.Problem{{Path: "0.operator", Message: "before belongs to the criteria of buckets and to Audience"}}, problems)
}
