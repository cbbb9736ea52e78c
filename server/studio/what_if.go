package studio

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// ErrBusy is returned by Config.Preview while others look through all contacts.
var ErrBusy = errors.New("other previews are running")

// maxCriteria bounds the JSON of criteria that somebody tries out.
const maxCriteria = 48 << 10

// whatIfSample is how many of those who match are shown.
const whatIfSample = 20

// showWhatIf asks what a bucket would be with other criteria (U-28). It never changes the
// bucket: its code is the source.
func (s *Studio) showWhatIf(r *request) error {
	v, _, err := s.whatIf(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "what_if", v)
}

// whatIf is the page before anything is looked at.
func (s *Studio) whatIf(r *request) (view.WhatIf, knownBucket, error) {
	var b knownBucket
	err := s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		b, err = s.bucket(r, q)
		return err
	})
	if err != nil {
		return view.WhatIf{}, b, err
	}
	id := b.AdminBucketsRow.ID
	v := view.WhatIf{ID: id, Back: view.Link{Text: b.name(), URL: bucketURL(id)}, Action: bucketURL(id) + "/what-if", JSON: indented(b.Criteria), Criteria: criteriaWords(b.Criteria)}
	v.Frame = s.frame(r, "What if", "What if "+b.name()+" were different?")
	return v, b, nil
}

// checkWhatIf looks through everybody once, and changes nothing.
func (s *Studio) checkWhatIf(r *request) error {
	v, b, err := s.whatIf(r)
	if err != nil {
		return err
	}
	v.JSON = r.PostFormValue("criteria")
	tree := s.readCriteria(v.JSON, &v)
	if tree == nil {
		return s.show(r, http.StatusUnprocessableEntity, "what_if", v)
	}
	v.Criteria, v.Code = said(criteria.Words(tree)), criteria.Code(tree)
	var leaves []hogsend.Condition
	condition.Walk(tree, func(leaf hogsend.Condition, _ bool) { leaves = append(leaves, leaf) })
	found, counts, err := s.cfg.Preview(r.ctx(), rollout.PreviewParams{Criteria: tree, BucketID: b.AdminBucketsRow.ID, Sample: whatIfSample}, leaves)
	switch {
	case errors.Is(err, ErrBusy):
		return &problem{status: http.StatusServiceUnavailable, heading: "Others are looking", text: "Two people look through all contacts at the moment. Try again in a few seconds."}
	case errors.Is(err, rollout.ErrPreviewTimedOut):
		return &problem{status: http.StatusServiceUnavailable, heading: "It took too long", text: "Criteria that look at much history take longer than ten seconds here. Give each event a window, or ask hogsend buckets simulate."}
	case err != nil:
		return err
	}
	v.Counts = []view.Tile{
		{Label: "match now", Value: number(found.Count), Title: "of " + number(found.Total) + " contacts"},
		{Label: "would join", Value: number(found.Join)},
		{Label: "would leave", Value: number(found.Leave)},
		{Label: "contacts", Value: number(found.Total)},
	}
	at := s.moment(r, found.At)
	v.At = &at
	for i, leaf := range leaves {
		v.Leaves = append(v.Leaves, view.LeafRow{Words: clip.Short(visible(criteria.Words(leaf).Sentence()), 200), People: number(counts[i]), Share: percent(counts[i], found.Total)})
	}
	for _, c := range found.Sample {
		v.Sample = append(v.Sample, contactLink(c))
	}
	return s.show(r, http.StatusOK, "what_if", v)
}

// readCriteria reads a tree that somebody tries out; nil with what is wrong on the page.
func (s *Studio) readCriteria(text string, v *view.WhatIf) hogsend.Condition {
	if len(text) > maxCriteria {
		v.Problems = []view.Problem{{Field: "criteria", Text: "is too long: at most 48 KiB"}}
		return nil
	}
	tree, problems, err := criteria.ParseTree(json.RawMessage(text), func(key string) bool {
		return slices.ContainsFunc(s.cfg.Registry.Templates, func(t hogsend.Template) bool { return t.Key == key })
	})
	if err != nil {
		v.Problems = []view.Problem{{Field: "criteria", Text: "is no JSON"}}
		return nil
	}
	for _, p := range problems {
		v.Problems = append(v.Problems, view.Problem{Field: visible(p.Path), Text: visible(p.Message)})
	}
	return tree
}
