package email

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// The functions that end every printing action of a template.
const (
	printName = "hogsendPrint"
	placeName = "hogsendPrintAt"
)

// functions are those of templates that treat numbers as people write them, whatever
// Go type they have: without an exponent, and compared by value (E-79).
func (c *compiled) functions() map[string]any {
	return map[string]any{
		localName: localIn(time.UTC, true),
		"answer":  c.answers.link,
		printName: printed, placeName: printedAt,
		"print":   func(args ...any) string { return fmt.Sprint(printedAll(args)...) },
		"println": func(args ...any) string { return fmt.Sprintln(printedAll(args)...) },
		"printf":  printf,
		"eq":      equal,
		"ne":      func(a, b any) (bool, error) { same, err := equal(a, b); return !same, err },
		"lt":      func(a, b any) (bool, error) { c, err := compare(a, b); return c < 0, err },
		"le":      func(a, b any) (bool, error) { c, err := compare(a, b); return c <= 0, err },
		"gt":      func(a, b any) (bool, error) { c, err := compare(a, b); return c > 0, err },
		"ge":      func(a, b any) (bool, error) { c, err := compare(a, b); return c >= 0, err },
	}
}

// decimal is a number as it is printed. It is a number in JSON as well.
type decimal string

func (d decimal) String() string { return string(d) }

// MarshalJSON keeps it a number where html/template writes JavaScript.
func (d decimal) MarshalJSON() ([]byte, error) { return []byte(d), nil }

// printed is what an action prints of a value: nothing for one that is not there, which
// the text package would print as "<no value>" into a customer's mail, and plain
// decimals for numbers, in lists and maps as well.
func printed(v any) any {
	if v == nil {
		return ""
	}
	if d, ok := decimalOf(v); ok {
		return d
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer && !r.IsNil() {
		if d, ok := decimalOf(r.Elem().Interface()); ok {
			return d
		}
	}
	switch v.(type) {
	case fmt.Stringer, error, json.Marshaler:
		return v
	}
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		if !holdsNumbers(r.Type().Elem()) {
			return v
		}
		list := make([]any, r.Len())
		for i := range list {
			list[i] = element(r.Index(i))
		}
		return list
	case reflect.Map:
		if !holdsNumbers(r.Type().Elem()) || r.Type().Key().Kind() != reflect.String {
			return v
		}
		m := make(map[string]any, r.Len())
		for key, value := range r.Seq2() {
			m[key.String()] = element(value)
		}
		return m
	}
	return v
}

// element is a value inside of another: one that is not there stays so.
func element(v reflect.Value) any {
	if v.Kind() == reflect.Interface && v.IsNil() {
		return nil
	}
	return printed(v.Interface())
}

func printedAll(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = printed(a)
	}
	return out
}

// holdsNumbers reports whether values of the type may be numbers that fmt would print
// with an exponent.
func holdsNumbers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Float32, reflect.Float64, reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer:
		return true
	}
	return t == reflect.TypeFor[json.Number]()
}

// decimalOf is the plain decimal of a number that fmt might print otherwise: of a float,
// or of JSON's number, whose text is kept.
func decimalOf(v any) (decimal, bool) {
	switch v := v.(type) {
	case decimal:
		return v, true
	case json.Number:
		text, err := plain(string(v))
		return decimal(text), err == nil
	case fmt.Stringer, error, json.Marshaler:
		return "", false
	}
	r := reflect.ValueOf(v)
	bits := 64
	switch r.Kind() {
	case reflect.Float32:
		bits = 32
	case reflect.Float64:
	default:
		return "", false
	}
	text, err := plain(strconv.FormatFloat(r.Float(), 'f', -1, bits))
	return decimal(text), err == nil // not NaN, not infinite
}

// maxExponent bounds what is written out.
const maxExponent = 400

var errNumber = errors.New("is not a number that can be written out")

// plain writes a JSON number without its exponent; the digits it has stay (C-27).
func plain(number string) (string, error) {
	mantissa, exponent := number, 0
	if at := strings.IndexAny(number, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(number[at+1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return "", errNumber
		}
		mantissa = number[:at]
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return "", errNumber
	}
	if exponent != 0 {
		digits = whole + fraction
		point := len(whole) + exponent
		if point <= 0 {
			digits, point = strings.Repeat("0", 1-point)+digits, 1
		}
		if point > len(digits) {
			digits += strings.Repeat("0", point-len(digits))
		}
		whole, fraction = strings.TrimLeft(digits[:point], "0"), digits[point:]
		if whole == "" {
			whole = "0"
		}
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if negative {
		whole = "-" + whole
	}
	return whole, nil
}

// number is the exact value of a number of any Go type.
func number(v any) (*big.Rat, bool) {
	if d, ok := decimalOf(v); ok {
		return new(big.Rat).SetString(string(d))
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return new(big.Rat).SetInt64(r.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return new(big.Rat).SetUint64(r.Uint()), true
	case reflect.Float32, reflect.Float64:
		rat := new(big.Rat).SetFloat64(r.Float())
		return rat, rat != nil
	}
	return nil, false
}

var errIncomparable = errors.New("these values cannot be compared")

// equal reports whether the first is one of the others, as the builtin eq does.
func equal(first any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, errors.New("there is nothing to compare with")
	}
	for _, other := range others {
		if same, err := same(first, other); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func same(a, b any) (bool, error) {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return x.Cmp(y) == 0, nil
		}
	}
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case x.Kind() == reflect.String && y.Kind() == reflect.String:
		return x.String() == y.String(), nil
	case x.Kind() == reflect.Bool && y.Kind() == reflect.Bool:
		return x.Bool() == y.Bool(), nil
	case x.Type() != y.Type() || !x.Comparable():
		return false, errIncomparable
	}
	return a == b, nil
}

func compare(a, b any) (int, error) {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return x.Cmp(y), nil
		}
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Kind() == reflect.String && y.Kind() == reflect.String {
		return strings.Compare(x.String(), y.String()), nil
	}
	return 0, errIncomparable
}

// printf is fmt's, but that a number fits every verb for numbers, and that a verb which
// does not fit is an error instead of "%!d(…)" in a mail.
func printf(format string, args ...any) (string, error) {
	values, harmless := make([]any, len(args)), make([]any, len(args))
	for i, a := range args {
		values[i], harmless[i] = formatted(format, a)
	}
	text := fmt.Sprintf(format, values...)
	// What fmt complains of is told from a value that looks like a complaint.
	if strings.Contains(text, "%!") {
		checked := fmt.Sprintf(strings.ReplaceAll(format, "%%", ""), harmless...)
		if at := strings.Index(checked, "%!"); at >= 0 {
			complaint, _, _ := strings.Cut(checked[at:], "(")
			return "", fmt.Errorf("a verb of %q does not fit its value (%s)", format, complaint)
		}
	}
	return text, nil
}

// formatted is a value as printf formats it, and one of its kind without text.
func formatted(format string, v any) (value, harmless any) {
	if v == nil {
		return missing{}, missing{}
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String && r.Type() != reflect.TypeFor[decimal]() && r.Type() != reflect.TypeFor[json.Number]() {
		return v, ""
	}
	_, named := v.(fmt.Stringer)
	if d, ok := decimalOf(v); ok {
		return formatter(d), formatter(d)
	}
	// A width of * takes an int, and nothing else.
	if rat, ok := number(v); ok && !named && !strings.Contains(format, "*") && rat.IsInt() {
		return formatter(rat.RatString()), formatter(rat.RatString())
	}
	return v, v
}

// missing is a value that is not there: it prints nothing, whatever the verb.
type missing struct{}

// Format prints nothing.
func (missing) Format(fmt.State, rune) {}

// formatter is a number in plain decimal that every verb for numbers and text takes.
type formatter string

// Format is fmt's for a number of the type that the verb asks for.
func (n formatter) Format(f fmt.State, verb rune) {
	format := fmt.FormatString(f, verb)
	switch verb {
	case 's', 'v', 'q':
		fmt.Fprintf(f, strings.ReplaceAll(format, "v", "s"), string(n))
		return
	case 'e', 'E', 'f', 'F', 'g', 'G':
		const precision = 256 // of 40 digits nothing is lost
		if value, _, err := big.ParseFloat(string(n), 10, precision, big.ToNearestEven); err == nil {
			fmt.Fprintf(f, format, value)
			return
		}
	case 'd', 'b', 'o', 'O', 'x', 'X', 'c', 'U':
		rat, ok := new(big.Rat).SetString(string(n))
		switch {
		case !ok || !rat.IsInt():
		case verb == 'c' || verb == 'U':
			fmt.Fprintf(f, format, rat.Num().Int64())
			return
		default:
			fmt.Fprintf(f, format, rat.Num())
			return
		}
	}
	fmt.Fprintf(f, "%%!%c(number=%s)", verb, string(n))
}

// printedAt is printed for a place where a guard may refuse the value.
func printedAt(place string, image bool, v any) any {
	v = printed(v)
	if d, ok := v.(decimal); ok {
		return placed{string(d), place, image}
	}
	// A type of its own may be one that html/template trusts.
	if s, ok := v.(string); ok {
		return placed{s, place, image}
	}
	return v
}
