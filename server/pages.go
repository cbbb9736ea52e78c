package server

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/color"
)

// pageView is what a public page shows. It works without script, on a phone as well.
type pageView struct {
	Lang, Sender, Logo string
	// Color is that of buttons, OnColor of what is written on them.
	Color, OnColor template.CSS
	Title, Text    string
	Notice         string // of what was done
	// Action is where the form posts to, Button its one button; without a button there
	// is no form.
	Action, Button string
	// Comment is the label of a field for a text; "" is none. Seen is a picture that nobody sees.
	Comment, Seen string
	Rows          []pageRow
	Links         []pageLink
}

// pageRow is one choice.
type pageRow struct {
	Name, Label, Hint string
	On, All           bool
}

// pageLink leads on.
type pageLink struct{ URL, Label string }

//go:embed page.html
var pageSource string

// newPages parses the template of the public pages.
func newPages() *template.Template {
	return template.Must(template.New("pages").Parse(pageSource)) // a constant, covered by every test of a page
}

// englishTexts are the words of pages whose author has none of their own.
func englishTexts() hogsend.PageTexts {
	return hogsend.PageTexts{
		UnsubscribeTitle:  "Unsubscribe",
		UnsubscribeAll:    "Stop all e-mail from {name} to {address}?",
		UnsubscribeList:   "Stop “{list}” to {address}?",
		UnsubscribeButton: "Unsubscribe",
		UnsubscribedTitle: "You are unsubscribed",
		UnsubscribedAll:   "{address} gets no more e-mail from {name}, except what belongs to a purchase or an account, such as receipts.",
		UnsubscribedList:  "{address} no longer gets “{list}”.",
		ResubscribeTitle:  "Subscribe again",
		ResubscribeAll:    "Get e-mail from {name} at {address} again?",
		ResubscribeList:   "Get “{list}” at {address} again?",
		ResubscribeButton: "Subscribe again",
		ResubscribedTitle: "You are subscribed again",
		ResubscribedAll:   "{name} sends e-mail to {address} again.",
		ResubscribedList:  "{address} gets “{list}” again.",
		StopEverything:    "Stop all e-mail from {name}",
		ChooseYourself:    "Choose which e-mails you get",
		Undo:              "That was a mistake: subscribe again",
		PreferencesTitle:  "E-mail preferences",
		PreferencesIntro:  "What {name} sends to {address}.",
		AllEmail:          "All e-mail",
		AllEmailHint:      "Off stops everything, whatever is chosen above, except what belongs to a purchase or an account, such as receipts.",
		JourneyEmail:      "Journey & lifecycle emails",
		Save:              "Save",
		Saved:             "Your choice is saved.",
		InvalidTitle:      "This link is no longer valid",
		AnswerTitle:       "Thank you",
		AnswerText:        "Your answer: {answer}.",
		AnswerAskTitle:    "Send your answer?",
		AnswerButton:      "Send my answer",
		AnswerStays:       "You have answered before: {answer}. That answer stays.",
		AnswerInvalidHint: "Answers are taken for 90 days after the e-mail.",
		CommentLabel:      "Would you like to add something?",
		CommentButton:     "Send",
		Commented:         "Your comment has arrived.",
		InvalidHint:       "Links to change preferences work for 30 days. Use the link in a newer e-mail.",
	}
}

// pageTexts are the author's words, or else the English ones.
func pageTexts(own hogsend.PageTexts) hogsend.PageTexts {
	texts := englishTexts()
	from, to := reflect.ValueOf(own), reflect.ValueOf(&texts).Elem()
	for i := range from.NumField() {
		if text := from.Field(i).String(); text != "" {
			to.Field(i).SetString(text)
		}
	}
	return texts
}

// view is a page with the author's name, logo and color.
func (s *Server) view(title, text string) pageView {
	own := s.cfg.Registry.Pages
	v := pageView{Lang: own.Language, Sender: own.Name, Logo: own.LogoURL, Title: title, Text: text}
	if v.Lang == "" {
		v.Lang = "en"
	}
	if u, err := url.Parse(s.cfg.PublicURL); v.Sender == "" && err == nil {
		v.Sender = u.Hostname()
	}
	accent, ok := color.Parse(own.Color)
	if !ok {
		accent = color.RGB{R: 0x1f, G: 0x29, B: 0x37}
	}
	v.Color, v.OnColor = template.CSS(accent.String()), template.CSS(color.On(accent).String()) //nolint:gosec // # and six hex digits
	return v
}

// words fills in a text of the pages.
func (v pageView) words(text, address, list string) string {
	return strings.NewReplacer("{name}", v.Sender, "{address}", address, "{list}", list).Replace(text)
}

// show writes a page. Nobody keeps it, lists it or learns from where it was opened.
func (s *Server) show(r *request, status int, v pageView) error {
	var body bytes.Buffer
	if err := s.pages.ExecuteTemplate(&body, "page", v); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := r.Response().Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	r.Response().WriteHeader(status)
	if r.Request().Method == http.MethodHead {
		return nil
	}
	if _, err := r.Response().Write(body.Bytes()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// masked is an address with most of its local part hidden (E-58).
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "•••"
	}
	first := []rune(address)[0]
	return string(first) + "•••" + address[at:]
}
