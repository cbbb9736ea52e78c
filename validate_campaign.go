package hogsend

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hogsend/hogsend/internal/naming"
)

// campaigns refuses campaigns that could never be sent (E-3, E-69).
func (v *registryValidator) campaigns(r Registry) {
	var templates, lists []string
	for _, t := range r.Templates {
		templates = append(templates, t.Key)
	}
	for _, l := range r.Lists {
		lists = append(lists, l.ID)
	}
	seen := map[string]bool{}
	for _, c := range r.Campaigns {
		report := func(format string, args ...any) {
			v.problems = append(v.problems, fmt.Sprintf("campaign %q: ", c.ID)+fmt.Sprintf(format, args...))
		}
		known := func(field, name string, names []string) {
			if !slices.Contains(names, name) {
				report("%s: there is no %q%s", field, name, naming.Suggestion(name, names))
			}
		}
		switch {
		case !journeyIDPattern.MatchString(c.ID):
			report("ID: must be 1 to 63 lower-case letters, digits or -")
		case seen[c.ID]:
			report("ID: is defined twice")
		}
		seen[c.ID] = true
		switch {
		case c.List == "" && c.Bucket == "" || c.List != "" && c.Bucket != "":
			report("List: List or Bucket is required, and not both")
		case c.List != "":
			known("List", c.List, lists)
		default:
			known("Bucket", c.Bucket, v.buckets)
		}
		known("Template", c.Template, templates)
		if _, err := json.Marshal(c.Props); err != nil {
			report("Props: cannot be encoded as JSON: %v", err)
		}
		if c.RatePerMinute < 0 || c.Sample < 0 {
			report("RatePerMinute, Sample: must not be negative")
		}
	}
}
