package why

import (
	"fmt"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/contract"
)

// OfSend says what became of one mail, and why.
func (q Question) OfSend(s Send) Answer {
	a := Answer{Facts: []Fact{{Ref: &Ref{KindMail, s.ID, "The mail"}, At: &s.At}}}
	switch s.Status {
	case contract.SendQueued:
		a.Verdict, a.Sentence = NotYet, "It is written and on its way to the provider since "+q.When(s.At)+"."
		return a
	case contract.SendSuppressed, contract.SendSkipped:
		why, _ := q.gate(s)
		a.Verdict, a.Sentence = No, "Not sent on "+q.When(s.At)+". "+why
		return a
	case contract.SendFailed:
		why, known := q.gate(s)
		a.Verdict = No
		if s.Reason == string(contract.SendUnknownOutcome) {
			a.Verdict = Unknown
		}
		if !known {
			why = "The provider refused it: “" + s.Reason + "”."
		}
		a.Sentence = "Failed on " + q.When(s.At) + ". " + why
		return a
	case contract.SendBounced:
		a.Verdict, a.Sentence = No, "Handed over "+q.when(s.Sent)+", but it came back "+q.when(s.Bounced)
		if s.BounceReason != "" {
			a.Sentence += ": “" + s.BounceReason + "”"
		}
		a.Sentence += "."
		return a
	}
	a.Verdict = Yes
	said := []string{"handed over " + q.when(s.Sent)}
	for _, one := range []struct {
		word string
		at   *time.Time
	}{{"delivered", s.Delivered}, {"opened", s.Opened}, {"clicked", s.Clicked}, {"reported as spam", s.Complained}} {
		if one.at != nil {
			said = append(said, one.word+" "+q.when(one.at))
		}
	}
	a.Sentence = "Yes: " + strings.Join(said, ", ") + "."
	return a
}

// OfDecision says what an event decided.
func (q Question) OfDecision(d Decision) Answer {
	facts := []Fact{{Ref: &Ref{KindEvent, d.EventID, d.Event}, At: &d.At}}
	if d.Outcome == contract.OutcomeEnrolled {
		return Answer{Verdict: Yes, Sentence: fmt.Sprintf("%s entered %s on %s by %s.", q.Person, d.Journey, q.When(d.At), d.Event), Facts: facts}
	}
	sentence, _ := q.guard(d)
	return Answer{Verdict: No, Sentence: sentence, Facts: facts}
}

// OfEnrollment says how a run of a journey stands.
func (q Question) OfEnrollment(e Enrollment) Answer {
	a := Answer{Facts: []Fact{{Ref: &Ref{KindJourney, e.JourneyID, e.Journey}, Text: "entered", At: &e.Began}}}
	switch e.Status {
	case contract.EnrollmentCompleted:
		a.Verdict, a.Sentence = Yes, fmt.Sprintf("%s went through %s, from %s to %s.", q.Person, e.Journey, q.When(e.Began), q.When(e.Ended))
	case contract.EnrollmentFailed:
		a.Verdict, a.Sentence = No, fmt.Sprintf("%s failed at %s on %s: “%s”.", e.Journey, e.Node, q.When(e.Ended), firstLine(e.Error))
	case contract.EnrollmentExited:
		why, _ := exit(e.ExitReason)
		a.Verdict, a.Sentence = No, fmt.Sprintf("%s left %s on %s, %s.", q.Person, e.Journey, q.When(e.Ended), why)
	case contract.EnrollmentActive, contract.EnrollmentWaiting:
		a.Verdict, a.Sentence = NotYet, fmt.Sprintf("%s is in %s since %s and %s.", q.Person, e.Journey, q.When(e.Began), q.Stands(e))
	}
	return a
}

// Stands says what a run that goes on is doing.
func (q Question) Stands(e Enrollment) string {
	if e.Paused {
		return "stands at " + e.Node + "; the journey is paused"
	}
	w := e.Wait
	switch {
	case w == nil && e.Node == "":
		return "is about to begin"
	case w == nil:
		return "stands at " + e.Node
	case w.Event != "" && w.Deadline != nil:
		return "waits for " + w.Event + " until " + q.when(w.Deadline)
	case w.Event != "":
		return "waits for " + w.Event
	case w.Deadline != nil:
		return "waits until " + q.when(w.Deadline)
	}
	return "waits at " + e.Node
}

// OfJourney says whether and why somebody got into a journey.
func (q Question) OfJourney(j Journey) Answer {
	e, d := j.Newest, j.Decision
	if e != nil && (d == nil || d.Outcome == contract.OutcomeEnrolled || !d.At.After(e.Began) || e.Status.Live()) {
		a := q.OfEnrollment(*e)
		if a.Verdict == No && e.Status != contract.EnrollmentFailed {
			a.Verdict = Yes // in it they were
		}
		if e.Status.Live() {
			a.Verdict = Yes
		}
		return a
	}
	if d != nil {
		a := q.OfDecision(*d)
		if e != nil {
			a.Facts = append(a.Facts, Fact{Text: "the run before began", At: &e.Began, Ref: &Ref{KindJourney, j.ID, j.Name}})
		}
		return a
	}
	a := Answer{Verdict: No, Next: []Ref{{KindJourney, j.ID, "Look at " + j.Name}}}
	if j.Seen != nil {
		a.Sentence = fmt.Sprintf("%s came on %s, but nothing was decided then: %s was not there yet, or the decision is no longer kept.", j.Trigger, q.when(j.Seen), j.Name)
		return a
	}
	a.Sentence = fmt.Sprintf("No %s of %s is stored, and that is what starts %s.", j.Trigger, q.Person, j.Name)
	if len(j.Namesakes) > 0 {
		n := j.Namesakes[0]
		a.Sentence += fmt.Sprintf(" One of %s is, who has the same address: it came on %s.", n.Name, q.When(n.At))
		a.Next = append([]Ref{{KindContact, n.ID, "Look at " + n.Name}}, a.Next...)
	}
	if j.Near != "" {
		a.Sentence += fmt.Sprintf(" What looks like it is %s.", j.Near)
	}
	switch {
	case j.Disabled:
		a.Sentence += " It is also off at the moment."
	case j.Paused:
		a.Sentence += " It is also paused at the moment."
	}
	return a
}

// OfMail says whether and why somebody got the mail of a template (U-45).
func (q Question) OfMail(m Mail) Answer {
	if len(m.Sends) > 0 {
		a := q.OfSend(m.Sends[0])
		for i := range m.Sends[1:] {
			s := &m.Sends[i+1]
			a.Facts = append(a.Facts, Fact{Text: "before: " + string(s.Status), At: &s.At, Ref: &Ref{KindMail, s.ID, "Another one"}})
		}
		return a
	}
	if len(m.Programs) == 0 && len(m.Campaigns) == 0 {
		return Answer{Verdict: No, Sentence: fmt.Sprintf("%s was never sent %s, and no journey of this build says that it sends it, nor did a campaign.", q.Person, q.Thing)}
	}
	// What is under way comes first, then what has run, then what was refused.
	best, rank := Answer{}, -1
	for _, c := range m.Campaigns {
		if a, r := q.campaign(c); r > rank {
			best, rank = a, r
		}
	}
	for _, j := range m.Programs {
		a, r := q.program(j)
		if r > rank {
			best, rank = a, r
		}
	}
	return best
}

// program says why a journey has not sent the mail; the higher the rank, the nearer it came.
func (q Question) program(j Journey) (a Answer, rank int) {
	e := j.Newest
	if e == nil || j.Decision != nil && j.Decision.At.After(e.Began) && j.Decision.Outcome != contract.OutcomeEnrolled && !e.Status.Live() {
		a = q.OfJourney(j)
		rank = 0
		if j.Decision != nil {
			rank = 1
		}
		a.Verdict = No
		return a, rank
	}
	a = q.OfEnrollment(*e)
	switch e.Status {
	case contract.EnrollmentActive, contract.EnrollmentWaiting:
		a.Sentence = strings.TrimSuffix(a.Sentence, ".") + "; " + q.Thing + " has not come yet."
		return a, 4
	case contract.EnrollmentFailed:
		return a, 3
	case contract.EnrollmentCompleted:
		a.Verdict = No
		a.Sentence = strings.TrimSuffix(a.Sentence, ".") + ", on a way that does not send " + q.Thing + "."
	default:
		a.Sentence = strings.TrimSuffix(a.Sentence, ".") + ", before " + q.Thing + " was due."
	}
	return a, 2
}
