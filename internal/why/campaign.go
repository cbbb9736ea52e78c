package why

import (
	"fmt"

	"github.com/hogsend/hogsend/internal/contract"
)

// campaign says why a campaign has not mailed somebody; the rank is that of program.
func (q Question) campaign(c Campaign) (a Answer, rank int) {
	a = Answer{Verdict: No, Facts: []Fact{{Ref: &Ref{KindCampaign, c.ID, c.Name}, At: c.Frozen}}}
	switch {
	case c.Among && c.Status.Live() && c.Outcome == "open":
		a.Verdict, a.Sentence = NotYet, fmt.Sprintf("%s is among those whom the campaign %s mails, not before %s.", q.Person, c.Name, q.When(c.Due))
		return a, 4
	case c.Among:
		why, known := q.gate(Send{Reason: c.Reason, To: c.To})
		if !known {
			why = c.Reason
		}
		a.Sentence = fmt.Sprintf("The campaign %s left %s out. %s", c.Name, q.Person, why)
		if c.Outcome == "failed" {
			a.Sentence = fmt.Sprintf("The campaign %s failed for %s: “%s”.", c.Name, q.Person, firstLine(c.Reason))
		}
		return a, 2
	case c.Frozen == nil && c.Status.Live():
		a.Verdict, a.Sentence = NotYet, fmt.Sprintf("The campaign %s has not begun; whether %s is in %s then decides.", c.Name, q.Person, c.Audience)
		if c.Scheduled != nil {
			a.Sentence = fmt.Sprintf("The campaign %s begins on %s; whether %s is in %s then decides.", c.Name, q.when(c.Scheduled), q.Person, c.Audience)
		}
		return a, 1
	case c.Status == contract.CampaignCanceled && c.Frozen == nil:
		a.Sentence = fmt.Sprintf("The campaign %s was canceled before it began.", c.Name)
		return a, 0
	case c.Frozen == nil:
		a.Sentence = fmt.Sprintf("The campaign %s never began.", c.Name)
		return a, 0
	}
	a.Sentence = fmt.Sprintf("The campaign %s went to %s as it was on %s, and %s was not in it, or had no address.", c.Name, c.Audience, q.when(c.Frozen), q.Person)
	return a, 1
}
