package steps

import (
	"encoding/json"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
)

// AskedTree is the tree that a journey asks about, if there is all that it names. The error
// is a *hogsend.ValidationError for one that is not valid (J-165).
func AskedTree(raw json.RawMessage, templates, buckets func(id string) bool) (hogsend.Condition, error) {
	tree, problems, err := criteria.ParseMatches(raw, templates, buckets)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		return tree, nil
	}
	return nil, &hogsend.ValidationError{Field: problems[0].Path, Message: problems[0].Message}
}
