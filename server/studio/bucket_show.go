package studio

import (
	"net/http"
	urls "net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio/view"
)

// showBucket is U-27: what a bucket asks for, who is in it, what it starts.
func (s *Studio) showBucket(r *request) error {
	journeys, err := s.known(r.ctx())
	if err != nil {
		return err
	}
	var v view.Bucket
	err = s.read(r.ctx(), func(q *storedb.Queries) error {
		b, err := s.bucket(r, q)
		if err != nil {
			return err
		}
		v = view.Bucket{
			ID: b.AdminBucketsRow.ID, Description: b.Description, State: b.state(), Criteria: criteriaWords(b.Criteria), JSON: indented(b.Criteria), Limits: limits(&b.Definition), Feeds: s.feeds(&b, journeys),
			Counts: []view.Tile{{Label: "in it now", Value: number(b.active)}, {Label: "have left", Value: number(b.left)}},
		}
		v.Code, v.WhatIf = goCode(b.Criteria), bucketURL(b.AdminBucketsRow.ID)+"/what-if"
		if v.Growth, err = s.growth(r, q, b.AdminBucketsRow.ID); err != nil {
			return err
		}
		v.Frame = s.frame(r, "Bucket", b.name())
		s.bucketButtons(r, &b, &v)
		note, err := q.BucketLastChange(r.ctx(), b.AdminBucketsRow.ID)
		if err != nil {
			return err
		}
		v.Change = s.changeLine(r, note)
		due, err := q.StudioMembersDue(r.ctx(), s.instant(), b.AdminBucketsRow.ID, most+1)
		if err != nil {
			return err
		}
		v.Counts = append(v.Counts, view.Tile{Label: "looked at within an hour", Value: capped(due.Hour)}, view.Tile{Label: "within a day", Value: capped(due.Day)})
		if err := s.members(r, q, &b, &v); err != nil {
			return err
		}
		return s.backfills(r, q, &b, &v)
	})
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "bucket", v)
}

func (s *Studio) bucketButtons(r *request, b *knownBucket, v *view.Bucket) {
	url := bucketURL(b.AdminBucketsRow.ID)
	if !b.Registered {
		if b.active > 0 {
			v.Retire = r.button("Let everybody leave…", url+"/retire", users.Admin)
		}
		return
	}
	v.Switch = r.button("Switch off…", url+"/switch?to=off", users.Operator)
	if !b.Enabled {
		v.Switch = r.button("Switch on…", url+"/switch?to=on", users.Operator)
	}
	if why := b.switchable(); why != "" {
		v.Switch.Refused = why
	}
}

// limits say when a bucket holds its people longer or lets them go earlier.
func limits(d *bucket.Definition) []string {
	var out []string
	if d.MinDwell() > 0 {
		out = append(out, "stays at least "+criteria.LengthWords(d.MinDwell()))
	}
	if d.MaxDwell() > 0 {
		out = append(out, "stays at most "+criteria.LengthWords(d.MaxDwell()))
	}
	switch d.EntryLimit {
	case hogsend.Once:
		out = append(out, "once per person")
	case hogsend.OncePerPeriod:
		out = append(out, "at most every "+criteria.LengthWords(d.EntryPeriod()))
	}
	return out
}

// feeds are the journeys that transitions of a bucket start: its reactions, then others.
func (s *Studio) feeds(b *knownBucket, journeys known) []view.Feed {
	var out []view.Feed
	owned := map[string]bool{}
	for _, reaction := range b.Reactions {
		owned[reaction.JourneyID] = true
		feed := view.Feed{Journey: journeys.link(reaction.JourneyID), When: s.triggerWords(reaction.Trigger), State: ok("on")}
		if reaction.Disabled {
			feed.State = off("off in code")
		}
		out = append(out, feed)
	}
	id := b.AdminBucketsRow.ID
	for _, key := range sorted(journeys) {
		j := journeys[key]
		if key != j.ID || owned[j.ID] {
			continue
		}
		switch event := j.Trigger.Event; {
		case event == hogsend.Entered(id), event == hogsend.Left(id), strings.HasPrefix(event, hogsend.Dwell(id, "")),
			event == hogsend.AnyEntered, event == hogsend.AnyLeft, event == hogsend.AnyDwell:
			feed := view.Feed{Journey: journeys.link(j.ID), When: s.triggerWords(event), State: ok("on")}
			if j.Disabled {
				feed.State = off("off in code")
			}
			out = append(out, feed)
		}
	}
	return out
}

// members are the stays of a bucket, active or over.
func (s *Studio) members(r *request, q *storedb.Queries, b *knownBucket, v *view.Bucket) error {
	status, url := contract.MembershipActive, bucketURL(b.AdminBucketsRow.ID)
	if r.query("members") == "left" {
		status = contract.MembershipLeft
	}
	v.Segments = []view.Segment{{Label: "In it", URL: url, Here: status == contract.MembershipActive}, {Label: "Have left", URL: url + "?members=left", Here: status == contract.MembershipLeft}}
	p := storedb.StudioMembersParams{BucketID: b.AdminBucketsRow.ID, Status: status, Before: farAhead(), AfterID: uuid.Max, RowLimit: pageRows + 1}
	turn, first := r.turning(), true
	if at, id, found := cursor(turn.before); found {
		p.Before, p.AfterID, first = at, id, false
	}
	if at, id, found := cursor(turn.after); found {
		newer, err := q.StudioMembersNewer(r.ctx(), storedb.StudioMembersNewerParams{BucketID: p.BucketID, Status: status, After: at, AfterID: id, RowLimit: pageRows + 1})
		if err != nil {
			return err
		}
		if len(newer) > pageRows {
			p.Before, p.AfterID, first = newer[pageRows].EnteredAt, newer[pageRows].ID, false
		}
	}
	rows, err := q.StudioMembers(r.ctx(), p)
	if err != nil {
		return err
	}
	more := len(rows) > pageRows
	rows = rows[:min(len(rows), pageRows)]
	if len(rows) > 0 {
		newest, oldest := rows[0].Membership, rows[len(rows)-1].Membership
		v.Pager = pager(url, urls.Values{"members": {string(status)}}, cursorOf(newest.EnteredAt, newest.ID), cursorOf(oldest.EnteredAt, oldest.ID), first, more)
	}
	for _, row := range rows {
		m := row.Membership
		out := view.MemberRow{Contact: contactLink(row.Contact), Since: s.moment(r, m.EnteredAt), Left: s.momentOrNil(r, m.LeftAt), Source: strings.ReplaceAll(m.Source, "_", " "), Stay: int64(m.Epoch)}
		switch {
		case m.LeftReason != nil:
			out.Why = reasonWords(*m.LeftReason)
		case m.LeaveAt != nil:
			out.Why = "leaves " + s.moment(r, *m.LeaveAt).Text
		case m.MaxDwellAt != nil:
			out.Why = "at the latest until " + s.moment(r, *m.MaxDwellAt).Text
		}
		v.Members = append(v.Members, out)
	}
	if len(rows) == 0 {
		v.Empty = &view.Empty{Title: "Nobody", Text: "The criteria hold for nobody at the moment."}
		if status == contract.MembershipLeft {
			v.Empty.Text = "Nobody has left it yet."
		}
	}
	return nil
}

// backfills are the times a bucket was built or rebuilt.
func (s *Studio) backfills(r *request, q *storedb.Queries, b *knownBucket, v *view.Bucket) error {
	rows, err := q.AdminBackfills(r.ctx(), b.AdminBucketsRow.ID, 0, 10)
	if err != nil {
		return err
	}
	for _, f := range rows {
		row := view.BuildRow{Mode: reasonWords(f.Mode), State: ok(f.Status), Joined: number(f.Joined), Left: number(f.LeftCount), At: s.moment(r, f.CreatedAt), Error: visible(textOf(f.Error))}
		switch f.Status {
		case "pending", "processing":
			row.State = run(f.Status)
		case "failed":
			row.State = bad("failed")
		}
		v.Builds = append(v.Builds, row)
	}
	return nil
}
