package studio

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// knownBucket is one that was ever in force.
type knownBucket struct {
	storedb.AdminBucketsRow
	bucket.Definition
	active, left int64
}

func (b *knownBucket) name() string { return cmp.Or(b.Name, b.AdminBucketsRow.ID) }

// buckets are all, or the one with an id, by name.
func (s *Studio) buckets(r *request, q *storedb.Queries, id *string) ([]knownBucket, error) {
	rows, err := q.AdminBuckets(r.ctx(), id)
	if err != nil {
		return nil, err
	}
	list, ids := make([]knownBucket, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		list[i].AdminBucketsRow, ids[i] = row, row.ID
		if err := json.Unmarshal(row.Definition, &list[i].Definition); err != nil {
			return nil, fmt.Errorf("read bucket %s: %w", row.ID, err)
		}
	}
	counts, err := q.AdminBucketCounts(r.ctx(), ids)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		b := &list[slices.Index(ids, c.BucketID)]
		if contract.MembershipStatus(c.Status) == contract.MembershipActive {
			b.active = c.Total
		} else {
			b.left = c.Total
		}
	}
	slices.SortFunc(list, func(a, b knownBucket) int {
		return cmp.Or(cmp.Compare(a.name(), b.name()), cmp.Compare(a.AdminBucketsRow.ID, b.AdminBucketsRow.ID))
	})
	return list, nil
}

// state is how a bucket stands by code, by its switch and by what builds it.
func (b *knownBucket) state() view.Badge {
	switch {
	case !b.Registered:
		return off("not in code")
	case b.AdminBucketsRow.Disabled:
		return off("off in code")
	case !b.Enabled:
		return off("switched off")
	case b.BackfillID != nil:
		return run(b.progress())
	}
	return ok("live")
}

// progress is how far the building of a bucket has come.
func (b *knownBucket) progress() string {
	if b.BackfillID == nil || b.Settling == 0 || b.Processed == nil {
		return "building"
	}
	return fmt.Sprintf("building %d %%", 100*min(*b.Processed, b.Settling)/b.Settling)
}

// listBuckets is U-26.
func (s *Studio) listBuckets(r *request) error {
	var v view.Buckets
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		list, err := s.buckets(r, q, nil)
		if err != nil {
			return err
		}
		for i := range list {
			b := &list[i]
			row := view.BucketRow{URL: bucketURL(b.AdminBucketsRow.ID), Name: b.name(), ID: b.AdminBucketsRow.ID, State: b.state(), Words: sentence(b.Criteria), Members: number(b.active), Left: number(b.left), Reactions: int64(len(b.Reactions))}
			if !b.Registered {
				v.Gone = append(v.Gone, row)
				continue
			}
			v.Rows = append(v.Rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "No bucket is in force", Text: "A bucket holds everybody for whom its criteria are true, and lets them go when they no longer are. A worker brings it into force:", Command: `hogsend.Bucket{
	ID: "power-users", Name: "Power users",
	Criteria: hogsend.Event("app.active").Within(7 * hogsend.Day).AtLeast(10),
}`}
	}
	v.Frame = s.frame(r, "Buckets", "Buckets")
	return s.show(r, http.StatusOK, "buckets", v)
}

// bucket finds the bucket that the path names.
func (s *Studio) bucket(r *request, q *storedb.Queries) (knownBucket, error) {
	id := r.PathValue("id")
	list, err := s.buckets(r, q, &id)
	if err != nil {
		return knownBucket{}, err
	}
	if len(list) == 0 {
		return knownBucket{}, &problem{status: http.StatusNotFound, heading: "No such bucket", text: "No bucket that was ever in force has this id.", next: [2]string{"Go to the buckets", "/studio/buckets"}}
	}
	return list[0], nil
}

// switchable says whether an operator may switch a bucket, and why not.
func (b *knownBucket) switchable() string {
	switch {
	case !b.Registered:
		return "No code has it any more."
	case b.AdminBucketsRow.Disabled:
		return "It is off in code."
	}
	return ""
}
