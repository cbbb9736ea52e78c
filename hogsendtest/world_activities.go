package hogsendtest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// worldActivities are the side effects of journeys by the names they are registered
// under, each a method of the world that is played. It may run any number of times
// with the effect of once.
func worldActivities(h *host) map[string]any {
	return map[string]any{
		contract.ClaimEnrollmentName:     locked(h, (*world).claim),
		contract.FinishEnrollmentName:    locked(h, (*world).finishEnrollment),
		contract.BeginWaitName:           locked(h, (*world).beginWait),
		contract.EndWaitName:             locked(h, (*world).endWait),
		contract.ReadContactName:         locked(h, (*world).readContact),
		contract.IsSubscribedName:        locked(h, (*world).isSubscribed),
		contract.SendName:                locked(h, (*world).sendMail),
		contract.TriggerName:             locked(h, (*world).triggerEvent),
		contract.CheckpointName:          locked(h, (*world).checkpoint),
		contract.KeepOnceName:            locked(h, (*world).keepOnce),
		contract.ReadOnceName:            locked(h, (*world).readOnce),
		contract.ExitName:                locked(h, (*world).exit),
		contract.AbandonPausedEffectName: locked(h, (*world).abandonHold),
		contract.DwellName:               locked(h, (*world).dwell),
		contract.IdentifyName:            locked(h, (*world).identifyContact),
		contract.CaptureName:             locked(h, (*world).capture),
		contract.FindInstantName:         locked(h, (*world).findInstant),
		contract.ReadTimezoneName:        locked(h, (*world).readTimezone),
		contract.PastEventsName:          locked(h, (*world).pastEvents),
		contract.PastEntriesName:         locked(h, (*world).pastEntries),
		contract.PastMailsName:           locked(h, (*world).pastMails),
		contract.ChooseVariantName:       locked(h, (*world).chooseVariant),
		contract.ThrottleName:            locked(h, (*world).throttle),
		contract.CollectDigestName:       locked(h, (*world).collectDigest),
	}
}

// locked makes an activity of a method of the world.
func locked[Request, Result any](h *host, fn func(*world, Request) (Result, error)) func(context.Context, Request) (Result, error) {
	return func(_ context.Context, r Request) (Result, error) {
		w := h.play.world
		w.mu.Lock()
		defer w.mu.Unlock()
		return fn(w, r)
	}
}

// invalid is a usage error as activities return it: the journey gets it as it is.
func invalid(field, message string) error {
	return temporal.NewNonRetryableApplicationError("invalid "+field, contract.ErrorTypeValidation, nil, hogsend.ValidationError{Field: field, Message: message})
}

func (w *world) enrollment(id string) (*enrollment, error) {
	n := w.byID[id]
	if n == nil {
		return nil, temporal.NewNonRetryableApplicationError("there is no enrollment "+id, "NotFound", nil)
	}
	return n, nil
}

func (w *world) claim(r contract.ClaimRequest) (contract.Claim, error) {
	n := w.byID[r.EnrollmentID]
	if n == nil {
		return contract.Claim{Status: "unknown"}, nil
	}
	claim := contract.Claim{Status: n.status, BuildID: buildID}
	if !n.isLive() || n.firstRun != "" && n.firstRun != r.FirstRunID {
		return claim, nil
	}
	n.firstRun = r.FirstRunID
	claim.Claimed, claim.ContactID, claim.Event = true, n.person.id, n.trigger.stored()
	claim.Now = contract.EventPosition{At: n.trigger.ReceivedAt, Seq: n.trigger.seq}
	claim.Enrollment = hogsend.Enrollment{ID: n.id, JourneyID: n.journeyID, Entry: n.entry, Version: n.version, EnrolledAt: n.createdAt}
	return claim, nil
}

// maxProperties bounds the properties that a journey gets (J-121).
const maxProperties = 256 << 10

func (e *event) stored() hogsend.StoredEvent {
	stored := e.StoredEvent
	stored.Properties = clone(e.Properties)
	if len(e.raw) > maxProperties {
		stored.Truncated = true
		for key, value := range stored.Properties {
			switch value.(type) {
			case string, json.Number, bool:
			default:
				delete(stored.Properties, key)
			}
		}
	}
	return stored
}

func (w *world) finishEnrollment(r contract.FinishRequest) (contract.Finish, error) {
	n, err := w.enrollment(r.EnrollmentID)
	if err != nil {
		return contract.Finish{}, err
	}
	status, err := w.finish(n, end{status: r.Status, reason: r.Reason, failure: r.Error, key: stepEnd})
	return contract.Finish{Status: status}, err
}

func (w *world) readContact(enrollmentID string) (contract.ContactValue, error) {
	n, err := w.enrollment(enrollmentID)
	if err != nil {
		return contract.ContactValue{}, err
	}
	return contract.ContactValue{Contact: n.person.contact()}, nil
}

func (w *world) checkpoint(step contract.Step) (contract.Effect, error) {
	n, err := w.enrollment(step.EnrollmentID)
	if err != nil || !n.isLive() {
		return contract.Effect{Ended: err == nil}, err
	}
	w.log(n, step.Key, "node", n.node, step.Node, "")
	n.stand(contract.EnrollmentActive, step.Node)
	return contract.Effect{}, nil
}

func (w *world) triggerEvent(r contract.TriggerRequest) (contract.Effect, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, err
	}
	if !n.isLive() {
		return contract.Effect{Ended: true}, nil
	}
	key := "step:" + n.id + ":" + r.Step.Key
	if w.keys[key] {
		return contract.Effect{}, nil
	}
	if held := w.holdOf(n, r.Step, false); held != nil {
		return contract.Effect{Held: held}, nil
	}
	w.keys[key] = true
	root, target := w.begin(), n.person
	if r.Event.UserID != "" || strings.TrimSpace(r.Event.Email) != "" {
		if target, err = w.identify(r.Event.UserID, r.Event.Email); err != nil {
			w.problem(problem{kind: Unsupported, name: r.Event.Event, text: err.Error()})
			return contract.Effect{}, temporal.NewNonRetryableApplicationError(err.Error(), "Unsupported", nil)
		}
	}
	w.log(n, r.Step.Key, "event_triggered", n.node, r.Step.Node, r.Event.Event)
	n.node = r.Step.Node
	_, err = w.ingest(root, target, incoming{
		name: r.Event.Event, properties: r.Event.Properties, contactProperties: r.Event.ContactProperties,
		occurred: r.OccurredAt, source: "journey", hops: w.hops(n),
	})
	return contract.Effect{}, err
}

func (w *world) exit(r contract.ExitRequest) (contract.Effect, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.Effect{}, err
	}
	_, err = w.finish(n, end{status: contract.EnrollmentExited, reason: r.Reason, key: r.Step.Key})
	own := slices.ContainsFunc(w.logs, func(row logRow) bool {
		return row.enrollment == n && row.key == r.Step.Key && row.action == string(contract.EnrollmentExited)
	})
	return contract.Effect{Ended: !own}, err
}

func (w *world) readOnce(r contract.OnceRequest) (contract.OnceValue, error) {
	value, found := w.once[r.Step.EnrollmentID+"/"+r.Label]
	return contract.OnceValue{Found: found, Value: value}, nil
}

func (w *world) keepOnce(r contract.OnceRequest) (contract.OnceValue, error) {
	n, err := w.enrollment(r.Step.EnrollmentID)
	if err != nil {
		return contract.OnceValue{}, err
	}
	id := n.id + "/" + r.Label
	if value, found := w.once[id]; found {
		return contract.OnceValue{Found: true, Value: value}, nil
	}
	if !n.isLive() {
		return contract.OnceValue{Ended: true}, nil
	}
	value := r.Value
	if earlier, found := w.kept[id]; found {
		value = earlier
	}
	w.once[id] = value
	w.log(n, r.Step.Key, "once", n.node, n.node, r.Label)
	return contract.OnceValue{Found: true, Value: value}, nil
}
