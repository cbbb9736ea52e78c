package studio

import (
	"errors"
	"net/http"

	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// bucketOfPath reads the bucket that the path names, outside of a page.
func (s *Studio) bucketOfPath(r *request) (b knownBucket, err error) {
	err = s.read(r.ctx(), func(q *storedb.Queries) (err error) {
		b, err = s.bucket(r, q)
		return err
	})
	return b, err
}

// confirmSwitch says what switching a bucket does.
func (s *Studio) confirmSwitch(r *request) error {
	b, err := s.bucketOfPath(r)
	if err != nil {
		return err
	}
	url := bucketURL(b.AdminBucketsRow.ID)
	v := view.Confirm{Action: url + "/switch", Back: url, Reason: true, Verb: "Switch " + b.name() + " off", Hidden: []view.Field{{Name: "to", Value: "off"}}, Points: []string{
		"Nobody enters, leaves or dwells from now on, and no reaction runs.",
		plural(b.active, "member stays listed", "members stay listed") + ".",
		"Switching it on later settles everybody without reactions.",
	}}
	if r.query("to") == "on" {
		v.Verb, v.Hidden[0].Value = "Switch "+b.name()+" on", "on"
		v.Points = []string{"Everybody is settled: who belongs enters, who no longer does leaves, without reactions.", "From then on entries and leaves start what they start."}
	}
	note, err := s.cfg.Store.BucketLastChange(r.ctx(), b.AdminBucketsRow.ID)
	if err != nil {
		return err
	}
	v.Hidden = append(v.Hidden, noted(note))
	v.Frame = s.frame(r, "Switch", v.Verb+"?")
	return s.show(r, http.StatusOK, "confirm", v)
}

func (s *Studio) switchBucket(r *request) error {
	b, err := s.bucketOfPath(r)
	if err != nil {
		return err
	}
	to := r.PostFormValue("to")
	if to != "on" && to != "off" {
		return &problem{status: http.StatusUnprocessableEntity, heading: "On or off?", text: "The form did not say which. Nothing was done."}
	}
	why, err := reason(r)
	if err != nil {
		return err
	}
	note, err := s.cfg.Store.BucketLastChange(r.ctx(), b.AdminBucketsRow.ID)
	if err != nil {
		return err
	}
	if err := s.unchanged(r, note, bucketURL(b.AdminBucketsRow.ID)); err != nil {
		return err
	}
	if err := s.cfg.Desk.SwitchBucket(r.ctx(), s.actor(r), b.AdminBucketsRow.ID, to == "on", why, s.instant()); err != nil {
		return bucketError(err)
	}
	return r.see(bucketURL(b.AdminBucketsRow.ID) + "?done=switched-" + to)
}

// bucketError says what stands against a change.
func bucketError(err error) error {
	next := [2]string{"Go to the buckets", "/studio/buckets"}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &problem{status: http.StatusNotFound, heading: "No such bucket", text: "No bucket that was ever in force has this id.", next: next}
	case errors.Is(err, rollout.ErrDisabledInCode):
		return &problem{status: http.StatusConflict, heading: "It is off in code", text: "The code says so, and only the code can say otherwise.", next: next}
	case errors.Is(err, rollout.ErrStillRegistered):
		return &problem{status: http.StatusConflict, heading: "It is still in code", text: "Only a bucket that no code has any more can be emptied. Switch it off, or take it out of the registry.", next: next}
	}
	return err
}

// confirmRetire asks before everybody leaves a bucket that no code has any more.
func (s *Studio) confirmRetire(r *request) error {
	b, err := s.bucketOfPath(r)
	if err != nil {
		return err
	}
	url := bucketURL(b.AdminBucketsRow.ID)
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Retire", "Let everybody leave "+b.name()+"?"), Action: url + "/retire", Back: url, Verb: "Let everybody leave", Typed: b.AdminBucketsRow.ID, Points: []string{
			plural(b.active, "member leaves", "members leave") + ", as if the criteria had become false. No reaction runs: no code has one.", "It cannot be undone.",
		},
	})
}

func (s *Studio) retireBucket(r *request) error {
	b, err := s.bucketOfPath(r)
	if err != nil {
		return err
	}
	if err := typed(r, b.AdminBucketsRow.ID); err != nil {
		return err
	}
	if _, err := s.cfg.Desk.Retire(r.ctx(), s.actor(r), b.AdminBucketsRow.ID); err != nil {
		return bucketError(err)
	}
	return r.see(bucketURL(b.AdminBucketsRow.ID) + "?done=retired")
}
