package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/cascade"
	"github.com/hogsend/hogsend/internal/engine"
)

// affected are the contacts whom a backfill or its timers touch: those who match and those
// who are members, with all that decides what becomes of them.
const affected = `select h.contact_id, h.holds, m.id is not null, coalesce(m.epoch, p.epoch, 0), m.entered_at, m.anchor_at, m.max_dwell_at, m.leave_at,
	coalesce(m.leave_reason, ''), coalesce(m.leave_silent, false), coalesce(m.fired, '{}'), p.left_at, a.occurred_at,
	exists (select 1 from preferences f where f.unsubscribed_all and (f.contact_id = h.contact_id or f.email_key = h.email_key)),
	array(select e.journey_id from enrollments e
		where e.contact_id = h.contact_id and e.journey_id = any($4::text[]) and e.status in ('active', 'waiting'))
from (select w.contact_id, w.email_key, %s as holds from ` + population + ` offset 0) h
left join memberships m on m.contact_id = h.contact_id and m.bucket_id = $2::text and m.status = 'active'
left join lateral (
	select s.epoch, s.left_at from memberships s
	where s.contact_id = h.contact_id and s.bucket_id = $2::text
	order by s.epoch desc limit 1
) p on m.id is null
left join lateral (
	select e.occurred_at from events e
	where $3::text <> '' and e.contact_id = h.contact_id and e.name = (select $3::text) and %s
	order by e.occurred_at desc limit 1
) a on m.id is null
where h.holds or m.id is not null`

// affectedContact is one row of affected.
type affectedContact struct {
	id                               uuid.UUID
	holds, member, silent, optedOut  bool
	epoch                            int
	entered, anchor, maxDwell, leave *time.Time
	reason                           string
	fired                            json.RawMessage
	left, newest                     *time.Time
	busy                             []string // reactions under way
}

func (p *deployment) count(ctx context.Context, tx pgx.Tx) error {
	tree, problems, err := criteria.UnmarshalTree(p.d.Criteria)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("read criteria: %s %s", problems[0].Path, problems[0].Message)
	}
	facts, predicate := criteria.FactsOf(tree), criteria.Predicate{SQL: "false"}
	if p.Settling != "" {
		predicate = criteria.Compile(tree, 5)
	}
	where := criteria.CompileWhere(facts.Anchor.Where, 5+len(predicate.Args))
	var reactions []string
	for i := range p.d.Reactions {
		reactions = append(reactions, p.d.Reactions[i].JourneyID)
	}
	args := append([]any{p.now, p.storedID, facts.Anchor.Event, reactions}, append(predicate.Args, where.Args...)...)
	rows, err := tx.Query(ctx, fmt.Sprintf(affected, predicate.SQL, where.SQL), args...)
	if err != nil {
		return fmt.Errorf("evaluate criteria: %w", err)
	}
	var c affectedContact
	_, err = pgx.ForEachRow(rows, []any{
		&c.id, &c.holds, &c.member, &c.epoch, &c.entered, &c.anchor, &c.maxDwell, &c.leave, &c.reason, &c.silent, &c.fired, &c.left, &c.newest, &c.optedOut, &c.busy,
	}, func() error { return p.contact(&c, facts.Anchor.Plus) })
	if err != nil {
		return fmt.Errorf("evaluate criteria: %w", err)
	}
	return nil
}

// report makes lists of what was counted.
func (p *deployment) report() {
	p.Dwell = p.counts(p.due, func(r *bucket.Reaction) bool { return r.Schedule != nil })
	if p.runs != nil {
		p.Runs = map[string][]PlannedRuns{}
		for policy, runs := range p.runs {
			p.Runs[policy] = p.counts(runs, func(r *bucket.Reaction) bool { return r.Schedule == nil })
		}
	}
}

// counts lists some of the reactions with their counts, as they are defined.
func (p *deployment) counts(by map[string]int64, these func(r *bucket.Reaction) bool) []PlannedRuns {
	list := []PlannedRuns{}
	for i := range p.d.Reactions {
		if r := &p.d.Reactions[i]; these(r) {
			list = append(list, PlannedRuns{JourneyID: r.JourneyID, Count: by[r.JourneyID]})
		}
	}
	return list
}

// contact decides by the very transitions that settling makes.
func (p *deployment) contact(c *affectedContact, plus time.Duration) error {
	if !c.member {
		past := bucket.Past{Epoch: c.epoch, Left: instant(c.left)}
		p.joins(c, p.d.Join(c.id, past, p.now), plus)
		return nil
	}
	s := &bucket.Membership{Epoch: c.epoch, Entered: *c.entered, Anchor: *c.anchor, MaxDwellAt: instant(c.maxDwell)}
	if c.leave != nil {
		s.Leave = &bucket.Deferred{At: *c.leave, Silent: c.silent, Reason: c.reason}
	}
	if err := json.Unmarshal(c.fired, &s.Fired); err != nil {
		return fmt.Errorf("read stay: %w", err)
	}
	if p.Settling != "" {
		switch p.d.Evaluate(s, c.holds, p.now) {
		case bucket.Leave:
			p.Leave++
			p.starts(c, s, hogsend.ReactionLeave, engine.PolicyDefault, string(hogsend.React))
			return nil
		case bucket.Defer:
			if s.Leave == nil {
				p.Held++
			}
		case bucket.Nothing, bucket.Enter, bucket.Keep:
		}
	}
	for _, r := range p.scheduled {
		p.fires(r, s)
	}
	return nil
}

// joins counts a stay made by settling, which has the historical anchor (W-27).
func (p *deployment) joins(c *affectedContact, s *bucket.Membership, plus time.Duration) {
	p.Join++
	if c.newest != nil {
		s.Anchor = decide.Earlier(s.Anchor, c.newest.Add(plus))
	}
	if !s.Muted {
		p.starts(c, s, hogsend.ReactionEnter, string(hogsend.React))
	}
	for i := range p.d.Reactions {
		if r := &p.d.Reactions[i]; r.Schedule != nil {
			p.fires(r, s)
		}
	}
}

// fires counts the fire of a stay that is due when its timer is set.
func (p *deployment) fires(r *bucket.Reaction, s *bucket.Membership) {
	if _, at, ok := r.Schedule.Next(s, p.now); ok && !at.After(p.now) && s.Fires(p.now) {
		p.due[r.JourneyID]++
	}
}

// starts counts the run of a reaction that the guards of package decide let through.
func (p *deployment) starts(c *affectedContact, s *bucket.Membership, kind hogsend.ReactionKind, policies ...string) {
	if p.runs == nil {
		return // settled silently
	}
	for i := range p.d.Reactions {
		r := &p.d.Reactions[i]
		if r.Kind != kind || r.Disabled || p.barred[r.JourneyID] || cascade.Filtered(r, s.Epoch, string(hogsend.LeftByCriteria)) != "" ||
			c.optedOut && !r.EnrollUnsubscribed || !cascade.Overlaps(r) && slices.Contains(c.busy, r.JourneyID) {
			continue
		}
		for _, policy := range policies {
			p.runs[policy][r.JourneyID]++
		}
	}
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// deployment is one bucket on its way into force.
type deployment struct {
	PlannedBucket
	d        *bucket.Definition
	before   bucket.Definition
	storedID string // of its stays
	now      time.Time
	barred   map[string]bool
	// scheduled are the dwell reactions that existing members get timers of (B-46).
	scheduled []*bucket.Reaction
	due       map[string]int64            // fires by reaction
	runs      map[string]map[string]int64 // by policy and reaction; nil when none applies
}

// PlannedRuns counts runs, or fires, of one reaction.
type PlannedRuns struct {
	JourneyID string `json:"journeyId"`
	Count     int64  `json:"count"`
}

// PlannedBucket is what bringing a build into force would do to one bucket (B-58).
type PlannedBucket struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Status PlannedStatus `json:"status"`
	// Changes are the fields of the definition that differ, sorted; "registered" is one
	// that was gone, "timezone" one of which days begin elsewhere now for contacts whose own
	// zone is not known (W-37).
	Changes []string `json:"changes"`
	// Enabled is false for a bucket that would stay as it is: disabled in code or
	// switched off, it is settled once it is enabled.
	Enabled bool  `json:"enabled"`
	Members int64 `json:"members"`
	Join    int64 `json:"wouldJoin"`
	Leave   int64 `json:"wouldLeave"`
	// Held are leaves that MinDwell puts off (B-19).
	Held int64 `json:"heldByMinDwell"`
	// Settling is how joins and leaves show: silent, default, react or react-at-n; ""
	// when nobody is settled (W-23).
	Settling string `json:"settling"`
	// Unbounded are the paths of the conditions that read all events of a name that a
	// contact ever did: those with a filter, a sum or a number of different values and no
	// window (C-30).
	Unbounded []string `json:"unbounded"`
	// Dwell are the fires that are due at once, by reaction.
	Dwell []PlannedRuns `json:"dwellDueAtOnce"`
	// Runs are the runs of enter and leave reactions under each policy for changed
	// criteria; nil when no policy applies: a first registration is silent.
	Runs map[string][]PlannedRuns `json:"reactionRuns"`
}
