package criteria

import (
	"math"
	"math/big"
	"strings"

	"github.com/hogsend/hogsend/internal/condition"
)

// property is the truth table of C-3. It must agree with propertyHolds, and its
// guards with C-17: what CASE has not let through is never cast.
func (c *compiler) property(n condition.Property) string {
	value, _ := condition.PlainValue(n.Value)
	text, isText := value.(string)
	number, isNumber := value.(float64)
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
	if number, ok := value.(float64); ok {
		return c.compare(n, "=", number)
	}
	sqlType := "text"
	if _, ok := value.(bool); ok {
		sqlType = "boolean"
	}
	return "coalesce(" + c.stored(n) + " = to_jsonb(" + c.arg(value, sqlType) + "), false)"
}

// compare rounds the stored number to float64, as everything outside of the database
// does, and minds what Postgres would refuse to cast (C-4, C-17).
func (c *compiler) compare(n condition.Property, symbol string, number float64) string {
	stored := c.stored(n)
	if c.overflow == "" {
		c.overflow, c.underflow = c.arg(overflow(), "numeric"), c.arg(underflow(), "numeric")
	}
	exact := stored + "::numeric"
	rounded := "case when abs(" + exact + ") >= " + c.overflow + " then sign(" + exact + ")::float8 * 'infinity'::float8" +
		" when abs(" + exact + ") <= " + c.underflow + " then 0 else " + stored + "::float8 end"
	return when(stored, "number", "("+rounded+") "+symbol+" "+c.arg(number, "float8"))
}

// overflow is the least number that rounds to infinity: half a unit above the
// greatest float64.
func overflow() string {
	greatest, _ := new(big.Float).SetFloat64(math.MaxFloat64).Int(nil)
	return greatest.Add(greatest, new(big.Int).Lsh(big.NewInt(1), 970)).String()
}

// underflow is the greatest number that rounds to 0, half of the least float64: 2^-1075.
func underflow() string {
	digits := new(big.Int).Exp(big.NewInt(5), big.NewInt(1075), nil).String()
	return "0." + strings.Repeat("0", 1075-len(digits)) + digits
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
