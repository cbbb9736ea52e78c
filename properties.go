package hogsend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// Properties are the properties of an event or a contact: JSON values under top-level
// keys. Numbers that were stored are json.Number and have every digit that came in, so
// that ids of 19 digits stay what they are; strings, booleans, nil, []any and
// map[string]any are as usual. [Properties.Int] and its like read single values,
// [Properties.Decode] reads them into a struct.
//
// Properties that a journey writes may have any value that encoding/json takes (J-167).
type Properties map[string]any

// UnmarshalJSON reads a JSON object, with numbers as json.Number.
func (p *Properties) UnmarshalJSON(raw []byte) error {
	var values map[string]any
	if err := exactly(raw, &values); err != nil {
		return err
	}
	*p = values
	return nil
}

// exactly decodes JSON without a binary float in between.
func exactly(raw []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder.Decode(out)
}

// String is a property that is a string; ok is false for anything else.
func (p Properties) String(name string) (value string, ok bool) {
	if _, number := p[name].(json.Number); number {
		return "", false
	}
	value, ok = p[name].(string)
	return value, ok
}

// Int is a property that is a whole number within int64, 3 and 3.0 alike; ok is false for
// anything else.
func (p Properties) Int(name string) (value int64, ok bool) {
	number, ok := condition.NumberOf(p[name])
	if !ok {
		return 0, false
	}
	return number.Int()
}

// Float is a property that is a number, as the float64 nearest to it; ok is false for
// anything else, and for numbers beyond all float64.
func (p Properties) Float(name string) (value float64, ok bool) {
	number, ok := condition.NumberOf(p[name])
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseFloat(number.String(), 64)
	return value, err == nil && !math.IsInf(value, 0)
}

// Bool is a property that is a boolean; ok is false for anything else.
func (p Properties) Bool(name string) (value, ok bool) {
	value, ok = p[name].(bool)
	return value, ok
}

// Time is a property that is a string with an instant, such as "2026-03-01T09:00:00Z" or
// "2026-03-01T10:00:00+01:00" (RFC 3339); ok is false for anything else.
func (p Properties) Time(name string) (value time.Time, ok bool) {
	text, ok := p.String(name)
	if !ok {
		return time.Time{}, false
	}
	value, err := time.Parse(time.RFC3339Nano, text)
	return value, err == nil
}

// Decode reads the properties into the struct that out points to, by the names of its
// JSON tags, as encoding/json does. Properties without a field are left out; a value that
// does not fit its field is an error.
func (p Properties) Decode(out any) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("decode properties: %w", err)
	}
	if err := exactly(raw, out); err != nil {
		return fmt.Errorf("decode properties: %w", err)
	}
	return nil
}
