package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/hogsend/hogsend/internal/contract"
)

// attributes are the search attributes of our workflows, all Keyword (J-148).
func attributes() []string {
	return []string{contract.AttributeBucket, contract.AttributeContact, contract.AttributeJourney}
}

// ensureAttributes registers the search attributes that are missing. Where that is
// not allowed, its error names the command an operator has to run (J-148).
func ensureAttributes(ctx context.Context, operator operatorservice.OperatorServiceClient, namespace string) error {
	have, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return attributesError(namespace, attributes(), err)
	}
	add := map[string]enumspb.IndexedValueType{}
	var missing, mistyped []string
	for _, name := range attributes() {
		switch kind, ok := have.GetCustomAttributes()[name]; {
		case !ok:
			add[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
			missing = append(missing, name)
		case kind != enumspb.INDEXED_VALUE_TYPE_KEYWORD:
			mistyped = append(mistyped, name)
		}
	}
	if len(mistyped) > 0 {
		return fmt.Errorf("search attributes %s exist with another type than Keyword", strings.Join(mistyped, ", "))
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: add})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return attributesError(namespace, missing, err)
	}
	return nil
}

func attributesError(namespace string, missing []string, cause error) error {
	slices.Sort(missing)
	command := "temporal operator search-attribute create --namespace " + namespace
	for _, name := range missing {
		command += " --name " + name + " --type Keyword"
	}
	return fmt.Errorf("register search attributes: %w; run once: %s", cause, command)
}
