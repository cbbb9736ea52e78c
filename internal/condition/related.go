package condition

import (
	"strconv"

	"github.com/hogsend/hogsend/internal/naming"
)

// InBucket asks whether the contact is a member of a bucket. It belongs to audiences:
// a membership has a history, so it is no criterion of another bucket (C-32).
type InBucket struct{ BucketID string }

// SameAsTrigger compares a property of an event with one of the event that triggered an
// enrollment: both a string, a number or a boolean, of one type and equal. It belongs to
// what an enrollment looks out for: exits, waits and digests (J-155).
type SameAsTrigger struct {
	Property string
	// TriggerProperty is "" for the same name.
	TriggerProperty string
}

// OfTrigger is the name of the property of the trigger's event.
func (s SameAsTrigger) OfTrigger() string {
	if s.TriggerProperty == "" {
		return s.Property
	}
	return s.TriggerProperty
}

func (InBucket) condition()      {}
func (SameAsTrigger) condition() {}

// CheckRelated is CheckList for what an enrollment looks out for, which may relate to its
// trigger.
func CheckRelated(conditions []Condition) []Problem {
	c := checker{related: true}
	for i, condition := range conditions {
		c.check(strconv.Itoa(i), condition, 1)
	}
	c.size("")
	return c.problems
}

// CheckAudience reports every problem of the audience of a journey, with paths below the
// given one; templates and buckets tell which there are, nil leaves that open. Other than
// the criteria of a bucket it may be of contacts who did nothing (J-151).
func CheckAudience(path string, tree Condition, templates, buckets func(id string) bool) []Problem {
	c := checker{criteria: true, audience: true, templates: templates, buckets: buckets}
	c.check(path, tree, 1)
	c.size(path)
	return c.problems
}

func (c *checker) inBucket(path string, n InBucket) {
	if !c.audience {
		where := "belongs to an Audience"
		if c.counted {
			where = "is not a condition on a property"
		}
		if c.criteria {
			where += ": repeat the criteria of the other bucket instead"
		}
		c.report(path, "%s", where)
		return
	}
	if problem := naming.Problem(n.BucketID, 1, maxName); problem != "" {
		c.report(path+".bucketId", "%s", problem)
	} else if c.buckets != nil && !c.buckets(n.BucketID) {
		c.report(path+".bucketId", "there is no bucket %q", n.BucketID)
	}
}

func (c *checker) sameAsTrigger(path string, n SameAsTrigger) {
	if !c.related {
		c.report(path, "SameAsTrigger belongs to exits, waits and digests")
		return
	}
	if problem := naming.Problem(n.Property, 1, maxName); problem != "" {
		c.report(path+".property", "%s", problem)
	}
	if problem := naming.Problem(n.TriggerProperty, 0, maxName); problem != "" {
		c.report(path+".triggerProperty", "%s", problem)
	}
}
