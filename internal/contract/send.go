package contract

import (
	"encoding/json"
	"time"

	"github.com/hogsend/hogsend"
)

// DeferredNode is where an enrollment stands while a send is deferred: "defer:" and
// the send's label, or else its template (E-27, E-28).
func DeferredNode(r SendRequest) string {
	if r.Step.Node == SendNode(r.Template) {
		return Fit("defer:" + r.Template)
	}
	return Fit("defer:" + r.Step.Node)
}

// SendNode is where an enrollment stands at a send without a label.
func SendNode(template string) string { return Fit("send:" + template) }

// ThrottleRequest asks whether few enough mails went to the contact (J-144).
type ThrottleRequest struct {
	Step     Step             `json:"step"`
	Throttle hogsend.Throttle `json:"throttle"`
	// Since is the earliest claim that counts.
	Since time.Time `json:"since"`
}

// MaxFileRef bounds what names a file of a mail, in bytes (E-84).
const MaxFileRef = 512

// SendRequest asks for one mail. Props is JSON of the template's props type.
type SendRequest struct {
	Step     Step   `json:"step"`
	Key      string `json:"key"` // E-28
	Template string `json:"template"`
	// To is who gets it instead of the enrollment's contact (E-83).
	To hogsend.Recipient `json:"to,omitzero"`
	// Attach names the files that it carries besides those of its template (E-84).
	Attach              []hogsend.Attachment `json:"attach,omitempty"`
	Props               json.RawMessage      `json:"props,omitempty"`
	Subject             string               `json:"subject,omitempty"`
	From                string               `json:"from,omitempty"`
	ReplyTo             string               `json:"replyTo,omitempty"`
	Category            string               `json:"category,omitempty"`
	SkipPreferenceCheck bool                 `json:"skipPreferenceCheck,omitempty"`
	// Window replaces the default send window; the zero value keeps it (E-25).
	Window hogsend.Window `json:"window,omitzero"`
	// OnBlocked replaces the default; "" keeps it (E-26). Tasks under way call it onHold.
	OnBlocked hogsend.OnBlocked `json:"onHold,omitempty"`
	// Track replaces what the template tracks; "" keeps it (E-46).
	Track hogsend.Tracking `json:"track,omitempty"`
}

// SendResult is a verdict, or Ended when the enrollment was over at the claim, or
// Held when a pause keeps it from beginning, or Deferred when the gate lets it wait.
type SendResult struct {
	Verdict  hogsend.Verdict `json:"verdict"`
	Ended    bool            `json:"ended"`
	Held     *PausedEffect   `json:"held,omitempty"`
	Deferred *Deferral       `json:"deferred,omitempty"`
}

// Deferral lets a send wait. It is asked for again at Until, and the whole gate then
// decides anew (E-26).
type Deferral struct {
	// WaitID and StepKey are those of its wait.
	WaitID  string `json:"waitId"`
	StepKey string `json:"stepKey"`
	// Node is where the enrollment stands meanwhile.
	Node  string    `json:"node"`
	Until time.Time `json:"until"`
}

// SubscribedRequest asks for IsSubscribed (J-140).
type SubscribedRequest struct {
	EnrollmentID string `json:"enrollmentId"`
	Category     string `json:"category,omitempty"`
}
