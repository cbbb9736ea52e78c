package criteria

import (
	"encoding/json"

	"github.com/hogsend/hogsend/internal/condition"
)

// source is the column of the properties that a leaf looks at.
type source string

const (
	ofContact source = "w.properties"
	ofEvent   source = "e.properties"
)

// property is the truth table of C-3. It must agree with propertyHolds, and its
// guards with C-17: what CASE has not let through is never cast.
func (c *compiler) property(n condition.Property, of source) string {
	value, _ := condition.PlainValue(n.Value)
	number, isNumber := value.(json.Number)
	switch symbol := symbols(n.Operator); {
	case n.Dated():
		return c.compareDate(n, of)
	case n.Operator == condition.Exists:
		return given(c.stored(n.Property, of))
	case n.Operator == condition.NotExists:
		return "(not " + given(c.stored(n.Property, of)) + ")"
	case n.Operator == condition.Contains && value != nil:
		return c.contains(c.stored(n.Property, of), value)
	case n.Operator == condition.Neq && value != nil:
		return "(not " + c.equal(c.stored(n.Property, of), value) + ")"
	case n.Operator == condition.Eq && value != nil:
		return c.equal(c.stored(n.Property, of), value)
	case symbol != "" && isNumber:
		return c.compare(c.stored(n.Property, of), symbol, number)
	}
	return "false"
}

func (c *compiler) stored(name string, of source) string {
	return "(" + string(of) + " -> " + c.arg(name, "text") + ")"
}

func given(stored string) string {
	return "coalesce(jsonb_typeof(" + stored + ") <> 'null', false)"
}

// when is the test for values of one JSON type and false for all else.
func when(stored, jsonType, test string) string {
	return "(case when jsonb_typeof(" + stored + ") = '" + jsonType + "' then " + test + " else false end)"
}

// contains looks for a text in a text and for any value among the elements of an array.
func (c *compiler) contains(stored string, value any) string {
	element := when(stored, "array", stored+" @> "+c.json(value))
	if text, ok := value.(string); ok {
		return "(" + when(stored, "string", "strpos("+stored+" #>> '{}', "+c.arg(text, "text")+") > 0") + " or " + element + ")"
	}
	return element
}

// json is a value as jsonb.
func (c *compiler) json(value any) string {
	switch v := value.(type) {
	case json.Number:
		return "to_jsonb(" + c.arg(v.String(), "numeric") + ")"
	case bool:
		return "to_jsonb(" + c.arg(v, "boolean") + ")"
	}
	return "to_jsonb(" + c.arg(value, "text") + ")"
}

func (c *compiler) equal(stored string, value any) string {
	if number, ok := value.(json.Number); ok {
		return c.compare(stored, "=", number)
	}
	return "coalesce(" + stored + " = " + c.json(value) + ", false)"
}

// compare compares exactly (C-4): jsonb keeps every digit of a number, and numeric has
// room for all that jsonb does.
func (c *compiler) compare(stored, symbol string, number json.Number) string {
	return when(stored, "number", stored+"::numeric "+symbol+" "+c.arg(number.String(), "numeric"))
}

// symbols are the operators that compare numbers, in SQL; "" for any other.
func symbols(op condition.Operator) string {
	switch op {
	case condition.Eq:
		return "="
	case condition.Gt:
		return ">"
	case condition.Gte:
		return ">="
	case condition.Lt:
		return "<"
	case condition.Lte:
		return "<="
	}
	return ""
}
