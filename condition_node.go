package hogsend

import "github.com/hogsend/hogsend/internal/condition"

// The nodes under their former names, until every package says condition.
type (
	PropertyCondition  = condition.Property
	EventCondition     = condition.Event
	EmailCondition     = condition.Email
	CompositeCondition = condition.Composite
	PropertyOperator   = condition.Operator
	CompositeOperator  = condition.Join
	EventCheck         = condition.EventCheck
	EmailCheck         = condition.EmailCheck
)

const (
	Neq             = condition.Neq
	Exists          = condition.Exists
	NotExists       = condition.NotExists
	Contains        = condition.Contains
	OperatorAnd     = condition.And
	OperatorOr      = condition.Or
	OperatorNot     = condition.Not
	EventExists     = condition.EventExists
	EventNotExists  = condition.EventNotExists
	EventCount      = condition.EventCount
	EmailOpened     = condition.EmailOpened
	EmailClicked    = condition.EmailClicked
	EmailNotOpened  = condition.EmailNotOpened
	EmailNotClicked = condition.EmailNotClicked
)
