package hogsendtest

import (
	"maps"

	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/contract"
)

// Send is a template whose sends are scripted.
type Send struct {
	scenario *Scenario
	template string
}

// Return gives the next sends of the template these outcomes, one each; later ones go
// out.
func (o *Send) Return(outcomes ...Outcome) {
	script := o.scenario.sends.once
	script[o.template] = append(script[o.template], outcomes...)
}

// Always gives every send of the template that Return has none for this outcome.
func (o *Send) Always(outcome Outcome) { o.scenario.sends.always[o.template] = outcome }

// Outcome is what becomes of a send. The zero value goes out.
type Outcome struct{ outcome backend.SendOutcome }

// Suppressed is the verdict of a suppressed address; reason is bounce, complaint,
// manual or import.
func Suppressed(reason string) Outcome {
	return verdict(contract.SendSuppressed, contract.SendReason(reason))
}

// Skipped is the verdict of a send that the gate leaves out, for example for the
// reason frequency_capped (E-13).
func Skipped(reason string) Outcome {
	return verdict(contract.SendSkipped, contract.SendReason(reason))
}

// Unsubscribed is the verdict of a contact that is unsubscribed from everything.
func Unsubscribed() Outcome {
	return verdict(contract.SendSuppressed, contract.SendUnsubscribedAll)
}

// Retried goes out after the provider has failed n times for a while: a second after
// each other, then two, four and so on up to a minute (E-31).
func Retried(n int) Outcome { return Outcome{backend.SendOutcome{Retries: n}} }

// Refused is a provider that refuses the mail for good, with its text (E-32).
func Refused(text string) Outcome { return Outcome{backend.SendOutcome{Refused: text}} }

// UnknownOutcome is a send of which nobody knows whether it arrived. In production
// that is known a day later; here at once.
func UnknownOutcome() Outcome { return Outcome{backend.SendOutcome{Unknown: true}} }

func verdict(status contract.SendStatus, reason contract.SendReason) Outcome {
	return Outcome{backend.SendOutcome{Status: status, Reason: reason}}
}

// sendScript is what OnSend was told.
type sendScript struct {
	once   map[string][]Outcome
	always map[string]Outcome
}

// Next implements backend.Sends.
func (s *sendScript) Next(template string) backend.SendOutcome {
	if rest := s.once[template]; len(rest) > 0 {
		s.once[template] = rest[1:]
		return rest[0].outcome
	}
	return s.always[template].outcome
}

// clone is the script before any of it was used.
func (s *sendScript) clone() *sendScript {
	return &sendScript{once: maps.Clone(s.once), always: s.always}
}
