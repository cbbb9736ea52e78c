package ask

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/condition"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/engine/tree"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
)

// Bucket says whether and why a contact is in a bucket; found is false for one that was
// never in force.
func (r Reader) Bucket(ctx context.Context, c storedb.Contact, id string) (a Asked, found bool, err error) {
	rows, err := r.Q.AdminBuckets(ctx, &id)
	if err != nil || len(rows) == 0 {
		return a, false, err
	}
	row := rows[0]
	var d bucket.Definition
	if err := json.Unmarshal(row.Definition, &d); err != nil {
		return a, false, fmt.Errorf("read bucket %s: %w", id, err)
	}
	b := why.Bucket{ID: id, Name: clip.Visible(d.Name), Off: !row.Registered || !row.Enabled || row.Disabled, Building: row.BackfillID != nil, Once: d.EntryLimit == hogsend.Once}
	if b.Name == "" {
		b.Name = id
	}
	if err := r.criteria(ctx, c, d, &b); err != nil {
		return a, false, err
	}
	stays, err := r.Q.StudioNewestStay(ctx, c.ID, id)
	if err != nil {
		return a, false, fmt.Errorf("read stays: %w", err)
	}
	for _, m := range stays {
		b.Stay = &why.Stay{Entered: m.EnteredAt, Left: m.LeftAt, Reason: clip.Visible(text(m.LeftReason)), Leave: m.LeaveAt, Most: m.MaxDwellAt}
	}
	q := r.Question(c, b.Name)
	return Asked{fmt.Sprintf("Is %s in %s?", q.Person, b.Name), q.OfBucket(b)}, true, nil
}

// criteria asks what the criteria and each of their leaves say of the contact now.
func (r Reader) criteria(ctx context.Context, c storedb.Contact, d bucket.Definition, b *why.Bucket) error {
	whole, problems, err := criteria.UnmarshalTree(d.Criteria)
	if err != nil || len(problems) > 0 {
		return err // criteria of another build say nothing here
	}
	var leaves []hogsend.Condition
	condition.Walk(whole, func(leaf hogsend.Condition, negated bool) {
		if negated {
			leaf = hogsend.Not(leaf)
		}
		leaves = append(leaves, leaf)
	})
	answers, err := tree.Each(ctx, r.Store, c.ID, whole, leaves)
	if err != nil || len(answers) == 0 {
		return err
	}
	b.Holds = answers[0]
	for i, leaf := range leaves {
		b.Leaves = append(b.Leaves, why.Leaf{Words: clip.Short(clip.Visible(criteria.Words(leaf).Sentence()), 200), Holds: answers[i+1]})
	}
	return nil
}
