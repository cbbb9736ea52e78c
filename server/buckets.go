package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// stays are the stays in a bucket by status: the object Counts of §2.
type stays struct {
	Active int64 `json:"active"`
	Left   int64 `json:"left"`
}

// bucketItem is the object BucketItem of §2, with the backfill under way.
type bucketItem struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Enabled     bool               `json:"enabled"`
	Kind        hogsend.BucketKind `json:"kind"`
	TimeBased   bool               `json:"timeBased"`
	Registered  bool               `json:"registered"`
	EntryLimit  hogsend.EntryLimit `json:"entryLimit"`
	Counts      stays              `json:"counts"`
	Backfill    *progress          `json:"backfill,omitempty"`

	definition bucket.Definition
	updatedAt  time.Time
}

// progress is how far a backfill has come.
type progress struct {
	Mode      string `json:"mode"`
	Status    string `json:"status"`
	Processed int64  `json:"processed"`
	// Total are the contacts that it settles, Percent and PerSecond how fast it gets there.
	Total     int64   `json:"total"`
	Percent   float64 `json:"percent"`
	PerSecond float64 `json:"perSecond"`
}

func progressOf(row *storedb.AdminBucketsRow) *progress {
	if row.BackfillID == nil {
		return nil
	}
	p := &progress{Mode: *row.Mode, Status: *row.BackfillStatus, Processed: *row.Processed, Total: row.Settling}
	if p.Total > 0 {
		p.Percent = tenths(100 * float64(min(p.Processed, p.Total)) / float64(p.Total))
	}
	if took := row.BackfillUntil.Sub(*row.BackfillFrom); took > 0 {
		p.PerSecond = tenths(float64(p.Processed) / took.Seconds())
	}
	return p
}

func tenths(x float64) float64 { return math.Round(10*x) / 10 }

// buckets describes all buckets, or one, by id.
func (s *Server) buckets(ctx context.Context, id *string) ([]bucketItem, error) {
	rows, err := s.store.AdminBuckets(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read buckets: %w", err)
	}
	ids, items := make([]string, len(rows)), make([]bucketItem, len(rows))
	for i := range rows {
		row := &rows[i]
		it := bucketItem{
			ID: row.ID, Enabled: row.Registered && row.Enabled && !row.Disabled, Kind: hogsend.BucketDynamic, Registered: row.Registered,
			Backfill: progressOf(row), TimeBased: row.BackfillID != nil, updatedAt: row.UpdatedAt,
		}
		if err := json.Unmarshal(row.Definition, &it.definition); err != nil {
			return nil, fmt.Errorf("read bucket %s: %w", row.ID, err)
		}
		it.Name, it.Description, it.EntryLimit = it.definition.Name, it.definition.Description, it.definition.EntryLimit
		ids[i], items[i] = row.ID, it
	}
	counts, err := s.store.AdminBucketCounts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	for _, row := range counts {
		it := &items[slices.Index(ids, row.BucketID)]
		if contract.MembershipStatus(row.Status) == contract.MembershipActive {
			it.Counts.Active = row.Total
		} else {
			it.Counts.Left = row.Total
		}
	}
	return items, nil
}

// bucket finds the bucket that the path names, registered or not.
func (s *Server) bucket(r *request) (bucketItem, error) {
	id, err := param(r, "id")
	if err != nil {
		return bucketItem{}, err
	}
	return s.bucketByID(r.ctx(), id)
}

func (s *Server) bucketByID(ctx context.Context, id string) (bucketItem, error) {
	found, err := s.buckets(ctx, &id)
	if err != nil {
		return bucketItem{}, err
	}
	if len(found) == 0 {
		return bucketItem{}, bucketError(store.ErrNotFound)
	}
	return found[0], nil
}

// bucketError is the answer for what stands against a change of a bucket.
func bucketError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound("Bucket not found")
	case errors.Is(err, rollout.ErrDisabledInCode):
		return conflict("Bucket is disabled in code")
	case errors.Is(err, rollout.ErrStillRegistered):
		return conflict("Bucket is still registered")
	}
	return err
}

// listBuckets is R-70. A bucket that no registry has any more is of interest while it
// has members.
func (s *Server) listBuckets(r *request) error {
	q := queryOf(r)
	p, enabled, registered := q.page(), q.boolean("enabled"), q.boolean("registered")
	if err := q.err(); err != nil {
		return err
	}
	items, err := s.buckets(r.ctx(), nil)
	if err != nil {
		return err
	}
	gone := registered != nil && !*registered
	items = slices.DeleteFunc(items, func(it bucketItem) bool {
		return it.Registered == gone || gone && it.Counts.Active == 0 || enabled != nil && it.Enabled != *enabled
	})
	p.Total = int64(len(items))
	return reply(r, http.StatusOK, struct {
		Buckets []bucketItem `json:"buckets"`
		page
	}{cut(p, items), p})
}

// feed is the object Feed of §6.3.
type feed struct {
	ID             string  `json:"id"`
	Name           string  `json:"name"`
	Trigger        string  `json:"trigger"`
	SourceBucketID *string `json:"sourceBucketId"`
	Owned          bool    `json:"owned"`
}

// bucketDetail is the reply of R-71.
type bucketDetail struct {
	bucketItem
	Criteria       json.RawMessage `json:"criteria,omitempty"`
	EntryPeriod    *dur            `json:"entryPeriod"`
	MinDwell       *dur            `json:"minDwell"`
	MaxDwell       *dur            `json:"maxDwell"`
	ReconcileJoins *bool           `json:"reconcileJoins"`
	// Part of the reply, always null and false: timing is exact without them.
	ReconcileEvery *dur          `json:"reconcileEvery"`
	FastExpiry     bool          `json:"fastExpiry"`
	SyncToPostHog  bool          `json:"syncToPostHog"`
	FeedsJourneys  []feed        `json:"feedsJourneys"`
	LastChange     *changeReply  `json:"lastChange,omitempty"`
	RecentMembers  []memberReply `json:"recentMembers"`
}

func durOrNull(d time.Duration) *dur {
	if d == 0 {
		return nil
	}
	out := dur(d)
	return &out
}

// recentMembers is how many members R-71 shows.
const recentMembers = 10

// getBucket is R-71.
func (s *Server) getBucket(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	d := &b.definition
	out := bucketDetail{
		bucketItem: b, Criteria: d.Criteria, EntryPeriod: durOrNull(d.EntryPeriod()), MinDwell: durOrNull(d.MinDwell()), MaxDwell: durOrNull(d.MaxDwell()),
		ReconcileJoins: d.ReconcileJoins, SyncToPostHog: d.SyncToPostHog, FeedsJourneys: s.feeds(&b),
	}
	note, err := s.store.BucketLastChange(r.ctx(), b.ID)
	if err != nil {
		return err
	}
	if out.LastChange, err = newest(nil, note); err != nil {
		return err
	}
	out.RecentMembers, err = s.members(r.ctx(), &b, storedb.AdminMembersParams{Status: "active", RowLimit: recentMembers})
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"bucket": out})
}

// feeds are the journeys that the transitions of a bucket may start: its own
// reactions, then others by id (B-35).
func (s *Server) feeds(b *bucketItem) []feed {
	list := []feed{}
	for _, reaction := range b.definition.Reactions {
		list = append(list, feed{reaction.JourneyID, reaction.Name, reaction.Trigger, &b.ID, true})
	}
	journeys := slices.SortedFunc(slices.Values(s.cfg.Enabled), func(x, y hogsend.Journey) int { return strings.Compare(x.ID, y.ID) })
	for _, j := range journeys {
		switch event := j.Trigger.Event; {
		case event == hogsend.Entered(b.ID), event == hogsend.Left(b.ID), strings.HasPrefix(event, hogsend.Dwell(b.ID, "")),
			event == hogsend.AnyEntered, event == hogsend.AnyLeft, event == hogsend.AnyDwell:
			list = append(list, feed{ID: j.ID, Name: j.Name, Trigger: event})
		}
	}
	return list
}

// switchBucket is R-72.
func (s *Server) switchBucket(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	enabled, reason, err := readSwitch(r)
	if err != nil {
		return err
	}
	if err := s.desk.SwitchBucket(r.ctx(), s.who(r), b.ID, enabled, reason, s.instant()); err != nil {
		return bucketError(err)
	}
	if b, err = s.bucketByID(r.ctx(), b.ID); err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"bucket": switched{b.ID, b.Name, b.Enabled, ts(b.updatedAt)}})
}

// backfillReply is one row of R-75.
type backfillReply struct {
	ID        uuid.UUID `json:"id"`
	Mode      string    `json:"mode"`
	Status    string    `json:"status"`
	Processed int64     `json:"processed"`
	Joined    int64     `json:"joined"`
	Left      int64     `json:"left"`
	Error     *string   `json:"error"`
	CreatedAt ts        `json:"createdAt"`
	UpdatedAt ts        `json:"updatedAt"`
}

// listBackfills is R-75.
func (s *Server) listBackfills(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	q := queryOf(r)
	p := q.page()
	if err := q.err(); err != nil {
		return err
	}
	if p.Total, err = s.store.AdminBackfillsCount(r.ctx(), b.ID); err != nil {
		return err
	}
	rows, err := s.store.AdminBackfills(r.ctx(), b.ID, p.Offset, p.Limit)
	if err != nil {
		return err
	}
	list := make([]backfillReply, len(rows))
	for i, f := range rows {
		list[i] = backfillReply{f.ID, f.Mode, f.Status, f.Processed, f.Joined, f.LeftCount, f.Error, ts(f.CreatedAt), ts(f.UpdatedAt)}
	}
	return reply(r, http.StatusOK, struct {
		Backfills []backfillReply `json:"backfills"`
		page
	}{list, p})
}

// retireBucket is R-76: the clock does it.
func (s *Server) retireBucket(r *request) error {
	b, err := s.bucket(r)
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	leaving, err := s.desk.Retire(r.ctx(), s.who(r), b.ID)
	if err != nil {
		return bucketError(err)
	}
	return reply(r, http.StatusAccepted, struct {
		BucketID string `json:"bucketId"`
		Leaving  int64  `json:"leaving"`
	}{b.ID, leaving})
}
