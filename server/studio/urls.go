package studio

import (
	"net/url"

	"github.com/hogsend/hogsend/server/studio/view"
)

func bucketURL(id string) string { return "/studio/buckets/" + url.PathEscape(id) }

func (s *Studio) bucketLink(id string) view.Link {
	return view.Link{Text: s.bucketName(id), URL: bucketURL(id)}
}

func journeyURL(id string) string { return "/studio/journeys/" + url.PathEscape(id) }
