package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) contactsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "contacts", Short: "Find people, show where one is, what it got and what was refused, merge two, erase one"}
	cmd.AddCommand(p.contactsListCommand(), p.contactsShowCommand(), p.contactsMergeCommand(), p.contactsEraseCommand(), p.contactsImportCommand(), p.contactsExportCommand())
	return cmd
}

// person is a Contact as the API answers it.
type person struct {
	ID          string         `json:"id"`
	ExternalID  *string        `json:"externalId"`
	AnonymousID *string        `json:"anonymousId"`
	Email       *string        `json:"email"`
	Timezone    *string        `json:"timezone"`
	Properties  map[string]any `json:"properties"`
	FirstSeenAt time.Time      `json:"firstSeenAt"`
	LastSeenAt  time.Time      `json:"lastSeenAt"`
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (p *program) contactsListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List people, those seen last first", Args: cobra.NoArgs,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	search := cmd.Flags().String("search", "", "only whose user id or address contains this")
	limit := cmd.Flags().Int("limit", 50, "at most so many; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		if !*asJSON {
			fmt.Fprintln(table, "USER\tEMAIL\tTIMEZONE\tLAST SEEN\tID")
		}
		n := 0
		err = pages(cmd.Context(), c, contactsPath, url.Values{"search": {*search}}, "contacts", func(item json.RawMessage) (bool, error) {
			var one person
			if err := json.Unmarshal(item, &one); err != nil {
				return false, fmt.Errorf("decode contact: %w", err)
			}
			n++
			if *asJSON {
				err := p.print(true, item, "")
				return n != *limit, err
			}
			printLine(table, "%s\t%s\t%s\t%s\t%s\n", first(text(one.ExternalID), "-"), first(text(one.Email), "-"), first(text(one.Timezone), "-"), moment(&one.LastSeenAt), one.ID)
			return n != *limit, nil
		})
		if err != nil {
			return err
		}
		return table.Flush()
	}
	return cmd
}

func (p *program) contactsMergeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "merge PERSON PERSON", Short: "Make one contact of two that are one person; there is no way back", Args: cobra.ExactArgs(2),
		Long: `Makes one contact of two. The one with a user id survives; if both have one, the one that was
made earlier. All ids of both lead to it from then on, and there is no way back.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, livePeople, livePeople)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var out struct {
			Contact json.RawMessage `json:"contact"`
		}
		if err := c.do(cmd.Context(), "POST", contactsPath+"/merge", map[string]string{"into": args[0], "from": args[1]}, &out); err != nil {
			return err
		}
		var survivor person
		if err := json.Unmarshal(out.Contact, &survivor); err != nil {
			return fmt.Errorf("decode contact: %w", err)
		}
		return p.print(*asJSON, out.Contact, "both are "+first(text(survivor.ExternalID), survivor.ID))
	}
	return cmd
}

// summary is R-119.
type summary struct {
	Contact     person `json:"contact"`
	Preferences *struct {
		UnsubscribedAll   bool            `json:"unsubscribedAll"`
		Suppressed        bool            `json:"suppressed"`
		SuppressionReason *string         `json:"suppressionReason"`
		Categories        map[string]bool `json:"categories"`
	} `json:"preferences"`
	States []enrolled `json:"states"`
	Emails []struct {
		TemplateKey string    `json:"templateKey"`
		Subject     string    `json:"subject"`
		ToEmail     string    `json:"toEmail"`
		Status      string    `json:"status"`
		Reason      *string   `json:"reason"`
		JourneyID   *string   `json:"journeyId"`
		CreatedAt   time.Time `json:"createdAt"`
	} `json:"emails"`
	Refusals []struct {
		At        time.Time       `json:"at"`
		JourneyID string          `json:"journeyId"`
		Event     string          `json:"event"`
		Reason    *string         `json:"reason"`
		Detail    json.RawMessage `json:"detail"`
	} `json:"refusals"`
	Memberships []struct {
		BucketID  string     `json:"bucketId"`
		EnteredAt time.Time  `json:"enteredAt"`
		ExpiresAt *time.Time `json:"expiresAt"`
	} `json:"memberships"`
}

// enrolled is a State, in a summary with what it waits for.
type enrolled struct {
	ID        string    `json:"id"`
	UserID    string    `json:"userId"`
	JourneyID string    `json:"journeyId"`
	Key       string    `json:"key"`
	Status    string    `json:"status"`
	Node      string    `json:"currentNodeId"`
	Error     *string   `json:"errorMessage"`
	Exit      *string   `json:"exitReason"`
	Entry     int       `json:"entryCount"`
	CreatedAt time.Time `json:"createdAt"`
	Waits     []struct {
		Event    *string    `json:"event"`
		Deadline *time.Time `json:"deadline"`
	} `json:"waits"`
}

// live reports whether it goes on.
func (e enrolled) live() bool { return e.Status == "active" || e.Status == "waiting" }

// until is what it waits for; "" where that is not known.
func (e enrolled) until() string {
	var until []string
	for _, w := range e.Waits {
		switch {
		case w.Event != nil && w.Deadline != nil:
			until = append(until, *w.Event+" or "+moment(w.Deadline))
		case w.Event != nil:
			until = append(until, *w.Event)
		case w.Deadline != nil:
			until = append(until, moment(w.Deadline))
		}
	}
	return strings.Join(until, ", ")
}

// why is how it ended, if it did not reach its end.
func (e enrolled) why() string { return first(text(e.Error), text(e.Exit)) }

// moment is an instant as people read it: UTC, to the second.
func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func (p *program) contactsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show PERSON", Short: "Show where a person is, what it got and what was refused", Args: cobra.ExactArgs(1),
		Long: `Shows one person: journeys under way and what each waits for, those that failed or ended,
the mails and what became of each, the entries that a journey refused and why, the buckets.
A person is a user id, an e-mail address, an anonymous id or the id of a contact. Each list
has the newest 50.

The ids of enrollments are what "journeys cancel" and "journeys retry" take, which take the
person as well.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, livePeople)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "GET", contactsPath+"/"+url.PathEscape(args[0])+"/summary", nil, &raw); err != nil {
			return unknownPerson(err, args[0])
		}
		if *asJSON {
			return p.print(true, raw, "")
		}
		var s summary
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("decode summary: %w", err)
		}
		return s.print(p.Stdout)
	}
	return cmd
}

func (s *summary) print(w io.Writer) error {
	c := s.Contact
	printLine(w, "%s  %s  %s\n", first(text(c.ExternalID), "(no user id)"), first(text(c.Email), "(no address)"), first(text(c.Timezone), "(no time zone)"))
	printLine(w, "contact %s, first seen %s, last seen %s\n", c.ID, moment(&c.FirstSeenAt), moment(&c.LastSeenAt))
	if len(c.Properties) > 0 {
		body, err := json.Marshal(c.Properties)
		if err != nil {
			return fmt.Errorf("print properties: %w", err)
		}
		printLine(w, "properties %s\n", string(body))
	}
	if line := s.mayNot(); line != "" {
		printLine(w, "%s\n", line)
	}
	for _, section := range []func(io.Writer) error{s.printStates, s.printEmails, s.printRefusals, s.printMemberships} {
		if err := section(w); err != nil {
			return err
		}
	}
	return nil
}

// mayNot says what keeps mails from the person.
func (s *summary) mayNot() string {
	if s.Preferences == nil {
		return ""
	}
	var lines []string
	if s.Preferences.Suppressed {
		lines = append(lines, "the address is suppressed ("+first(text(s.Preferences.SuppressionReason), "no reason")+")")
	}
	if s.Preferences.UnsubscribedAll {
		lines = append(lines, "unsubscribed from everything")
	}
	var out []string
	for category, wanted := range s.Preferences.Categories {
		if !wanted {
			out = append(out, category)
		}
	}
	if slices.Sort(out); len(out) > 0 {
		lines = append(lines, "unsubscribed from "+strings.Join(out, ", "))
	}
	return strings.Join(lines, "; ")
}

func (s *summary) printStates(w io.Writer) error {
	if len(s.States) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nJourneys")
	return printStates(w, s.States, false)
}

// printStates writes a table of enrollments, and below it what becomes of those that
// failed. A list is of many people, of whom it is not known what they wait for.
func printStates(w io.Writer, states []enrolled, list bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if list {
		fmt.Fprintln(table, "JOURNEY\tKEY\tUSER\tSTATUS\tAT\tENTERED\tENROLLMENT\tWHY")
	} else {
		fmt.Fprintln(table, "JOURNEY\tKEY\tSTATUS\tAT\tUNTIL\tENTERED\tENROLLMENT\tWHY")
	}
	failed := ""
	for i := range states {
		e := &states[i]
		if list {
			printLine(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.JourneyID, first(e.Key, "-"), e.UserID, e.Status, e.Node, moment(&e.CreatedAt), e.ID, first(e.why(), "-"))
		} else {
			printLine(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.JourneyID, first(e.Key, "-"), e.Status, e.Node, first(e.until(), "-"), moment(&e.CreatedAt), e.ID, first(e.why(), "-"))
		}
		if e.Status == "failed" && failed == "" {
			failed = e.JourneyID + " " + e.ID
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print enrollments: %w", err)
	}
	if failed != "" {
		printLine(w, "What failed goes on where it failed: hogsend journeys retry %s\n", failed)
	}
	return nil
}

func (s *summary) printEmails(w io.Writer) error {
	if len(s.Emails) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nMails")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "AT\tTEMPLATE\tSTATUS\tSUBJECT\tJOURNEY")
	for _, m := range s.Emails {
		status := m.Status
		if m.Reason != nil {
			status += " (" + *m.Reason + ")"
		}
		printLine(table, "%s\t%s\t%s\t%s\t%s\n", moment(&m.CreatedAt), m.TemplateKey, status, first(m.Subject, "-"), first(text(m.JourneyID), "-"))
	}
	return table.Flush()
}

func (s *summary) printRefusals(w io.Writer) error {
	if len(s.Refusals) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nRefused")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "AT\tJOURNEY\tEVENT\tWHY")
	for _, d := range s.Refusals {
		detail := ""
		if body := strings.TrimSpace(string(d.Detail)); body != "" && body != "{}" && body != "null" {
			detail = " " + body
		}
		printLine(table, "%s\t%s\t%s\t%s\n", moment(&d.At), d.JourneyID, first(d.Event, "-"), text(d.Reason)+detail)
	}
	return table.Flush()
}

func (s *summary) printMemberships(w io.Writer) error {
	if len(s.Memberships) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nBuckets")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BUCKET\tSINCE\tAT MOST UNTIL")
	for _, m := range s.Memberships {
		printLine(table, "%s\t%s\t%s\n", m.BucketID, moment(&m.EnteredAt), moment(m.ExpiresAt))
	}
	return table.Flush()
}

// findPerson is who a command names; an *apiError of status 404 says that it is nobody.
func findPerson(ctx context.Context, c *apiClient, reference string) (person, error) {
	var got struct{ Contact person }
	if err := c.do(ctx, "GET", contactsPath+"/"+url.PathEscape(reference), nil, &got); err != nil {
		return person{}, unknownPerson(err, reference)
	}
	return got.Contact, nil
}

// unknownPerson says of a 404 who is not known, and keeps other errors.
func unknownPerson(err error, reference string) error {
	if missingThere(err, "Contact not found") {
		return fmt.Errorf("nobody is known as %s (a user id, an e-mail address, an anonymous id or the id of a contact)", reference)
	}
	return err
}
