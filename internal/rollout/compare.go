package rollout

import (
	"slices"

	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// change is what bringing a definition into force does to a bucket's contacts.
type change struct {
	// mode says why they are backfilled, policy how it shows; "" when nobody is.
	mode, policy string
	// frozen puts it off until the bucket is enabled; thawed says that it applies again.
	frozen, thawed bool
	// scheduled are the dwell reactions that members get timers of, gone those whose timers
	// are canceled (B-46, B-47).
	scheduled, gone []*bucket.Reaction
}

// exactNumbers is the revision of criteria from which on hashes are of exact numbers.
const exactNumbers = 2

// compare says what changes with a definition; was is nil, and before is empty, for a
// bucket that is new. moved says that the zone of contacts is another one whose own is not
// known. Contacts are backfilled when the criteria are new, have changed, or
// apply again after a time without (W-19, W-31, B-52).
func compare(d, before *bucket.Definition, was *storedb.BucketsAllRow, moved bool) change {
	c := change{policy: engine.PolicySilent, frozen: d.Disabled || was != nil && !was.Enabled}
	c.thawed = was != nil && (was.Disabled && !d.Disabled || !was.Registered || was.Pending != "")
	switch {
	case was == nil:
		c.mode = pendingFirst
	case was.Pending != "":
		c.mode = was.Pending // it waits to be enabled
	case c.thawed:
		c.mode = pendingChange
	case was.Hash != d.Hash && (before.Revision >= exactNumbers || was.Hash != criteria.RoundedHash(d.Criteria)):
		c.mode, c.policy = pendingChange, engine.PolicyDefault
		if d.OnChange != "" {
			c.policy = string(d.OnChange)
		}
	case before.Revision < d.Revision, moved && zoned(d):
		c.mode = pendingChange // the same criteria mean something else: silently, as if enabled (W-37)
	}
	for i := range d.Reactions {
		if r := &d.Reactions[i]; r.Schedule != nil && was != nil && !c.frozen && (c.thawed || !hasReaction(before, r.JourneyID)) {
			c.scheduled = append(c.scheduled, r)
		}
	}
	for i := range before.Reactions {
		if r := &before.Reactions[i]; r.Schedule != nil && !hasReaction(d, r.JourneyID) {
			c.gone = append(c.gone, r)
		}
	}
	return c
}

// zoned reports whether it matters to the criteria where a contact is.
func zoned(d *bucket.Definition) bool {
	tree, problems, err := criteria.UnmarshalTree(d.Criteria)
	return err == nil && len(problems) == 0 && criteria.FactsOf(tree).Zoned
}

func hasReaction(d *bucket.Definition, journeyID string) bool {
	return slices.ContainsFunc(d.Reactions, func(r bucket.Reaction) bool { return r.JourneyID == journeyID })
}

// Why a bucket has to be settled once it is enabled.
const (
	pendingFirst  = "first-time"
	pendingChange = "reeval"
)
