package studio

import (
	"net/http"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// resendable reports whether a mail may be asked for again.
func resendable(m storedb.Send) bool {
	return m.Status == contract.SendFailed || m.Status == contract.SendBounced
}

// confirmResend says what sending a mail again means.
func (s *Studio) confirmResend(r *request) error {
	var m storedb.Send
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		m, err = s.mail(r, q)
		return err
	})
	if err != nil {
		return err
	}
	base := "/studio/mails/" + m.ID.String()
	if !resendable(m) {
		return conflict("It is not sent again", "Only a mail that failed or came back is. Nothing was done.", base)
	}
	points := []string{"A new mail of the same template and props goes to " + visible(m.ToEmail) + ".", "Opt-outs, blocked addresses and limits hold."}
	if reasonOf(m.Reason) == string(contract.SendUnknownOutcome) {
		points = append(points, "The first mail may have arrived: sending again can mean two.")
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{Frame: s.frame(r, "Send again", "Send it again?"), Action: base + "/resend", Back: base, Verb: "Send it again", Points: points})
}

func (s *Studio) resend(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	base := "/studio/mails/" + id.String()
	if s.cfg.Resend == nil {
		return conflict("No mails", "This process sends no mails. Nothing was done.", base)
	}
	again, refused, err := s.cfg.Resend(r.ctx(), s.actor(r), id)
	if err != nil {
		return err
	}
	if refused != "" {
		return conflict("It is not sent again", refused+". Nothing was done.", base)
	}
	return r.see("/studio/mails/" + again.String() + "?done=resent")
}
