package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// History implements hogsend.Run.
func (r *journeyRun) History() hogsend.History { return runHistory{r} }

// runHistory asks about the past of the contact of a run.
type runHistory struct{ run *journeyRun }

// Event implements hogsend.History.
func (h runHistory) Event(ctx workflow.Context, name string, within time.Duration) (hogsend.PastEvents, error) {
	request := contract.HistoryRequest{Name: name}
	switch {
	case within < 0:
		return hogsend.PastEvents{}, invalid("within", "must not be negative")
	case within > 0:
		since := workflow.Now(ctx).Add(-within)
		request.Since = &since
	}
	var past hogsend.PastEvents
	err := h.ask(ctx, contract.PastEventsName, "name", request, &past)
	return past, err
}

// Journey implements hogsend.History.
func (h runHistory) Journey(ctx workflow.Context, id string) (hogsend.PastEntries, error) {
	var past hogsend.PastEntries
	err := h.ask(ctx, contract.PastEntriesName, "id", contract.HistoryRequest{Name: id}, &past)
	return past, err
}

// Email implements hogsend.History.
func (h runHistory) Email(ctx workflow.Context, template string) (hogsend.PastMails, error) {
	var past hogsend.PastMails
	err := h.ask(ctx, contract.PastMailsName, "template", contract.HistoryRequest{Name: template}, &past)
	return past, err
}

func (h runHistory) ask(ctx workflow.Context, activity, field string, request contract.HistoryRequest, past any) error {
	if request.Name == "" {
		return invalid(field, "is required")
	}
	if err := short(field, request.Name); err != nil {
		return err
	}
	if err := h.run.readable(ctx); err != nil {
		return err
	}
	request.EnrollmentID = h.run.enrollmentID
	return h.run.local(ctx, activity, "history:"+request.Name, request, past)
}

// Throttle implements hogsend.Run.
func (r *journeyRun) Throttle(ctx workflow.Context, throttle hogsend.Throttle) (bool, error) {
	switch {
	case throttle.Max < 1:
		return false, invalid("max", "must be at least 1")
	case throttle.Window <= 0:
		return false, invalid("window", "must be positive")
	}
	for _, text := range [][2]string{{"journey", throttle.Journey}, {"template", throttle.Template}, {"category", throttle.Category}} {
		if err := short(text[0], text[1]); err != nil {
			return false, err
		}
	}
	label, err := labelOr(throttle.Label, "throttle")
	if err != nil {
		return false, err
	}
	if err := r.readable(ctx); err != nil {
		return false, err
	}
	throttle.Label = label
	request := contract.ThrottleRequest{Step: r.step("throttle", label, r.node), Throttle: throttle, Since: workflow.Now(ctx).Add(-throttle.Window)}
	var allowed bool
	err = r.local(ctx, contract.ThrottleName, label, request, &allowed)
	return allowed, err
}
