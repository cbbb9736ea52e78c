package studio

import (
	"net/url"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

func bucketURL(id string) string { return "/studio/buckets/" + url.PathEscape(id) }

func (s *Studio) bucketLink(id string) view.Link {
	return view.Link{Text: s.bucketName(id), URL: bucketURL(id)}
}

func journeyURL(id string) string { return "/studio/journeys/" + url.PathEscape(id) }

// peopleURL leads to those who stand at a node.
func peopleURL(j hogsend.Journey, node string) string {
	return journeyURL(j.ID) + "/people?" + url.Values{"node": {node}}.Encode()
}

func retryURL(j hogsend.Journey, failure string) string {
	return journeyURL(j.ID) + "/retry?" + url.Values{"error": {failure}}.Encode()
}

func enrollmentURL(id uuid.UUID) string { return "/studio/enrollments/" + id.String() }

// lettersURL leads to the dead letters, for those who may see them.
func (s *Studio) lettersURL(r *request) string {
	if may(users.Role(r.session.User.Role), users.Admin) {
		return "/studio/dead-letters"
	}
	return ""
}
