// Package definition has what the rest needs of an author's definitions and authors do
// not: copies, the digest, the journeys that buckets own, and what is switched on.
package definition

import (
	"maps"
	"slices"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/condition"
)

// Clone copies the definitions of a registry, with conditions in plain form: a later
// change to the author's slices and maps has no effect (J-9).
func Clone(r hogsend.Registry) hogsend.Registry {
	r.Defaults.FrequencyCap.ByCategory = maps.Clone(r.Defaults.FrequencyCap.ByCategory)
	r.Defaults.FrequencyCap.ExemptCategories = slices.Clone(r.Defaults.FrequencyCap.ExemptCategories)
	r.LinkSchemes, r.Lists, r.MachineAgents = slices.Clone(r.LinkSchemes), slices.Clone(r.Lists), slices.Clone(r.MachineAgents)
	r.Campaigns, r.Sources = slices.Clone(r.Campaigns), slices.Clone(r.Sources)
	r.Addresses, r.Files = maps.Clone(r.Addresses), maps.Clone(r.Files)
	r.Destinations = slices.Clone(r.Destinations)
	for i := range r.Destinations {
		r.Destinations[i].Events = slices.Clone(r.Destinations[i].Events)
	}
	r.Webhooks = slices.Clone(r.Webhooks)
	for i := range r.Webhooks {
		r.Webhooks[i].Events, r.Webhooks[i].Headers = slices.Clone(r.Webhooks[i].Events), maps.Clone(r.Webhooks[i].Headers)
	}
	r.Templates = slices.Clone(r.Templates)
	r.Events = slices.Clone(r.Events)
	for i := range r.Events {
		r.Events[i].Properties = slices.Clone(r.Events[i].Properties)
	}
	for i := range r.Templates {
		r.Templates[i].Examples = maps.Clone(r.Templates[i].Examples)
	}
	r.Journeys = slices.Clone(r.Journeys)
	for i := range r.Journeys {
		j := &r.Journeys[i]
		j.Aliases, j.Templates, j.Activities = slices.Clone(j.Aliases), slices.Clone(j.Templates), slices.Clone(j.Activities)
		j.Trigger.Conditions = condition.Plain(j.Trigger.Conditions)
		if j.Audience != nil {
			j.Audience = condition.Plain([]hogsend.Condition{j.Audience})[0]
		}
		if j.Trigger.Recurrence != nil {
			recurrence := *j.Trigger.Recurrence
			j.Trigger.Recurrence = &recurrence
		}
		if j.Trigger.Date != nil {
			date := *j.Trigger.Date
			j.Trigger.Date, j.Trigger.Event = &date, hogsend.DateEvent(j.ID)
		}
		j.ExitOn = slices.Clone(j.ExitOn)
		for k := range j.ExitOn {
			j.ExitOn[k].Where = condition.Plain(j.ExitOn[k].Where)
		}
	}
	r.Buckets = slices.Clone(r.Buckets)
	for i := range r.Buckets {
		r.Buckets[i] = cloneBucket(r.Buckets[i])
	}
	return r
}

func cloneBucket(b hogsend.Bucket) hogsend.Bucket {
	b.Aliases = slices.Clone(b.Aliases)
	b.Criteria = condition.Plain([]hogsend.Condition{b.Criteria})[0]
	if b.ReconcileJoins != nil {
		joins := *b.ReconcileJoins
		b.ReconcileJoins = &joins
	}
	b.Reactions = slices.Clone(b.Reactions)
	for i := range b.Reactions {
		r := &b.Reactions[i]
		r.Reasons, r.Templates, r.ExitOn = slices.Clone(r.Reasons), slices.Clone(r.Templates), slices.Clone(r.ExitOn)
		for k := range r.ExitOn {
			r.ExitOn[k].Where = condition.Plain(r.ExitOn[k].Where)
		}
	}
	return b
}
