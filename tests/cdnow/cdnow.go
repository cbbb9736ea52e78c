// Package cdnow is a real purchase history for tests and benchmarks: what 23,570
// people who first bought at the online shop CDNOW in the first quarter of 1997 bought
// there until June 1998 (Fader and Hardie, "Forecasting Repeat Sales at CDNOW",
// Interfaces 31, 2001).
package cdnow

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/ingest"
)

// file has a purchase on each line, by date and then by line in the original: that
// line, customer, day, number of CDs, dollars.
//
//go:embed purchases.txt.gz
var file []byte

// Purchase is one order.
type Purchase struct {
	// Line is where it stands in the original file, which is in order of customers.
	Line     int
	Customer string
	// At is noon UTC of the day; several orders of one person on one day are a minute apart.
	At     time.Time
	CDs    int
	Amount float64
}

// Purchases are all 69,659, in order of time.
func Purchases() ([]Purchase, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("open purchases: %w", err)
	}
	body, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, fmt.Errorf("read purchases: %w", err)
	}
	var all []Purchase
	onDay := map[string]int{}
	for line := range strings.Lines(string(body)) {
		var p Purchase
		var day string
		if _, err := fmt.Sscan(line, &p.Line, &p.Customer, &day, &p.CDs, &p.Amount); err != nil {
			return nil, fmt.Errorf("read purchase %d: %w", len(all)+1, err)
		}
		date, err := time.Parse("20060102", day)
		if err != nil {
			return nil, fmt.Errorf("read purchase %d: %w", len(all)+1, err)
		}
		p.At = date.Add(12*time.Hour + time.Duration(onDay[p.Customer+day])*time.Minute)
		onDay[p.Customer+day]++
		all = append(all, p)
	}
	return all, nil
}

// Names of the events.
const (
	// Ordered is every purchase.
	Ordered = "order.completed"
	// Bulk follows a purchase of four CDs or more, at the same instant.
	Bulk = "order.bulk"
)

// Events are the purchases as a shop would have told of them. The contact property
// largestOrder is kept up to date as the largest amount so far.
func Events(all []Purchase) []ingest.Event {
	var events []ingest.Event
	largest := map[string]float64{}
	for _, p := range all {
		at, user := p.At, "cdnow-"+p.Customer
		largest[user] = max(largest[user], p.Amount)
		events = append(events, ingest.Event{
			Name: Ordered, UserID: user, Timestamp: &at, Key: fmt.Sprintf("cdnow-%d", p.Line),
			Properties:        json.RawMessage(fmt.Sprintf(`{"cds":%d,"amount":%s}`, p.CDs, number(p.Amount))),
			ContactProperties: map[string]json.RawMessage{"largestOrder": json.RawMessage(number(largest[user]))},
		})
		if p.CDs >= 4 {
			events = append(events, ingest.Event{Name: Bulk, UserID: user, Timestamp: &at})
		}
	}
	return events
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Buckets use every shape of criteria, limits and dwell that time decides.
func Buckets() []hogsend.Bucket {
	const day = hogsend.Day
	ordered, bulk := hogsend.Event(Ordered), hogsend.Event(Bulk)
	return []hogsend.Bucket{
		{ID: "repeat-buyer", Name: "Bought at least twice within 30 days", Criteria: ordered.Within(30 * day).AtLeast(2)},
		{
			ID: "dormant", Name: "Bought ever but not for 60 days", Criteria: hogsend.All(ordered.Exists(), ordered.Within(60*day).NotExists()),
			Reactions: []hogsend.Reaction{
				hogsend.OnEnter(nothing), hogsend.OnDwell(hogsend.After(14*day), nothing), hogsend.OnDwell(hogsend.Every(30*day), nothing),
			},
		},
		{ID: "big-spender", Name: "Spent over 100 dollars in one order ever", Criteria: hogsend.Prop("largestOrder").Gt(100)},
		{ID: "missing", Name: "Any of two absences", Criteria: hogsend.Any(ordered.Within(45*day).NotExists(), bulk.Within(90*day).NotExists())},
		{
			ID: "fresh", Name: "Bought within 20 days, for 10 days at most", Criteria: ordered.Within(20 * day).Exists(), MaxDwell: 10 * day,
			Reactions: []hogsend.Reaction{hogsend.OnDwell(hogsend.Every(5*day), nothing)},
		},
		{ID: "hot", Name: "Bought within 3 days, for 7 days at least", Criteria: ordered.Within(3 * day).Exists(), MinDwell: 7 * day},
		{
			ID: "active", Name: "Bought within 10 days, told once in 60 days", Criteria: ordered.Within(10 * day).Exists(),
			EntryLimit: hogsend.OncePerPeriod, EntryPeriod: 60 * day,
		},
		{
			ID: "occasional", Name: "Bought once or not at all within 40 days, for 12 to 50 days, told once",
			Criteria: hogsend.All(ordered.Exists(), ordered.Within(40*day).AtMost(1)), MinDwell: 12 * day, MaxDwell: 50 * day, EntryLimit: hogsend.Once,
			Reactions: []hogsend.Reaction{hogsend.OnDwell(hogsend.After(50*day), nothing)},
		},
	}
}

// Detailed are buckets that look into the purchases.
func Detailed() []hogsend.Bucket {
	const day = hogsend.Day
	ordered, amount := hogsend.Event(Ordered), hogsend.Prop("amount")
	return []hogsend.Bucket{
		{ID: "great-order", Name: "Spent over 50 dollars in one order within 60 days", Criteria: ordered.Where(amount.Gt(50)).Within(60 * day).Exists()},
		{ID: "spender", Name: "Spent over 200 dollars within 90 days", Criteria: ordered.Within(90 * day).Sum("amount").Gt(200)},
		{
			ID: "thrifty", Name: "Bought, but for 20.01 dollars at most within 120 days, for 5 days at least",
			Criteria: hogsend.All(ordered.Exists(), ordered.Within(120*day).Sum("amount").Lte(20.01)), MinDwell: 5 * day,
		},
		{ID: "varied", Name: "Bought more than three different numbers of CDs ever", Criteria: ordered.Distinct("cds").Gt(3)},
		{ID: "lapsed", Name: "Spent over 50 dollars in one order ever, but not for 100 days", Criteria: ordered.Where(amount.Gt(50)).Within(100 * day).NotExists()},
	}
}

func nothing(workflow.Context, hogsend.Run) error { return nil }
