package definition

import (
	"slices"

	"github.com/hogsend/hogsend"
)

// Reactions are the journeys that the buckets own, in the order of the registry
// (B-29, J-10).
func Reactions(r hogsend.Registry) []hogsend.Journey {
	var reactions []hogsend.Journey
	for _, b := range r.Buckets {
		for _, reaction := range b.Reactions {
			reactions = append(reactions, reactionJourney(b, reaction))
		}
	}
	return reactions
}

// reactionJourney is the reaction as a journey (B-29, J-10).
func reactionJourney(b hogsend.Bucket, r hogsend.Reaction) hogsend.Journey {
	return hogsend.Journey{
		ID: r.JourneyID(b.ID), Name: b.Name + " — on " + string(r.Kind), Trigger: hogsend.On(ReactionEvent(b, r)), EntryLimit: hogsend.Unlimited,
		Disabled: r.Disabled, EnrollUnsubscribed: r.EnrollUnsubscribed, ExitOn: r.ExitOn, Category: r.Category, Priority: r.Priority, Version: r.Version, InFlight: r.InFlight,
		Templates: r.Templates, Run: r.Run, Reaction: &hogsend.ReactionOf{BucketID: b.ID, Kind: r.Kind, Schedule: r.Schedule},
	}
}

// ReactionEvent is the name of the transition event that runs a reaction.
func ReactionEvent(b hogsend.Bucket, r hogsend.Reaction) string {
	switch r.Kind {
	case hogsend.ReactionEnter:
		return b.Entered()
	case hogsend.ReactionLeave:
		return b.Left()
	}
	return b.Dwell(r.Schedule)
}

// IDs are the id and the former ids of a journey, sorted (J-13).
func IDs(j hogsend.Journey) []string {
	return slices.Sorted(slices.Values(append([]string{j.ID}, j.Aliases...)))
}
