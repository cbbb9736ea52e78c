package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
)

// fakeOperator answers for Temporal's operator service.
type fakeOperator struct {
	operatorservice.OperatorServiceClient
	have            map[string]enumspb.IndexedValueType
	added           map[string]enumspb.IndexedValueType
	listErr, addErr error
}

func (f *fakeOperator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: f.have}, f.listErr
}

func (f *fakeOperator) AddSearchAttributes(_ context.Context, in *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	f.added = in.GetSearchAttributes()
	return nil, f.addErr
}

// J-148: the worker registers what is missing if it may, else start is refused with
// the command to run.
func TestSearchAttributesAreRegisteredOrTheCommandIsNamed(t *testing.T) {
	t.Parallel()
	const keyword = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	type kinds = map[string]enumspb.IndexedValueType
	all := kinds{"HogsendJourney": keyword, "HogsendContact": keyword, "HogsendBucket": keyword}
	refused := serviceerror.NewPermissionDenied("not allowed", "")
	for name, test := range map[string]struct {
		operator fakeOperator
		added    kinds
		err      string
	}{
		"all there":         {operator: fakeOperator{have: all}},
		"none there":        {operator: fakeOperator{}, added: all},
		"one missing":       {operator: fakeOperator{have: kinds{"HogsendJourney": keyword, "HogsendContact": keyword}}, added: kinds{"HogsendBucket": keyword}},
		"added by another":  {operator: fakeOperator{addErr: serviceerror.NewAlreadyExists("exists")}, added: all},
		"listing refused":   {operator: fakeOperator{listErr: refused}, err: "temporal operator search-attribute create --namespace n --name HogsendBucket --type Keyword --name HogsendContact --type Keyword --name HogsendJourney --type Keyword"},
		"adding refused":    {operator: fakeOperator{have: kinds{"HogsendJourney": keyword, "HogsendContact": keyword}, addErr: refused}, added: kinds{"HogsendBucket": keyword}, err: "not allowed; run once: temporal operator search-attribute create --namespace n --name HogsendBucket --type Keyword"},
		"of the wrong type": {operator: fakeOperator{have: kinds{"HogsendJourney": enumspb.INDEXED_VALUE_TYPE_TEXT, "HogsendContact": keyword, "HogsendBucket": keyword}}, err: "HogsendJourney exist with another type than Keyword"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ensureAttributes(t.Context(), &test.operator, "n")
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			require.Equal(t, test.added, test.operator.added)
		})
	}
}
