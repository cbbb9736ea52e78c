package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Enrollment implements hogsend.Run.
func (r *journeyRun) Enrollment() hogsend.Enrollment { return r.claim.Enrollment }

// Event implements hogsend.Run.
func (r *journeyRun) Event() hogsend.StoredEvent { return r.claim.Event }

// Membership is read off the transition event that enrolled (B-25).
func (r *journeyRun) Membership() hogsend.Membership {
	if r.claim.Event.Source != "bucket" {
		return hogsend.Membership{}
	}
	text := func(key string) string { s, _ := r.claim.Event.Properties.String(key); return s }
	count := func(key string) int { n, _ := r.claim.Event.Properties.Int(key); return int(n) }
	return hogsend.Membership{
		BucketID: text("bucketId"), EntryCount: count("entryCount"),
		Reason: hogsend.LeaveReason(text("reason")), DwellCount: count("dwellCount"),
	}
}

// Contact implements hogsend.Run. It answers after the enrollment's end as well (J-119).
func (r *journeyRun) Contact(ctx workflow.Context) (hogsend.Contact, error) {
	if err := r.readable(ctx); err != nil {
		return hogsend.Contact{}, err
	}
	var value contract.ContactValue
	err := r.local(ctx, contract.ReadContactName, "contact", r.enrollmentID, &value)
	return value.Contact, err
}

// IsSubscribed implements hogsend.Run.
func (r *journeyRun) IsSubscribed(ctx workflow.Context, category ...string) (bool, error) {
	if err := r.readable(ctx); err != nil {
		return false, err
	}
	request := contract.SubscribedRequest{EnrollmentID: r.enrollmentID}
	if len(category) > 0 {
		request.Category = category[0]
	}
	var subscribed bool
	err := r.local(ctx, contract.IsSubscribedName, "is-subscribed", request, &subscribed)
	return subscribed, err
}

// readable refuses a read with a context that the author canceled himself (J-119).
func (r *journeyRun) readable(ctx workflow.Context) error {
	if r.ended || r.canceled() {
		return nil
	}
	return ctx.Err()
}
