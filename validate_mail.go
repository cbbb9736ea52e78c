package hogsend

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// linkSchemes refuses schemes that run what they are given, or read the reader's files (E-78).
func (v *registryValidator) linkSchemes(schemes []string) {
	for _, scheme := range schemes {
		switch {
		case !schemePattern.MatchString(scheme):
			v.problems = append(v.problems, fmt.Sprintf("LinkSchemes: %q is not a scheme such as \"myapp\"", scheme))
		case slices.Contains([]string{"javascript", "vbscript", "data", "file"}, strings.ToLower(scheme)):
			v.problems = append(v.problems, fmt.Sprintf("LinkSchemes: %q is not safe in a mail", scheme))
		}
	}
}

// addresses refuses names that no code would spell (E-83). What is no address is
// told when the templates are compiled.
func (v *registryValidator) addresses(addresses map[string]string) {
	for name := range addresses {
		if !listPattern.MatchString(name) {
			v.problems = append(v.problems, fmt.Sprintf("Addresses %q: the name must be 1 to 64 letters, digits, _ or -", name))
		}
	}
}

// files refuses sources that no mail could name (E-84).
func (v *registryValidator) files(sources map[string]FileSource) {
	for name, source := range sources {
		if !listPattern.MatchString(name) {
			v.problems = append(v.problems, fmt.Sprintf("Files %q: the name must be 1 to 64 letters, digits, _ or -", name))
		}
		if source == nil {
			v.problems = append(v.problems, fmt.Sprintf("Files %q: is nil", name))
		}
	}
}

// minAgent keeps a part of a user agent from standing for nearly everybody's.
const minAgent = 3

// machineAgents refuses parts of user agents that browsers have as well (E-50).
func (v *registryValidator) machineAgents(parts []string) {
	for _, part := range parts {
		switch lower := strings.ToLower(strings.TrimSpace(part)); {
		case len(lower) < minAgent:
			v.problems = append(v.problems, fmt.Sprintf("MachineAgents: %q is too short", part))
		case strings.Contains("mozilla/5.0 applewebkit/537.36 (khtml, like gecko) chrome/ safari/ firefox/ mobile/ version/", lower):
			v.problems = append(v.problems, fmt.Sprintf("MachineAgents: %q is what browsers say", part))
		}
	}
}

// lists refuses lists that cannot be told apart, and one of mails that nobody can leave (E-59).
func (v *registryValidator) lists(lists []List) {
	seen := map[string]bool{}
	for _, l := range lists {
		report := func(text string) { v.problems = append(v.problems, fmt.Sprintf("list %q: %s", l.ID, text)) }
		switch {
		case !listPattern.MatchString(l.ID):
			report("ID: must be 1 to 64 letters, digits, _ or -")
		case l.ID == "transactional":
			report("ID: nobody can leave transactional mails")
		case seen[l.ID]:
			report("ID: is defined twice")
		}
		seen[l.ID] = true
		if strings.TrimSpace(l.Name) == "" {
			report("Name: is missing")
		}
		if l.Kind != "" && l.Kind != Topic && l.Kind != Channel {
			report("Kind: must be Topic or Channel")
		}
	}
}

// pages refuses what no page could be made of.
func (v *registryValidator) pages(p Pages) {
	report := func(text string) { v.problems = append(v.problems, "Pages."+text) }
	if u, err := url.Parse(p.LogoURL); p.LogoURL != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		report("LogoURL: must be an https address")
	}
	if p.Color != "" && !colorPattern.MatchString(p.Color) {
		report(`Color: must be a color such as "#4f46e5"`)
	}
	if language, _, _ := strings.Cut(strings.ToLower(p.Language), "-"); language == "" || language == "en" {
		return
	}
	texts := reflect.ValueOf(p.Texts)
	for i := range texts.NumField() {
		if texts.Field(i).String() == "" {
			report("Texts." + texts.Type().Field(i).Name + ": is missing in " + p.Language)
		}
	}
}
