package criteria

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/naming"
)

// The types of nodes in JSON (C-19).
const (
	typeProperty  = "property"
	typeEvent     = "event"
	typeEmail     = "email_engagement"
	typeComposite = "composite"
	typeInBucket  = "in_bucket"
	typeRelated   = "same_as_trigger"
)

// deepest is a level below any that validation accepts: nothing is read beyond it.
const deepest = 20

// Unmarshal reads the JSON form of a list. It is strict: an unknown key, type or
// operator is an error, and so is whatever registration would refuse, all of it
// together (C-18).
func Unmarshal(raw json.RawMessage) ([]condition.Condition, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode conditions: %w", err)
	}
	d := decoder{judged: map[string]bool{}}
	var conditions []condition.Condition
	for i, item := range list {
		conditions = append(conditions, d.node(strconv.Itoa(i), item, 1))
	}
	var problems []error
	for _, p := range d.all(condition.CheckRelated(conditions)) {
		problems = append(problems, fmt.Errorf("decode conditions: %s: %s", p.Path, p.Message))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return conditions, nil
}

// UnmarshalTree reads the JSON form of the criteria of a bucket. It is strict as
// Unmarshal is; problems have paths such as "criteria.conditions.1.within", and with
// any of them there is no tree. Whether a template exists is left open. The error is
// for what is not JSON at all.
func UnmarshalTree(raw json.RawMessage) (condition.Condition, []condition.Problem, error) {
	return ParseTree(raw, nil)
}

// ParseTree is UnmarshalTree for a registry with these templates (C-18).
func ParseTree(raw json.RawMessage, templates func(key string) bool) (condition.Condition, []condition.Problem, error) {
	if !json.Valid(raw) {
		return nil, nil, errors.New("decode criteria: not JSON")
	}
	d := decoder{judged: map[string]bool{}}
	tree := d.node("criteria", raw, 1)
	if problems := d.all(condition.CheckCriteria(tree, templates)); len(problems) > 0 {
		return nil, problems, nil
	}
	return tree, nil, nil
}

// MatchesField is what the paths of the problems of ParseMatches begin with.
const MatchesField = "condition"

// ParseMatches reads the JSON form of what a journey asks of its contact, which is of the
// kinds that an audience takes (J-165). templates and buckets tell which there are. The
// error is for what is not JSON at all.
func ParseMatches(raw json.RawMessage, templates, buckets func(id string) bool) (condition.Condition, []condition.Problem, error) {
	if !json.Valid(raw) {
		return nil, nil, errors.New("decode condition: not JSON")
	}
	d := decoder{judged: map[string]bool{}}
	tree := d.node(MatchesField, raw, 1)
	return tree, d.all(condition.CheckAudience(MatchesField, tree, templates, buckets)), nil
}

// decoder makes the best of what it is given and notes what no condition can tell:
// wrong JSON types and keys that do not belong. The rest is left to validation.
type decoder struct {
	problems []condition.Problem
	judged   map[string]bool // paths that validation need not look at again
}

func (d *decoder) report(path, format string, args ...any) {
	d.problems = append(d.problems, condition.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	d.judged[path] = true
}

// all are the problems together with those that validation found.
func (d *decoder) all(found []condition.Problem) []condition.Problem {
	all := d.problems
	for _, p := range found {
		if !d.judged[p.Path] {
			all = append(all, p)
		}
	}
	return all
}

func (d *decoder) node(path string, raw json.RawMessage, level int) condition.Condition {
	if level > deepest {
		return nil
	}
	n, ok := d.object(path, raw)
	if !ok {
		return nil
	}
	switch kind := n.text("type"); kind {
	case typeProperty:
		n.only("type", "property", "operator", "value", "within")
		property := condition.Property{
			Property: n.text("property"), Operator: condition.Operator(n.text("operator")), Value: n.value(), Within: n.within(),
		}
		return condition.Plain([]condition.Condition{property})[0]
	case typeEvent:
		n.only("type", "eventName", "check", "property", "where", "operator", "value", "within")
		event := condition.Event{
			EventName: n.text("eventName"), Check: condition.EventCheck(n.text("check")), Property: n.text("property"), Where: n.where(level),
			Operator: condition.Operator(n.text("operator")), Value: n.value(), Within: n.within(),
		}
		event.Value = event.PlainValue()
		return event
	case typeEmail:
		n.only("type", "templateKey", "check")
		return condition.Email{TemplateKey: n.text("templateKey"), Check: condition.EmailCheck(n.text("check"))}
	case typeInBucket:
		n.only("type", "bucketId")
		return condition.InBucket{BucketID: n.text("bucketId")}
	case typeRelated:
		n.only("type", "property", "triggerProperty")
		return condition.SameAsTrigger{Property: n.text("property"), TriggerProperty: n.text("triggerProperty")}
	case typeComposite:
		n.only("type", "operator", "conditions")
		return condition.Composite{Operator: condition.Join(n.text("operator")), Conditions: n.conditions(level)}
	}
	if !d.judged[path+".type"] {
		d.report(path+".type", "must be property, event, email_engagement or composite")
	}
	d.judged[path] = true // there is something, if nothing known
	return nil
}

// object is a JSON object whose keys are taken one by one.
type object struct {
	*decoder
	path   string
	fields map[string]json.RawMessage
}

func (d *decoder) object(path string, raw json.RawMessage) (object, bool) {
	o := object{decoder: d, path: path}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &o.fields) != nil {
		d.report(path, "must be an object")
		return o, false
	}
	return o, true
}

// only reports every other key: nothing is dropped silently.
func (o object) only(known ...string) {
	for _, key := range slices.Sorted(maps.Keys(o.fields)) {
		if !slices.Contains(known, key) {
			o.report(o.path+"."+key, "is unknown%s", naming.Suggestion(key, known))
		}
	}
}

// text is a string, "" for a key that is missing.
func (o object) text(key string) string {
	raw, given := o.fields[key]
	var text string
	if given && (raw[0] != '"' || json.Unmarshal(raw, &text) != nil) {
		o.report(o.path+"."+key, "must be a string")
	}
	return text
}

// value is what a property is compared with, nil when the key is missing.
func (o object) value() any {
	raw, given := o.fields["value"]
	if !given {
		return nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // exact (C-4)
	if err := decoder.Decode(&value); err != nil {
		o.report(o.path+".value", "is not JSON") // unreachable: it was decoded with what is around it
	} else if value == nil {
		o.report(o.path+".value", "must not be null")
	}
	if plain, ok := condition.PlainValue(value); ok {
		return plain
	}
	return value
}

// within is a duration, nil when the key is missing.
func (o object) within() *time.Duration {
	raw, given := o.fields["within"]
	if !given {
		return nil
	}
	var total time.Duration
	path := o.path + ".within"
	w, ok := o.object(path, raw)
	if !ok {
		return &total
	}
	w.only("hours", "minutes", "seconds")
	sum := new(big.Rat) // in milliseconds
	for _, unit := range []struct {
		key  string
		size time.Duration
	}{{"hours", time.Hour}, {"minutes", time.Minute}, {"seconds", time.Second}} {
		part, problem := w.part(unit.key)
		if problem != "" {
			o.report(path, "%s %s", unit.key, problem)
			return &total
		}
		sum.Add(sum, part.Mul(part, new(big.Rat).SetInt64(unit.size.Milliseconds())))
	}
	if !sum.IsInt() {
		o.report(path, "must be in whole milliseconds")
		return &total
	}
	total = math.MaxInt64 // too long, as validation will say
	if sum.Cmp(new(big.Rat).SetInt64(math.MaxInt64/int64(time.Millisecond))) < 0 {
		total = time.Duration(sum.Num().Int64()) * time.Millisecond
	}
	return &total
}

// part is one unit of a duration, exactly; 0 when the key is missing.
func (o object) part(unit string) (part *big.Rat, problem string) {
	raw, given := o.fields[unit]
	if !given {
		return new(big.Rat), ""
	}
	approximate, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return nil, "must be a number"
	case approximate < 0:
		return nil, "must not be negative"
	case approximate > 1e12:
		return new(big.Rat).SetInt64(1e12), "" // long enough
	case approximate < 1e-12 && strings.ContainsAny(significand(raw), "123456789"):
		return nil, "must be in whole milliseconds"
	}
	part, ok := new(big.Rat).SetString(string(raw))
	if !ok {
		return nil, "must be a number"
	}
	return part, ""
}

// significand is a number without its exponent.
func significand(raw json.RawMessage) string {
	return strings.FieldsFunc(string(raw), func(r rune) bool { return r == 'e' || r == 'E' })[0]
}

func (o object) conditions(level int) []condition.Condition { return o.list("conditions", level) }

// where are the conditions on counted events, nil when the key is missing.
func (o object) where(level int) []condition.Condition {
	if _, given := o.fields["where"]; !given {
		return nil
	}
	return o.list("where", level)
}

func (o object) list(key string, level int) []condition.Condition {
	path := o.path + "." + key
	var list []json.RawMessage
	if raw := o.fields[key]; len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		o.report(path, "must be an array")
		return nil
	}
	var conditions []condition.Condition
	for i, item := range list {
		conditions = append(conditions, o.node(path+"."+strconv.Itoa(i), item, level+1))
	}
	return conditions
}
