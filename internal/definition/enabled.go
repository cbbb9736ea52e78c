package definition

import (
	"maps"
	"slices"
	"strings"

	"github.com/hogsend/hogsend"
)

// EnabledBuckets are the buckets that a comma list of ids leaves, as EnabledJourneys
// is for journeys (B-3).
func EnabledBuckets(r hogsend.Registry, list string) (enabled []hogsend.Bucket, unknown []string) {
	wanted := entries(list)
	if strings.TrimSpace(list) == "" || wanted["*"] {
		return r.Buckets, nil
	}
	for _, b := range r.Buckets {
		if wanted[b.ID] {
			enabled = append(enabled, b)
			delete(wanted, b.ID)
		}
	}
	return enabled, slices.Sorted(maps.Keys(wanted))
}

// entries are the trimmed entries of a comma list.
func entries(list string) map[string]bool {
	wanted := map[string]bool{}
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			wanted[entry] = true
		}
	}
	return wanted
}

// EnabledJourneys are the journeys that a comma list of ids and aliases leaves (J-11): all
// for "" and "*", none for a list that matches nothing. unknown are its entries
// that name no journey.
func EnabledJourneys(r hogsend.Registry, list string) (enabled []hogsend.Journey, unknown []string) {
	wanted := entries(list)
	if strings.TrimSpace(list) == "" || wanted["*"] {
		return r.Journeys, nil
	}
	for _, j := range r.Journeys {
		names := append([]string{j.ID}, j.Aliases...)
		if slices.ContainsFunc(names, func(name string) bool { return wanted[name] }) {
			enabled = append(enabled, j)
		}
		for _, name := range names {
			delete(wanted, name)
		}
	}
	return enabled, slices.Sorted(maps.Keys(wanted))
}
