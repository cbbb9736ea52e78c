package studio

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// button is one that a role may use; for others it says why not.
func (r *request) button(label, url string, least users.Role) *view.Button {
	b := &view.Button{Label: label, URL: url}
	if !may(users.Role(r.session.User.Role), least) {
		b.Refused = "This needs the role " + string(least) + ". An admin can give it to you."
	}
	return b
}

// maxReason is how long a reason may be, as on the API.
const maxReason = 1000

// reason is what the form says why.
func reason(r *request) (string, error) {
	text := clean(r.PostFormValue("reason"))
	if utf8.RuneCountInString(text) > maxReason {
		return "", &problem{status: http.StatusUnprocessableEntity, heading: "The reason is too long", text: "It may have at most 1,000 characters. Nothing was done."}
	}
	return text, nil
}

// typed checks the id that an irreversible action asks to type (U-8).
func typed(r *request, id string) error {
	if clean(r.PostFormValue("typed")) != id {
		return &problem{status: http.StatusUnprocessableEntity, heading: "That is another id", text: "Type " + visible(id) + " to go on. Nothing was done."}
	}
	return nil
}

// unmoved refuses what was asked about a row that has changed since.
func (s *Studio) unmoved(r *request, now time.Time) error {
	if given := r.PostFormValue("updated"); given != "" && given != stamp(now) {
		return &problem{status: http.StatusConflict, heading: "It has changed", text: "Somebody or something changed it at " + s.moment(r, now).Text + ", after you were asked. Look again. Nothing was done."}
	}
	return nil
}

func conflict(heading, text, back string) error {
	return &problem{status: http.StatusConflict, heading: heading, text: text, next: [2]string{"Look at it", back}}
}
