package workflows

import (
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/naming"
)

// sendTimeout bounds one attempt of a send: the gate, a slot of the provider's rate
// and the call. How long attempts go on is decided by the activity (E-31).
const sendTimeout = 5 * time.Minute

// sendHeartbeat is how long a send may be silent: so soon the death of its worker is
// noticed and another one goes on with it (E-30).
const sendHeartbeat = 20 * time.Second

// Send implements hogsend.Run.
func (r *journeyRun) Send(ctx workflow.Context, email hogsend.Email) (hogsend.Verdict, error) {
	if email.Template == "" {
		return hogsend.Verdict{}, invalid("template", "is required")
	}
	node, err := labelOr(email.Label, contract.SendNode(email.Template))
	if err != nil {
		return hogsend.Verdict{}, err
	}
	if email.Label != "" && r.sendLabels[email.Label] {
		return hogsend.Verdict{}, invalid("label", "duplicate_send_label: %q was used before", email.Label)
	}
	for _, text := range [][2]string{
		{"template", email.Template}, {"subject", email.Subject}, {"from", email.From}, {"replyTo", email.ReplyTo}, {"category", email.Category}, {"to", email.To.UserID}, {"to", email.To.Property}, {"to", email.To.Address},
	} {
		if err := storable(text[0], text[1]); err != nil {
			return hogsend.Verdict{}, err
		}
	}
	if err := email.To.Validate(); err != nil {
		return hogsend.Verdict{}, err
	}
	if err := email.Window.Validate(); err != nil {
		return hogsend.Verdict{}, err
	}
	if !email.OnBlocked.Valid() {
		return hogsend.Verdict{}, invalid("onBlocked", "must be Skip or Defer")
	}
	if err := attachments(email.Attach); err != nil {
		return hogsend.Verdict{}, err
	}
	if !email.Track.Valid() {
		return hogsend.Verdict{}, invalid("track", "must be TrackAll, TrackOpens, TrackClicks or TrackNothing")
	}
	props, err := encodeProps(email.Props)
	if err != nil {
		return hogsend.Verdict{}, err
	}
	if err := r.closed(ctx); err != nil {
		return hogsend.Verdict{}, err
	}
	name := email.Template
	if email.Label != "" {
		name = email.Label
		r.sendLabels[name] = true
	}
	step := r.step("send", name, node)
	r.node = node
	request := contract.SendRequest{
		Step: step, Key: r.enrollmentID + ":" + step.Key, Template: email.Template, To: email.To, Attach: email.Attach, Props: props, Subject: email.Subject,
		From: email.From, ReplyTo: email.ReplyTo, Category: email.Category, SkipPreferenceCheck: email.SkipPreferenceCheck,
		Window: email.Window, OnBlocked: email.OnBlocked, Track: email.Track,
	}
	for {
		result, err := r.send(ctx, node, request)
		switch {
		case err != nil:
			err = authorError(err)
		case result.Ended:
			err = r.end()
		case result.Held != nil:
			err = r.hold(ctx, *result.Held)
		case result.Deferred != nil:
			err = r.deferSend(ctx, *result.Deferred)
		default:
			return result.Verdict, nil
		}
		if err != nil {
			return hogsend.Verdict{}, err
		}
	}
}

func (r *journeyRun) send(ctx workflow.Context, node string, request contract.SendRequest) (contract.SendResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // what was begun is finished (J-85)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: sendTimeout, HeartbeatTimeout: sendHeartbeat, RetryPolicy: transientRetries(), Summary: contract.Summary(node),
	})
	defer r.open()()
	var result contract.SendResult
	err := workflow.ExecuteActivity(ctx, contract.SendName, request).Get(ctx, &result)
	return result, err
}

// deferSend waits until a deferred send is to be tried again (E-26). An error says why
// it will not be: the enrollment has ended, or its author canceled ctx.
func (r *journeyRun) deferSend(ctx workflow.Context, d contract.Deferral) error {
	node := r.node
	leave := r.standAt(d.Node, []string{}, &d.Until)
	defer func() {
		leave()
		if r.node == d.Node {
			r.node = node
		}
	}()
	until := d.Until
	if now := workflow.Now(ctx); !until.After(now) {
		until = now.Add(minRetry) // for Postgres' clock, which decides, it has not passed
	}
	err := r.await(ctx, d.Node, contract.WaitState{WaitID: d.WaitID, Deadline: &until})
	if err == nil {
		return nil
	}
	step := contract.Step{EnrollmentID: r.enrollmentID, Key: d.StepKey, Node: d.Node}
	return r.interrupted(ctx, step, d.WaitID, err)
}

// attachments refuses what cannot name a file, before it is in a history. Which files there
// are is found when the mail is sent (E-84).
func attachments(all []hogsend.Attachment) error {
	if len(all) > hogsend.MaxFiles {
		return invalid("attach", "must be at most %d files", hogsend.MaxFiles)
	}
	for _, a := range all {
		for _, text := range []string{a.Source, a.Ref, a.Name, a.Inline} {
			if len(text) > contract.MaxFileRef {
				return invalid("attach", "must have at most %d bytes each", contract.MaxFileRef)
			}
			if err := storable("attach", text); err != nil {
				return err
			}
		}
	}
	return nil
}

func encodeProps(props any) (json.RawMessage, error) {
	if props == nil {
		return nil, nil
	}
	raw, err := json.Marshal(props)
	if err != nil {
		return nil, invalid("props", "cannot be encoded: %s", err)
	}
	return raw, nil
}

// Trigger implements hogsend.Run.
func (r *journeyRun) Trigger(ctx workflow.Context, event hogsend.TriggerEvent) error {
	if event.Event == "" {
		return invalid("event", "is required")
	}
	if err := short("event", event.Event); err != nil {
		return err
	}
	if naming.Reserved(event.Event) {
		return invalid("event", "Reserved event name")
	}
	if _, err := json.Marshal(event.Properties); err != nil {
		return invalid("properties", "cannot be encoded: %s", err)
	}
	if _, err := json.Marshal(event.ContactProperties); err != nil {
		return invalid("contactProperties", "cannot be encoded: %s", err)
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	return r.effect(ctx, contract.TriggerName, "trigger:"+event.Event, contract.TriggerRequest{
		Step: r.step("trigger", event.Event, r.node), Event: event, OccurredAt: workflow.Now(ctx),
	})
}

// Checkpoint implements hogsend.Run.
func (r *journeyRun) Checkpoint(ctx workflow.Context, label string) error {
	if label == "" {
		return invalid("label", "is required")
	}
	if _, err := labelOr(label, ""); err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	r.node = label
	return r.effect(ctx, contract.CheckpointName, label, r.step("node", label, label))
}

// effect runs a local activity that only says whether the enrollment had ended, or
// is held; once it is released, it is run again.
func (r *journeyRun) effect(ctx workflow.Context, activity, label string, request any) error {
	for {
		var effect contract.Effect
		if err := r.local(ctx, activity, label, request, &effect); err != nil {
			return err
		}
		switch {
		case effect.Ended:
			return r.end()
		case effect.Held == nil:
			return nil
		}
		if err := r.hold(ctx, *effect.Held); err != nil {
			return err
		}
	}
}

// Exit implements hogsend.Run.
func (r *journeyRun) Exit(ctx workflow.Context, reason string) error {
	if reason == "" {
		reason = string(contract.ExitCode)
	}
	if err := short("reason", reason); err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	err := r.effect(ctx, contract.ExitName, "exit", contract.ExitRequest{Step: r.step("exit", reason, r.node), Reason: contract.ExitReason(reason)})
	if err == nil {
		r.left = true
		return r.end()
	}
	return err
}

const maxOnceValue = 64 << 10

// onceResult is what fn returned, recorded once in the workflow's history.
type onceResult struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

// Encrypted marks a value that is encrypted in Temporal's history.
func (onceResult) Encrypted() {}

// Once implements hogsend.Run.
func (r *journeyRun) Once(ctx workflow.Context, label string, out any, fn func() (any, error)) error {
	if label == "" {
		return invalid("label", "is required")
	}
	if _, err := labelOr(label, ""); err != nil {
		return err
	}
	if err := r.closed(ctx); err != nil {
		return err
	}
	request := contract.OnceRequest{Step: r.step("once", label, r.node), Label: label}
	var kept contract.OnceValue
	if err := r.local(ctx, contract.ReadOnceName, label, request, &kept); err != nil {
		return err
	}
	if !kept.Found && !kept.Ended {
		value, err := r.callOnce(ctx, fn)
		if err != nil {
			return err
		}
		request.Value = value
		if err := r.local(ctx, contract.KeepOnceName, label, request, &kept); err != nil {
			return err
		}
	}
	if kept.Ended {
		return r.end()
	}
	if err := json.Unmarshal(kept.Value, out); err != nil {
		return invalid("out", "cannot hold the kept value: %s", err)
	}
	return nil
}

// callOnce calls fn outside of replays: what it returned is in the history, so fn
// need not be deterministic.
func (r *journeyRun) callOnce(ctx workflow.Context, fn func() (any, error)) (json.RawMessage, error) {
	var result onceResult
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		value, err := fn()
		if err != nil {
			return onceResult{Error: err.Error()}
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return onceResult{Error: "encode value: " + err.Error()}
		}
		return onceResult{Value: raw}
	}).Get(&result)
	switch {
	case err != nil:
		return nil, err
	case result.Error != "":
		return nil, errors.New(result.Error)
	case len(result.Value) > maxOnceValue:
		return nil, invalid("value", "must have at most %d bytes of JSON", maxOnceValue)
	}
	return result.Value, storableJSON("value", result.Value)
}
