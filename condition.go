package hogsend

// Condition is one node of a criteria tree: plain data that Studio prints, the
// API serves as JSON and a hash identifies (C-19, C-21). The set of node types is
// closed; internal/criteria gives them their meaning.
type Condition interface{ condition() }

// PropertyOperator compares a stored value with the value of a condition (C-3).
type PropertyOperator string

// The property operators. Nothing is coerced: "5" is not 5 (C-3, J-19).
const (
	Eq        PropertyOperator = "eq"
	Neq       PropertyOperator = "neq"
	Gt        PropertyOperator = "gt"
	Gte       PropertyOperator = "gte"
	Lt        PropertyOperator = "lt"
	Lte       PropertyOperator = "lte"
	Exists    PropertyOperator = "exists"
	NotExists PropertyOperator = "not_exists"
	Contains  PropertyOperator = "contains"
)

// PropertyCondition compares one top-level property. Only strings, numbers and
// booleans exist for it; null, objects and arrays count as missing (C-2, J-18).
type PropertyCondition struct {
	Property string
	Operator PropertyOperator
	// Value is a string, a number or a bool as the operator asks, nil for Exists
	// and NotExists.
	Value any
}

// CompositeOperator joins conditions.
type CompositeOperator string

// The composite operators (C-12).
const (
	OperatorAnd CompositeOperator = "and"
	OperatorOr  CompositeOperator = "or"
	OperatorNot CompositeOperator = "not"
)

// CompositeCondition joins conditions. An empty OperatorAnd is true, an empty
// OperatorOr is false, OperatorNot has exactly one child (C-12).
type CompositeCondition struct {
	Operator   CompositeOperator
	Conditions []Condition
}

func (PropertyCondition) condition()  {}
func (CompositeCondition) condition() {}

// Property starts a condition on one property; see Prop.
type Property struct{ name string }

// Prop starts a condition on the named top-level property. "a.b" is the key
// "a.b", not a path (C-2).
func Prop(name string) Property { return Property{name: name} }

func (p Property) is(op PropertyOperator, value any) Condition {
	return PropertyCondition{Property: p.name, Operator: op, Value: value}
}

// Eq holds when the property has the same type and value.
func (p Property) Eq(value any) Condition { return p.is(Eq, value) }

// Neq is the complement of Eq: it also holds when the property is missing.
func (p Property) Neq(value any) Condition { return p.is(Neq, value) }

// Gt holds when both sides are numbers and the property is greater.
func (p Property) Gt(value any) Condition { return p.is(Gt, value) }

// Gte holds when both sides are numbers and the property is not less.
func (p Property) Gte(value any) Condition { return p.is(Gte, value) }

// Lt holds when both sides are numbers and the property is less.
func (p Property) Lt(value any) Condition { return p.is(Lt, value) }

// Lte holds when both sides are numbers and the property is not greater.
func (p Property) Lte(value any) Condition { return p.is(Lte, value) }

// Exists holds when the property is present and not null, "" and 0 included.
func (p Property) Exists() Condition { return p.is(Exists, nil) }

// NotExists holds when the property is missing or null.
func (p Property) NotExists() Condition { return p.is(NotExists, nil) }

// Contains holds when both sides are strings and value occurs in the property,
// case-sensitively.
func (p Property) Contains(value string) Condition { return p.is(Contains, value) }

// All holds when every condition does; with none it is true.
func All(conditions ...Condition) Condition {
	return CompositeCondition{Operator: OperatorAnd, Conditions: conditions}
}

// Any holds when at least one condition does; with none it is false.
func Any(conditions ...Condition) Condition {
	return CompositeCondition{Operator: OperatorOr, Conditions: conditions}
}

// Not holds when the condition does not: not(gt 5) also where there is no number,
// not(opened) also where there is no mail (C-13).
func Not(condition Condition) Condition {
	return CompositeCondition{Operator: OperatorNot, Conditions: []Condition{condition}}
}
