// Package alert watches over what goes wrong: rules are evaluated against figures, and what
// fires is told over a channel, once in a cooldown.
package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/hogsend/hogsend"
)

// Type is what a rule looks at.
type Type string

// The types of rules (O-14).
const (
	Bounces    Type = "bounce_rate_exceeded"
	Complaints Type = "high_complaint_rate"
	Deliveries Type = "delivery_issue"
	Failures   Type = "journey_failure_spike"
	Stranded   Type = "stranded_waits"
	OutboxLag  Type = "outbox_lag"
	Letters    Type = "dead_letters"
)

// Channel is how somebody is told.
type Channel string

// The channels (O-16).
const (
	Webhook Channel = "webhook"
	Slack   Channel = "slack"
	Email   Channel = "email"
)

// Valid reports whether there is such a channel.
func (c Channel) Valid() bool { return slices.Contains([]Channel{Webhook, Slack, Email}, c) }

// Types are all of them.
func Types() []Type {
	return []Type{Bounces, Complaints, Deliveries, Failures, Stranded, OutboxLag, Letters}
}

// knownAfter is when something should be known of a mail (O-14).
const knownAfter = 10 * time.Minute

// minSample is how many mails say something about a rate (O-14).
const minSample = 10

// Threshold is when a rule fires: a field for each number that its type has, nil for others.
type Threshold struct {
	Rate            *float64 `json:"rate,omitempty"`
	MinDeliveryRate *float64 `json:"minDeliveryRate,omitempty"`
	Count           *int     `json:"count,omitempty"`
	Seconds         *int     `json:"seconds,omitempty"`
	WindowMinutes   *int     `json:"windowMinutes,omitempty"`
}

func ptr[T any](v T) *T { return &v }

// Default is the threshold of a type, false for an unknown one.
func Default(t Type) (Threshold, bool) {
	hour := ptr(60)
	switch t {
	case Bounces:
		return Threshold{Rate: ptr(0.05), WindowMinutes: hour}, true
	case Complaints:
		return Threshold{Rate: ptr(0.01), WindowMinutes: hour}, true
	case Deliveries:
		return Threshold{MinDeliveryRate: ptr(0.9), WindowMinutes: hour}, true
	case Failures:
		return Threshold{Count: ptr(5), WindowMinutes: hour}, true
	case Stranded:
		return Threshold{Count: ptr(1)}, true
	case OutboxLag:
		return Threshold{Seconds: ptr(300)}, true
	case Letters:
		return Threshold{Count: ptr(1), WindowMinutes: hour}, true
	}
	return Threshold{}, false
}

const (
	maxWindow  = 7 * 24 * 60 // minutes
	maxCount   = 1_000_000_000
	maxSeconds = 30 * 24 * 60 * 60
)

// With overrides the numbers of a threshold by those of an object that a client sent; those
// that the type does not have are ignored. The error is a *hogsend.ValidationError whose
// field is below threshold.
func (t Threshold) With(given map[string]json.RawMessage) (Threshold, error) {
	rate := func(name string, field **float64) error {
		raw, ok := given[name]
		if *field == nil || !ok || string(raw) == "null" {
			return nil
		}
		var v float64
		if err := json.Unmarshal(raw, &v); err != nil || v < 0 || v > 1 || math.IsNaN(v) {
			return &hogsend.ValidationError{Field: "threshold." + name, Message: "must be a number from 0 to 1"}
		}
		*field = &v
		return nil
	}
	whole := func(name string, field **int, high int) error {
		raw, ok := given[name]
		if *field == nil || !ok || string(raw) == "null" {
			return nil
		}
		var v int
		if err := json.Unmarshal(raw, &v); err != nil || v < 1 || v > high {
			return &hogsend.ValidationError{Field: "threshold." + name, Message: "must be an integer from 1 to " + strconv.Itoa(high)}
		}
		*field = &v
		return nil
	}
	for _, err := range []error{
		rate("rate", &t.Rate), rate("minDeliveryRate", &t.MinDeliveryRate), whole("count", &t.Count, maxCount),
		whole("seconds", &t.Seconds, maxSeconds), whole("windowMinutes", &t.WindowMinutes, maxWindow),
	} {
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// Window is how far back the rule looks; 0 for a rule about what is now.
func (t Threshold) Window() time.Duration {
	if t.WindowMinutes == nil {
		return 0
	}
	return time.Duration(*t.WindowMinutes) * time.Minute
}

// Limit is the number that the value of the rule is compared with.
func (t Threshold) Limit() float64 {
	switch {
	case t.Rate != nil:
		return *t.Rate
	case t.MinDeliveryRate != nil:
		return *t.MinDeliveryRate
	case t.Count != nil:
		return float64(*t.Count)
	case t.Seconds != nil:
		return float64(*t.Seconds)
	}
	return 0
}

// Figures are what the types look at.
type Figures struct {
	// Sent, Bounced, Complained, Judged and Delivered are mails of the window.
	Sent, Bounced, Complained, Judged, Delivered int64
	// Failed, Stranded and Letters are counts, Lag is in seconds.
	Failed, Stranded, Letters int64
	Lag                       float64
}

// Verdict says of figures whether a rule fires, by which unrounded value. Sample is how many
// mails a rate is of, 0 for other types.
func (t Threshold) Verdict(of Type, f Figures) (value float64, sample int64, fires bool) {
	share := func(part, whole int64) float64 { return float64(part) / float64(max(whole, 1)) }
	switch of {
	case Bounces:
		value, sample = share(f.Bounced, f.Sent), f.Sent
	case Complaints:
		value, sample = share(f.Complained, f.Sent), f.Sent
	case Deliveries:
		value, sample = share(f.Delivered, f.Judged), f.Judged
		return value, sample, sample >= minSample && value < t.Limit()
	case Failures:
		return float64(f.Failed), 0, float64(f.Failed) >= t.Limit()
	case Stranded:
		return float64(f.Stranded), 0, float64(f.Stranded) >= t.Limit()
	case Letters:
		return float64(f.Letters), 0, float64(f.Letters) >= t.Limit()
	case OutboxLag:
		return f.Lag, 0, f.Lag > t.Limit()
	}
	return value, sample, sample >= minSample && value > t.Limit()
}

// Cools reports whether a rule that fired last at an instant, nil for never, does not fire
// now: exactly the cooldown later it may (O-15).
func Cools(last *time.Time, cooldown time.Duration, now time.Time) bool {
	return last != nil && now.Sub(*last) < cooldown
}

// Firing is what a rule says when it fires: the payload of its history, and the body that
// webhooks get (O-16). Window is in minutes, null for a rule about what is now.
type Firing struct {
	Rule      string    `json:"rule"`
	RuleID    string    `json:"ruleId"`
	Type      Type      `json:"type"`
	Window    *int      `json:"window"`
	Value     float64   `json:"value"`
	Threshold float64   `json:"threshold"`
	Sample    int64     `json:"sample,omitempty"`
	At        time.Time `json:"at"`
	// Test is set for one that somebody sent to try the channel.
	Test bool `json:"test,omitempty"`
}

// Text says in a sentence what fired.
func (f Firing) Text() string {
	percent := func(v float64) string { return strconv.FormatFloat(v*100, 'f', -1, 64) + " %" }
	rounded := func(v float64) string { return strconv.FormatFloat(v*100, 'f', 1, 64) + " %" }
	within := ""
	if f.Window != nil {
		within = fmt.Sprintf(" in the last %d min", *f.Window)
	}
	count := strconv.FormatFloat(f.Value, 'f', -1, 64)
	var text string
	switch f.Type {
	case Bounces:
		text = fmt.Sprintf("%s of %d mails%s bounced (more than %s)", rounded(f.Value), f.Sample, within, percent(f.Threshold))
	case Complaints:
		text = fmt.Sprintf("%s of %d mails%s were reported as spam (more than %s)", rounded(f.Value), f.Sample, within, percent(f.Threshold))
	case Deliveries:
		text = fmt.Sprintf("only %s of %d mails%s were delivered (less than %s)", rounded(f.Value), f.Sample, within, percent(f.Threshold))
	case Failures:
		text = fmt.Sprintf("%s enrollments failed%s", count, within)
	case Stranded:
		text = count + " enrollments are stranded"
	case OutboxLag:
		text = fmt.Sprintf("the oldest message of the outbox waits for %.0f s (more than %.0f s)", f.Value, f.Threshold)
	case Letters:
		text = fmt.Sprintf("%s dead letters came%s", count, within)
	}
	if f.Test {
		return "a test: " + string(f.Type) + " would be told here"
	}
	return text
}
