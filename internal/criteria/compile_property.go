package criteria

import (
	"encoding/json"

	"github.com/hogsend/hogsend/internal/condition"
)

// property is the truth table of C-3. It must agree with propertyHolds, and its
// guards with C-17: what CASE has not let through is never cast.
func (c *compiler) property(n condition.Property) string {
	value, _ := condition.PlainValue(n.Value)
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	switch symbol := symbols(n.Operator); {
	case n.Operator == condition.Exists:
		return isScalar(c.stored(n))
	case n.Operator == condition.NotExists:
		return "(not " + isScalar(c.stored(n)) + ")"
	case n.Operator == condition.Contains && isText:
		stored := c.stored(n)
		return when(stored, "string", "strpos("+stored+" #>> '{}', "+c.arg(text, "text")+") > 0")
	case n.Operator == condition.Neq && value != nil:
		return "(not " + c.equal(n, value) + ")"
	case n.Operator == condition.Eq && value != nil:
		return c.equal(n, value)
	case symbol != "" && isNumber:
		return c.compare(n, symbol, number)
	}
	return "false"
}

func (c *compiler) stored(n condition.Property) string {
	return "(w.properties -> " + c.arg(n.Property, "text") + ")"
}

func isScalar(stored string) string {
	return "coalesce(jsonb_typeof(" + stored + ") in ('string', 'number', 'boolean'), false)"
}

// when is the test for values of one JSON type and false for all else.
func when(stored, jsonType, test string) string {
	return "(case when jsonb_typeof(" + stored + ") = '" + jsonType + "' then " + test + " else false end)"
}

func (c *compiler) equal(n condition.Property, value any) string {
	if number, ok := value.(json.Number); ok {
		return c.compare(n, "=", number)
	}
	sqlType := "text"
	if _, ok := value.(bool); ok {
		sqlType = "boolean"
	}
	return "coalesce(" + c.stored(n) + " = to_jsonb(" + c.arg(value, sqlType) + "), false)"
}

// compare compares exactly (C-4): jsonb keeps every digit of a number, and numeric has
// room for all that jsonb does.
func (c *compiler) compare(n condition.Property, symbol string, number json.Number) string {
	stored := c.stored(n)
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
