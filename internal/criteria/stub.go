// This file holds the place of the compiler that is being written beside it: delete
// it as soon as these names exist.
package criteria

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
)

type Window struct {
	Event  string
	Within time.Duration
}
type Anchor struct {
	Event string
	Plus  time.Duration
}
type Facts struct {
	Events, Properties, Templates []string
	Windows                       []Window
	Anchor                        Anchor
}
type Predicate struct {
	SQL  string
	Args []any
}

func FactsOf(hogsend.Condition) Facts                        { return Facts{} }
func Compile(hogsend.Condition, int) Predicate               { return Predicate{} }
func MarshalTree(hogsend.Condition) (json.RawMessage, error) { return nil, nil }
func HashTree(hogsend.Condition) (string, error)             { return "", nil }
func UnmarshalTree(json.RawMessage) (hogsend.Condition, []hogsend.ConditionProblem, error) {
	return nil, nil, nil
}
