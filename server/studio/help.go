package studio

import (
	"net/http"

	"github.com/hogsend/hogsend/server/studio/view"
)

// showHelp is the page of the keys (U-11) and of the words that pages use (U-13).
func (s *Studio) showHelp(r *request) error {
	return s.show(r, http.StatusOK, "help", view.Help{
		Frame: s.frame(r, "Help", "Keys and words"),
		Keys: []view.Field{
			{Name: "/", Value: "finds a person, a mail, a journey"},
			{Name: "g", Value: "and then c goes to contacts, e events, m mails, j journeys, b buckets, t templates, h health, o outbox"},
			{Name: "j k", Value: "moves in a list, Enter opens"},
			{Name: "[ ]", Value: "turns to older and newer rows"},
			{Name: ".", Value: "stops the page from renewing itself, and lets it again"},
			{Name: "?", Value: "shows this"},
			{Name: "Esc", Value: "closes a dialog"},
		},
		Words: []view.Field{
			{Name: "Contact", Value: "a person, known by an address, by your product's id or by what a browser calls them"},
			{Name: "Event", Value: "something a person did, sent by your product"},
			{Name: "Journey", Value: "a function that waits, decides and sends mails for one person"},
			{Name: "Enrollment", Value: "one person's way through a journey"},
			{Name: "Decision", Value: "whether an event let somebody into a journey, and why not"},
			{Name: "Bucket", Value: "all people for whom its criteria hold now"},
			{Name: "Reaction", Value: "a journey that starts when somebody enters or leaves a bucket, or stays in it"},
			{Name: "Refused", Value: "a mail that was not handed over: blocked, unsubscribed, too many in a week, …"},
			{Name: "Outbox", Value: "what Temporal and others are still to be told; it survives their absence"},
			{Name: "Dead letter", Value: "what could not be delivered after all attempts, and waits for somebody to decide"},
		},
	})
}
