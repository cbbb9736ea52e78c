package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
	"github.com/hogsend/hogsend/internal/definition"
	"github.com/hogsend/hogsend/internal/naming"
)

// playFlags are what `play` is asked for.
type playFlags struct {
	events                 []string
	contact, start, until  string
	quick, json, showMails bool
}

func (p *program) playCommand() *cobra.Command {
	var f playFlags
	cmd := &cobra.Command{
		Use: "play JOURNEY", Short: "Show what a journey would do to a person, in virtual time and without any server", Args: cobra.ExactArgs(1),
		Long: `Plays a journey for a made-up person with the test kit, in virtual time, and prints what
happens when: no server, no database, and no mail leaves. The person begins by the journey's
trigger; --event says more of it, and what the person does later:

  hogsend play activation-welcome
  hogsend play activation-welcome --event feature.used@1d
  hogsend play payment-failed --event '{"eventProperties": {"amount": 49, "invoiceId": "I-1"}}' \
    --event '{"name": "payment.succeeded", "at": "3d", "eventProperties": {"invoiceId": "I-1"}}' \
    --contact '{"timezone": "Asia/Tokyo"}'

An event is a name, with @ and an offset such as 90m, 2d or 1d12h if it does not come at the
start, or a JSON object with name (default: the trigger's), at, eventProperties and
contactProperties. Without one for the trigger, properties are made up for its conditions. A
journey or reaction of a bucket begins by entering (or leaving) the bucket.

As in a test, every step is then replayed, and played again with the worker lost; what that
finds fails the command. --quick leaves it out.

Exit code 0: it was played. 1: something is wrong; the lines say what.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			// What dev --watch runs here has the journeys of this folder.
			here, err := findInstallation(filepath.Join(p.Dir, defaultData))
			if err == nil && p.passesOn(here) {
				return p.passOn(cmd.Context(), here.Program)
			}
			return p.play(args[0], f)
		},
	}
	cmd.ValidArgsFunction = p.completeJourneys
	cmd.Flags().StringArrayVar(&f.events, "event", nil, "NAME[@OFFSET] or a JSON object; may be repeated")
	cmd.Flags().StringVar(&f.contact, "contact", "", "the person, as JSON with userId, email, timezone, properties (default: ada, ada@example.com, UTC)")
	cmd.Flags().StringVar(&f.start, "start", "", "when it begins, RFC 3339 (default: Monday, "+hogsendtest.Start().Format(time.RFC3339)+")")
	cmd.Flags().StringVar(&f.until, "until", "", "end after this offset, whatever still goes on (default: when nothing goes on; 30d for a schedule)")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "leave replays and lost workers out")
	cmd.Flags().BoolVar(&f.showMails, "mails", false, "print the text of the mails")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document")
	return cmd
}

// player stands for the test that the kit is used in: it keeps what would fail one, and
// ends by a panic that play recovers.
type player struct{ problems []string }

type playEnded struct{}

func (*player) Helper()             {}
func (*player) Name() string        { return "play" }
func (*player) Logf(string, ...any) {}
func (*player) FailNow()            { panic(playEnded{}) }
func (y *player) Errorf(format string, args ...any) {
	y.problems = append(y.problems, strings.TrimPrefix(fmt.Sprintf(format, args...), "hogsendtest: "))
}

func (p *program) play(id string, f playFlags) error {
	s, err := p.script(id, f)
	if err != nil {
		return err
	}
	got, err := s.run()
	if err != nil {
		return err
	}
	if f.json {
		return p.print(true, s.report(got), "")
	}
	return s.print(p.Stdout, got, f.showMails)
}

// script is what play was asked for, ready for the kit.
type script struct {
	journey hogsend.Journey
	person  hogsendtest.Person
	name    string
	events  []playEvent
	start   time.Time
	until   *time.Duration
	quick   bool
	// registry as the kit takes it.
	registry   hogsend.Registry
	activities []hogsend.Activity
}

// playEvent is one of --event.
type playEvent struct {
	Name              string             `json:"name"`
	At                string             `json:"at"`
	Properties        hogsend.Properties `json:"eventProperties"`
	ContactProperties hogsend.Properties `json:"contactProperties"`
	offset            time.Duration
}

func (p *program) script(id string, f playFlags) (*script, error) {
	registry, _, err := checkRegistry(p.Options)
	if err != nil {
		return nil, err
	}
	j := p.index().Journey(id)
	if j == nil {
		return nil, fmt.Errorf("there is no journey %s%s", id, naming.Suggestion(id, p.journeyIDs()))
	}
	s := &script{journey: *j, registry: registry, activities: p.Activities, quick: f.quick, start: hogsendtest.Start()}
	if f.start != "" {
		if s.start, err = time.Parse(time.RFC3339, f.start); err != nil {
			return nil, fmt.Errorf("--start: %q is not an RFC 3339 time such as %s", f.start, hogsendtest.Start().Format(time.RFC3339))
		}
	}
	if f.until != "" {
		until, err := parseOffset(f.until)
		if err != nil {
			return nil, fmt.Errorf("--until: %w", err)
		}
		s.until = &until
	} else if j.Trigger.Recurrence != nil {
		until := 30 * hogsend.Day
		s.until = &until
	}
	if err := s.who(f.contact); err != nil {
		return nil, fmt.Errorf("--contact: %w", err)
	}
	for _, text := range f.events {
		e, err := parsePlayEvent(text, j.Trigger.Event)
		if err != nil {
			return nil, fmt.Errorf("--event: %w", err)
		}
		s.events = append(s.events, e)
	}
	return s, nil
}

func (s *script) who(text string) error {
	who := struct {
		UserID      string             `json:"userId"`
		Email       string             `json:"email"`
		AnonymousID string             `json:"anonymousId"`
		Timezone    string             `json:"timezone"`
		Properties  hogsend.Properties `json:"properties"`
	}{}
	if text != "" {
		if err := decodeStrictly(text, &who); err != nil {
			return err
		}
	}
	if who.UserID+who.Email+who.AnonymousID == "" {
		who.UserID, who.Email = "ada", "ada@example.com"
	}
	if _, err := hogsend.LoadZone(who.Timezone); who.Timezone != "" && err != nil {
		return fmt.Errorf("timezone: %w", err)
	}
	s.person = hogsendtest.Person{UserID: who.UserID, Email: who.Email, AnonymousID: who.AnonymousID, Timezone: who.Timezone, Properties: who.Properties}
	s.name = first(who.UserID, who.Email, who.AnonymousID)
	return nil
}

// decodeStrictly reads one JSON object; numbers keep their digits.
func decodeStrictly(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("is not the JSON object asked for: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has more than one JSON object")
	}
	return nil
}

// parsePlayEvent reads NAME[@OFFSET] or a JSON object.
func parsePlayEvent(text, trigger string) (playEvent, error) {
	var e playEvent
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if err := decodeStrictly(text, &e); err != nil {
			return e, err
		}
		e.Name = first(e.Name, trigger)
	} else if e.Name = text; strings.Contains(text, "@") {
		at := strings.LastIndex(text, "@")
		e.Name, e.At = text[:at], text[at+1:]
	}
	if e.Name == "" || naming.Reserved(e.Name) {
		return e, fmt.Errorf("%q is no event that a product sends", e.Name)
	}
	if e.At != "" {
		var err error
		if e.offset, err = parseOffset(e.At); err != nil {
			return e, fmt.Errorf("at: %w", err)
		}
	}
	return e, nil
}

// parseOffset reads a duration that may have days: 90m, 2d, 1d12h.
func parseOffset(text string) (time.Duration, error) {
	rest, total := strings.TrimPrefix(strings.TrimSpace(text), "+"), time.Duration(0)
	if days, after, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100*366 {
			return 0, fmt.Errorf("%q is not an offset such as 90m, 2d or 1d12h", text)
		}
		rest, total = after, time.Duration(n)*hogsend.Day
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > 100*366*hogsend.Day {
		return 0, fmt.Errorf("%q is not an offset such as 90m, 2d or 1d12h", text)
	}
	return total + d, nil
}

// run plays the script. What would fail a test is the error.
func (s *script) run() (got *hogsendtest.Result, err error) {
	y := &player{}
	defer func() {
		switch ended := recover().(type) {
		case nil:
		case playEnded:
			got, err = nil, errors.New(strings.Join(y.problems, "\n"))
		default:
			panic(ended)
		}
	}()
	kit := hogsendtest.New(y, s.registry)
	kit.StartAt(s.start)
	if s.quick {
		kit.Quick()
	}
	if s.until != nil {
		kit.Until(*s.until)
	}
	kit.Allow(hogsendtest.OpenWait, s.journey.ID)
	kit.Allow(hogsendtest.FailedEnrollment, s.journey.ID)
	kit.Allow(hogsendtest.NoAddress, s.name)
	for _, a := range s.activities {
		kit.Activity(a.Name, standIn(a.Func))
		kit.Allow(hogsendtest.RanTwice, a.Name)
	}
	for _, e := range s.events {
		kit.Allow(hogsendtest.LateScript, e.Name)
	}
	if err := s.write(kit, kit.Contact(s.person)); err != nil {
		return nil, err
	}
	return kit.Run(), nil
}

// standIn is an activity that does nothing and returns the zero value: to play a journey
// changes nothing outside.
func standIn(fn any) any {
	t := reflect.TypeOf(fn)
	return reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
		results := make([]reflect.Value, t.NumOut())
		for i := range results {
			results[i] = reflect.Zero(t.Out(i))
		}
		return results
	}).Interface()
}

// write writes down what begins the journey, and what the person does.
func (s *script) write(kit *hogsendtest.Scenario, who *hogsendtest.Contact) error {
	trigger := s.journey.Trigger
	begun := slices.ContainsFunc(s.events, func(e playEvent) bool { return e.Name == trigger.Event })
	switch bucket, how := s.bucket(); {
	case trigger.Recurrence != nil:
		who.Enters(0, trigger.BucketID)
		at, err := trigger.Recurrence.Next(s.start)
		if err != nil {
			return fmt.Errorf("find the first instant of the schedule: %w", err)
		}
		if s.until != nil && at.Sub(s.start) > *s.until {
			return fmt.Errorf("--until: the first instant of the schedule is at +%s", at.Sub(s.start))
		}
	case how == hogsend.ReactionLeave:
		who.Enters(0, bucket)
		who.Leaves(time.Hour, bucket)
	case bucket != "":
		who.Enters(0, bucket)
	case naming.Reserved(trigger.Event):
		return fmt.Errorf("%s begins by %s, which play cannot make; write a test with hogsendtest", s.journey.ID, trigger.Event)
	case !begun:
		properties, _ := exampleTrigger(&s.journey)
		who.At(0, trigger.Event, properties)
	}
	for _, e := range s.events {
		who.Does(e.offset, hogsendtest.Event{Name: e.Name, Properties: e.Properties, ContactProperties: e.ContactProperties})
	}
	return nil
}

// bucket is the bucket whose transition begins the journey, and which one; "" for none.
func (s *script) bucket() (string, hogsend.ReactionKind) {
	if r := s.journey.Reaction; r != nil {
		return r.BucketID, r.Kind
	}
	for _, b := range s.registry.Buckets {
		switch s.journey.Trigger.Event {
		case b.Entered():
			return b.ID, hogsend.ReactionEnter
		case b.Left():
			return b.ID, hogsend.ReactionLeave
		}
	}
	return "", ""
}

func (p *program) journeyIDs() []string {
	var ids []string
	for _, j := range slices.Concat(p.Registry.Journeys, definition.Reactions(p.Registry)) {
		ids = append(ids, j.ID)
	}
	return ids
}

func (s *script) print(w io.Writer, got *hogsendtest.Result, texts bool) error {
	printLine(w, "%s for %s, from %s\n\n", s.journey.ID, s.name, s.start.Format("Monday, 2006-01-02 15:04 MST"))
	fmt.Fprint(w, got.Timeline(s.name))
	for _, d := range got.Decisions {
		if d.Reason != "" {
			printLine(w, "%s not entered %s\n", got.Offset(d.At), d.String())
		}
	}
	if len(got.Mailbox) > 0 {
		fmt.Fprintln(w, "\nMails")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range got.Mailbox {
		verdict := string(m.Verdict.Status)
		if m.Verdict.Reason != "" {
			verdict += " (" + m.Verdict.Reason + ")"
		}
		printLine(table, "%s\t%s\t%s\t%s\t%s\n", got.Offset(m.At), m.At.Format("Mon 2006-01-02 15:04"), m.Template, verdict, m.Subject)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print mails: %w", err)
	}
	if texts {
		for _, m := range got.Mailbox {
			printLine(w, "\n--- %s  %s\n", got.Offset(m.At), m.Subject)
			fmt.Fprintln(w, m.Text)
		}
	}
	return nil
}

// playReport is what --json prints.
type playReport struct {
	Journey     string                   `json:"journey"`
	Contact     string                   `json:"contact"`
	Start       time.Time                `json:"start"`
	End         time.Time                `json:"end"`
	Timeline    []string                 `json:"timeline"`
	Mails       []hogsendtest.Mail       `json:"mails"`
	Decisions   []hogsendtest.Decision   `json:"decisions"`
	Enrollments []hogsendtest.Enrollment `json:"enrollments"`
}

func (s *script) report(got *hogsendtest.Result) playReport {
	lines := []string{}
	for line := range strings.Lines(got.Timeline(s.name)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return playReport{
		Journey: s.journey.ID, Contact: s.name, Start: got.Start, End: got.End, Timeline: lines,
		Mails: got.Mailbox, Decisions: got.Decisions, Enrollments: got.Enrollments,
	}
}
