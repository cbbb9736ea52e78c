package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/definition"
)

// description is what a program defines, so that two builds of it can be compared: a
// digest of each definition by its id. The code of journeys does not count.
type description struct {
	Journeys  map[string]string `json:"journeys"`
	Buckets   map[string]string `json:"buckets"`
	Templates map[string]string `json:"templates"`
	Defaults  string            `json:"defaults"`
	// Example is an event that enters somebody, as POST /v1/events takes it; "" for none.
	Example        string `json:"example"`
	ExampleJourney string `json:"exampleJourney"`
}

func describe(r hogsend.Registry, enabledJourneys string) description {
	d := description{
		Journeys: map[string]string{}, Buckets: map[string]string{}, Templates: map[string]string{},
		Defaults: definition.Digest(hogsend.Registry{Defaults: r.Defaults, Lists: r.Lists}),
	}
	for _, j := range r.Journeys {
		d.Journeys[j.ID] = definition.Digest(hogsend.Registry{Journeys: []hogsend.Journey{j}})
	}
	for _, b := range r.Buckets {
		d.Buckets[b.ID] = definition.Digest(hogsend.Registry{Buckets: []hogsend.Bucket{b}})
	}
	for _, t := range r.Templates {
		d.Templates[t.Key] = definition.Digest(hogsend.Registry{Templates: []hogsend.Template{t}})
	}
	if event, ok := findExample(r, enabledJourneys); ok {
		d.Example, d.ExampleJourney = event.body(), event.Journey
	}
	return d
}

// describeCommand is what dev --watch asks a program that it has built.
func (p *program) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe", Short: "Print what this program defines, as JSON with a digest of each definition", Args: cobra.NoArgs, Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			registry, _, err := checkRegistry(p.Options)
			if err != nil {
				return err
			}
			return json.NewEncoder(p.Stdout).Encode(describe(registry, p.env("ENABLED_JOURNEYS")))
		},
	}
}

// changes says in a line what one build defines otherwise than the build before it: + new,
// - gone, ~ changed.
func (d description) changes(before description) string {
	var parts []string
	for _, kind := range []struct {
		name       string
		now, prior map[string]string
	}{{"journeys", d.Journeys, before.Journeys}, {"buckets", d.Buckets, before.Buckets}, {"templates", d.Templates, before.Templates}} {
		var marks []string
		ids := maps.Clone(kind.now)
		if ids == nil {
			ids = map[string]string{}
		}
		maps.Copy(ids, kind.prior)
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			now, is := kind.now[id]
			prior, was := kind.prior[id]
			switch {
			case !was:
				marks = append(marks, "+"+id)
			case !is:
				marks = append(marks, "-"+id)
			case now != prior:
				marks = append(marks, "~"+id)
			}
		}
		if len(marks) > 0 {
			parts = append(parts, kind.name+" "+strings.Join(marks, " "))
		}
	}
	if d.Defaults != before.Defaults {
		parts = append(parts, "defaults ~")
	}
	if len(parts) == 0 {
		return "definitions as before"
	}
	return strings.Join(parts, ", ")
}

// counts says what a first build defines.
func (d description) counts() string {
	return fmt.Sprintf("journeys %d, buckets %d, templates %d", len(d.Journeys), len(d.Buckets), len(d.Templates))
}
