package studio

import (
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/hogsend/hogsend/internal/store"
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

// noted is the field by which a form carries the newest change of a switch or a pause.
func noted(note json.RawMessage) view.Field {
	return view.Field{Name: "updated", Value: stamp(notedAt(note))}
}

func notedAt(note json.RawMessage) time.Time {
	var c store.LastChange
	if note == nil || json.Unmarshal(note, &c) != nil {
		return time.Time{}
	}
	return c.At
}

// unchanged refuses what was asked about a switch that somebody has changed since, and says
// who did (U-8).
func (s *Studio) unchanged(r *request, note json.RawMessage, back string) error {
	if given := r.PostFormValue("updated"); given == "" || given == stamp(notedAt(note)) {
		return nil
	}
	return conflict("Somebody was faster", s.changeLine(r, note)+" That was after you were asked, so nothing was done. Look again.", back)
}

func conflict(heading, text, back string) error {
	return &problem{status: http.StatusConflict, heading: heading, text: text, next: [2]string{"Look at it", back}}
}
