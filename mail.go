package hogsend

import (
	"regexp"
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
	// The pages of answers by a link of a mail; {answer} is what was answered.
	AnswerTitle, AnswerText, AnswerAskTitle, AnswerButton, AnswerStays, AnswerInvalidHint string
	CommentLabel, CommentButton, Commented                                                string
}

var (
	schemePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,63}$`)
	listPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	colorPattern  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)
