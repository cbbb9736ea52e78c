package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
)

// Matches implements hogsend.Run.
func (r *journeyRun) Matches(ctx workflow.Context, tree hogsend.Condition) (bool, error) {
	// Which templates and buckets there are is known to who answers.
	if problems := condition.CheckAudience(criteria.MatchesField, tree, nil, nil); len(problems) > 0 {
		return false, invalid(problems[0].Path, "%s", problems[0].Message)
	}
	return r.matches(ctx, "matches", tree)
}

// InBucket implements hogsend.Run.
func (r *journeyRun) InBucket(ctx workflow.Context, bucketID string) (bool, error) {
	if bucketID == "" {
		return false, invalid("bucketId", "is required")
	}
	if err := short("bucketId", bucketID); err != nil {
		return false, err
	}
	in, err := r.matches(ctx, "in-bucket:"+bucketID, hogsend.InBucket(bucketID))
	var unknown *hogsend.ValidationError
	if errors.As(err, &unknown) {
		return false, invalid("bucketId", "%s", unknown.Message)
	}
	return in, err
}

func (r *journeyRun) matches(ctx workflow.Context, label string, tree hogsend.Condition) (holds bool, err error) {
	if err := r.readable(ctx); err != nil {
		return false, err
	}
	request := contract.MatchesRequest{EnrollmentID: r.enrollmentID}
	if request.Condition, err = criteria.MarshalTree(tree); err != nil {
		return false, invalid(criteria.MatchesField, "%s", err)
	}
	err = r.local(ctx, contract.MatchesName, label, request, &holds)
	return holds, err
}
