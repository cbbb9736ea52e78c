package ask

import (
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
)

// Send is a mail as the engine takes it.
func Send(row storedb.Send) why.Send {
	s := why.Send{
		ID: row.ID.String(), Template: row.TemplateKey, To: clip.Visible(row.ToEmail), Status: row.Status,
		BounceReason: clip.Visible(text(row.BounceReason)), At: row.CreatedAt, Sent: row.SentAt, Delivered: row.DeliveredAt, Opened: row.OpenedAt,
		Clicked: row.ClickedAt, Bounced: row.BouncedAt, Complained: row.ComplainedAt, Attempt: row.FirstAttemptAt,
	}
	if row.Reason != nil {
		s.Reason = clip.Visible(string(*row.Reason))
	}
	return s
}

// Enrollment is an enrollment as the engine takes it.
func Enrollment(e storedb.Enrollment, journeys Journeys, w *storedb.Wait, paused bool) why.Enrollment {
	out := why.Enrollment{
		ID: e.ID.String(), JourneyID: e.JourneyID, Journey: journeys.Name(e.JourneyID), Status: e.Status, Node: clip.Visible(e.Node),
		Began: e.CreatedAt, Ended: e.UpdatedAt, Error: clip.Visible(text(e.Error)), Paused: paused,
	}
	if e.ExitReason != nil {
		out.ExitReason = clip.Visible(string(*e.ExitReason))
	}
	switch {
	case e.CompletedAt != nil:
		out.Ended = *e.CompletedAt
	case e.ExitedAt != nil:
		out.Ended = *e.ExitedAt
	}
	if w != nil {
		out.Wait = &why.Wait{Event: clip.Visible(text(w.EventName)), Deadline: w.Deadline}
	}
	return out
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nearest is a name that looks like one: three quarters of its letters are the same.
func nearest(name string, names []string) string {
	best := naming.Nearest(name, names)
	if best == "" || 4*naming.Distance(name, best) > len(name) {
		return ""
	}
	return best
}
