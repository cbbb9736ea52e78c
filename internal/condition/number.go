package condition

import (
	"cmp"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// Number is a decimal number of any size, exactly: numbers that are equal are equal as
// Go values (C-4).
type Number struct {
	negative bool
	// The number is 0.digits times ten to the power of exponent. digits neither begins nor
	// ends with 0; those of 0 are empty.
	digits   string
	exponent int
}

// farthest is an exponent beyond that of any number that Postgres keeps.
const farthest = 1 << 30

// ParseNumber reads a number as JSON writes it.
func ParseNumber(text string) (Number, bool) {
	rest, negative := strings.CutPrefix(text, "-")
	mantissa, power, hasPower := strings.Cut(strings.ToLower(rest), "e")
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !decimal(whole) || hasFraction && !decimal(fraction) || len(whole) > 1 && whole[0] == '0' {
		return Number{}, false
	}
	exponent := 0
	if hasPower {
		sign := strings.TrimPrefix(strings.TrimPrefix(power, "+"), "-")
		if !decimal(sign) || len(power)-len(sign) > 1 {
			return Number{}, false
		}
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || max(exponent, -exponent) > farthest {
			exponent = farthest
			if power[0] == '-' {
				exponent = -farthest
			}
		}
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent += len(whole) - (len(whole) + len(fraction) - len(digits))
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		return Number{}, true // -0 is 0
	}
	return Number{negative: negative, digits: digits, exponent: exponent}, true
}

func decimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// NumberOf is the exact number of a value of any of Go's number types, or of JSON's; of a
// float it is the shortest decimal that reads as the float. ok is false for anything
// else, and for floats that are not finite.
func NumberOf(value any) (n Number, ok bool) {
	if text, isNumber := value.(json.Number); isNumber {
		return ParseNumber(text.String())
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return Number{}, false
	case v.CanInt():
		return ParseNumber(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		return ParseNumber(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat() && !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0):
		return ParseNumber(strconv.FormatFloat(v.Float(), 'e', -1, v.Type().Bits()))
	}
	return Number{}, false
}

// Compare is -1 if n is less than o, 1 if it is greater and 0 if they are equal.
func (n Number) Compare(o Number) int {
	if c := cmp.Compare(n.sign(), o.sign()); c != 0 {
		return c
	}
	c := cmp.Compare(n.exponent, o.exponent)
	if c == 0 {
		c = strings.Compare(n.digits, o.digits) // as 0.digits, which end in no 0
	}
	return c * n.sign()
}

func (n Number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

// beyond is an exponent that no number that Postgres keeps has.
const beyond = 200_000

// Plus is the exact sum of two numbers. One that no database can keep adds nothing.
func (n Number) Plus(o Number) Number {
	if o.digits == "" || max(o.exponent, -o.exponent) > beyond {
		return n
	}
	if n.digits == "" || max(n.exponent, -n.exponent) > beyond {
		return o
	}
	scale := min(n.exponent-len(n.digits), o.exponent-len(o.digits))
	sum := new(big.Int).Add(n.scaled(scale), o.scaled(scale))
	total := Number{negative: sum.Sign() < 0}
	digits := sum.Abs(sum).String()
	if digits == "0" {
		return Number{}
	}
	total.exponent, total.digits = scale+len(digits), strings.TrimRight(digits, "0")
	return total
}

// scaled is the number in units of a power of ten that it has no fraction of.
func (n Number) scaled(power int) *big.Int {
	units, _ := new(big.Int).SetString(n.digits+strings.Repeat("0", n.exponent-len(n.digits)-power), 10) // digits
	if n.negative {
		units.Neg(units)
	}
	return units
}

// Int is the number as an int64; ok is false if it is none.
func (n Number) Int() (value int64, ok bool) {
	if n.exponent < len(n.digits) || n.exponent > 19 {
		return 0, n.digits == ""
	}
	value, err := strconv.ParseInt(n.String(), 10, 64)
	return value, err == nil
}

// String is the canonical form: the shortest decimal, with an exponent from 1e21 up and
// below 1e-6, as encoding/json writes floats, so that hashes of conditions stay (C-27).
func (n Number) String() string {
	if n.digits == "" {
		return "0"
	}
	var out strings.Builder
	if n.negative {
		out.WriteByte('-')
	}
	size := len(n.digits)
	switch {
	case n.exponent > 21 || n.exponent < -5:
		out.WriteString(n.digits[:1])
		if size > 1 {
			out.WriteString("." + n.digits[1:])
		}
		out.WriteByte('e')
		if n.exponent > 0 {
			out.WriteByte('+')
		}
		out.WriteString(strconv.Itoa(n.exponent - 1))
	case n.exponent <= 0:
		out.WriteString("0." + strings.Repeat("0", -n.exponent) + n.digits)
	case n.exponent >= size:
		out.WriteString(n.digits + strings.Repeat("0", n.exponent-size))
	default:
		out.WriteString(n.digits[:n.exponent] + "." + n.digits[n.exponent:])
	}
	return out.String()
}

// longest is how many digits the number of a condition may have, written out.
const longest = 1000

// writable reports whether the number may be written out.
func (n Number) writable() bool {
	return max(n.exponent, len(n.digits)-n.exponent) <= longest
}
