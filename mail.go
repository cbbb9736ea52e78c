package hogsend

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// List is a category of mails that people can join and leave by themselves (E-59).
type List struct {
	// ID is the category of its mails, ^[A-Za-z0-9_-]{1,64}$.
	ID string
	// Name and Description are shown on the preference page.
	Name, Description string
	// DefaultOptIn says that people are on it until they leave.
	DefaultOptIn bool
	// Kind is Topic unless said otherwise.
	Kind ListKind
}

// ListKind says what a list stands for.
type ListKind string

// The kinds: a subject of mails; a way of reaching people. Whoever leaves the channel
// "email" gets transactional mails only.
const (
	Topic   ListKind = "topic"
	Channel ListKind = "channel"
)

// Pages is how the public pages look on which people unsubscribe and choose what they
// get. The zero value is plain and English.
type Pages struct {
	// Name is the sender's, as people know it; "" is the host of the public URL.
	Name string
	// LogoURL is an https image shown above the text; "" is none.
	LogoURL string
	// Color is that of buttons, such as "#4f46e5"; "" is a dark gray.
	Color string
	// Language is that of the texts, such as "de"; "" is English. Another one needs all Texts.
	Language string
	Texts    PageTexts
}

// PageTexts are the words of the public pages. "" keeps the English text. {name} is the
// sender, {address} the recipient's address with most of it hidden, {list} a list.
type PageTexts struct {
	UnsubscribeTitle, UnsubscribeAll, UnsubscribeList, UnsubscribeButton string
	UnsubscribedTitle, UnsubscribedAll, UnsubscribedList                 string
	ResubscribeTitle, ResubscribeAll, ResubscribeList, ResubscribeButton string
	ResubscribedTitle, ResubscribedAll, ResubscribedList                 string
	// StopEverything, ChooseYourself and Undo lead on from a result.
	StopEverything, ChooseYourself, Undo string
	PreferencesTitle, PreferencesIntro   string
	// AllEmail and JourneyEmail name the rows of everything and of mails without a list.
	AllEmail, AllEmailHint, JourneyEmail string
	Save, Saved                          string
	InvalidTitle, InvalidHint            string
}

var (
	schemePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,63}$`)
	listPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	colorPattern  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
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
