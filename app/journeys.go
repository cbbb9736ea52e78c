package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/store"
)

func (p *program) journeysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "journeys", Short: "List, pause, resume and mend journeys"}
	cmd.AddCommand(p.journeysListCommand(), p.journeysStatesCommand(), p.journeysInflightCommand(), p.journeysPauseCommand(), p.journeysResumeCommand(),
		p.journeysEnrollCommand(), p.journeysCancelCommand(), p.journeysRetryCommand(), p.journeysRetireCommand())
	return cmd
}

func (p *program) journeysListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List journeys with their enrollments", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		if !*asJSON {
			fmt.Fprintln(table, "ID\tTRIGGER\tSTATE\tACTIVE\tWAITING\tCOMPLETED\tFAILED\tEXITED")
		}
		err = pages(cmd.Context(), c, journeysPath, url.Values{}, "journeys", func(item json.RawMessage) (bool, error) {
			var j listedJourney
			if err := json.Unmarshal(item, &j); err != nil {
				return false, fmt.Errorf("decode journey: %w", err)
			}
			if *asJSON {
				return true, p.print(true, j, "")
			}
			printLine(table, "%s\t%v\t%s\t%d\t%d\t%d\t%d\t%d\n", j.ID, j.Trigger["event"], stateWord(j),
				j.Counts["active"], j.Counts["waiting"], j.Counts["completed"], j.Counts["failed"], j.Counts["exited"])
			return true, nil
		})
		if err != nil {
			return err
		}
		return table.Flush()
	}
	return cmd
}

func stateWord(j listedJourney) string {
	switch {
	case !j.Enabled && j.Paused:
		return "disabled, paused"
	case !j.Enabled:
		return "disabled"
	case j.Paused:
		return "paused"
	}
	return "enabled"
}

func (p *program) journeysPauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "pause ID", Short: "Hold everybody before the next mail or other effect, and who enters at the start", Args: cobra.ExactArgs(1),
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys)
	reason := cmd.Flags().String("reason", "", "why, for those who look at it")
	entries := cmd.Flags().String("entries", "hold", "what becomes of new entries: hold keeps them at the start, drop refuses them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var got json.RawMessage
		request := map[string]string{"reason": *reason, "entries": *entries}
		if err := c.do(cmd.Context(), "POST", journeysPath+"/"+url.PathEscape(args[0])+"/pause", request, &got); err != nil {
			return err
		}
		return p.print(*asJSON, got, args[0]+" is paused")
	}
	return cmd
}

func (p *program) journeysResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "resume ID", Short: "End a pause; what was held goes on", Args: cobra.ExactArgs(1),
		Long: `Ends a pause. What was held goes on at a bounded rate, oldest first, by a policy:
catch_up runs it now, skip_late leaves out sends and entries held for more than an hour, and
reschedule runs it as long after it was due as the pause lasted.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys)
	policy := cmd.Flags().String("policy", "catch_up", "catch_up, skip_late or reschedule")
	preview := cmd.Flags().Bool("preview", false, "change nothing, tell what would go on")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		request := map[string]any{"policy": *policy, "preview": *preview}
		if err := c.do(cmd.Context(), "POST", journeysPath+"/"+url.PathEscape(args[0])+"/resume", request, &raw); err != nil {
			return err
		}
		line := args[0] + " goes on"
		if *preview {
			var got struct{ Held, HeldSends, HeldEntries, Late int }
			if err := json.Unmarshal(raw, &got); err != nil {
				return fmt.Errorf("decode reply: %w", err)
			}
			line = fmt.Sprintf("%d held, %d of them sends and %d entries, %d would be skipped", got.Held, got.HeldSends, got.HeldEntries, got.Late)
		}
		return p.print(*asJSON, raw, line)
	}
	return cmd
}

func (p *program) journeysEnrollCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "enroll ID PERSON", Short: "Send the journey's trigger event for a person; all guards apply", Args: cobra.ExactArgs(2),
		Long: `Sends the journey's trigger event for a person that is known, by user id, e-mail address,
anonymous id or the id of a contact; everything else that listens to the event reacts too.
With --new the person may be a user id that nobody has yet, whose contact the event makes.`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys, livePeople)
	email := cmd.Flags().String("email", "", "the person's address, which the event brings")
	properties := cmd.Flags().String("properties", "", "properties of the event, as JSON")
	key := cmd.Flags().String("idempotency-key", "", "a repeat answers the first outcome; made up if not given")
	unknown := cmd.Flags().Bool("new", false, "let the event make the contact of a user id that is not known")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		request := map[string]any{"userId": args[1], "userEmail": *email, "idempotencyKey": first(*key, uuid.NewString())}
		if *properties != "" {
			if !json.Valid([]byte(*properties)) {
				return errors.New("--properties: is not JSON")
			}
			request["properties"] = json.RawMessage(*properties)
		}
		if !*unknown {
			who, err := findPerson(cmd.Context(), c, args[1])
			if err != nil {
				return fmt.Errorf("%w; --new enrolls a user id that is new", err)
			}
			if who.ExternalID == nil {
				return fmt.Errorf("%s has no user id yet: send the journey's trigger event instead, with hogsend events send", args[1])
			}
			request["userId"] = *who.ExternalID
		}
		var raw json.RawMessage
		if err := c.do(cmd.Context(), "POST", journeysPath+"/"+url.PathEscape(args[0])+"/enroll", request, &raw); err != nil {
			return err
		}
		var got struct {
			Enrolled        bool
			StateID, Reason string
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			return fmt.Errorf("decode reply: %w", err)
		}
		line := "enrolled " + got.StateID
		if !got.Enrolled {
			line = "not enrolled: " + first(got.Reason, "the key was used before")
		}
		return p.print(*asJSON, raw, line)
	}
	return cmd
}

const stateArguments = `The enrollment is named by its id, or by the person if only one of that person comes into
question: a user id, an e-mail address, an anonymous id or the id of a contact.`

func (p *program) journeysCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cancel ID ENROLLMENT|PERSON", Short: "End one enrollment (reason admin)", Args: cobra.ExactArgs(2), Long: "Ends one enrollment that is under way, with the reason admin.\n\n" + stateArguments,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys, liveStates("active", "waiting"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.stateCall(cmd.Context(), connect, *asJSON, args, stateAction{"DELETE", "", "is under way", enrolled.live, "is exited"})
	}
	return cmd
}

func (p *program) journeysRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry ID ENROLLMENT|PERSON", Short: "Take a failed enrollment up where it failed", Args: cobra.ExactArgs(2), Long: "Takes a failed enrollment up where it failed.\n\n" + stateArguments,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys, liveStates("failed"))
	failed := func(e enrolled) bool { return e.Status == "failed" }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.stateCall(cmd.Context(), connect, *asJSON, args, stateAction{"POST", "/retry", "failed", failed, "is active again"})
	}
	return cmd
}

// stateAction is what a command does to an enrollment.
type stateAction struct {
	method, path string
	// which says what wanted holds of.
	which  string
	wanted func(enrolled) bool
	done   string
}

// stateCall makes a call about one enrollment: args are the journey, and the enrollment or
// its person.
func (p *program) stateCall(ctx context.Context, connect func() (*apiClient, error), asJSON bool, args []string, do stateAction) error {
	c, err := connect()
	if err != nil {
		return err
	}
	id, err := p.stateOf(ctx, c, args[0], args[1], do.which, do.wanted)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := c.do(ctx, do.method, journeysPath+"/"+url.PathEscape(args[0])+"/states/"+id+do.path, nil, &raw); err != nil {
		return err
	}
	return p.print(asJSON, raw, id+" "+do.done)
}

// inflight is one line of `journeys inflight` (J-112).
type inflight struct {
	Version string     `json:"version"`
	BuildID string     `json:"buildId"`
	Node    string     `json:"node"`
	Count   int64      `json:"count"`
	Wakes   *time.Time `json:"earliestWake"`
	Last    *time.Time `json:"latestWake"`
}

func (p *program) journeysInflightCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "inflight ID", Short: "Count people in flight by version, build and node", Args: cobra.ExactArgs(1),
		Long: "Counts the people in flight in a journey by version, build and node, with the earliest\nand the latest instant at which they wake. It reads DATABASE_URL.",
	}
	asJSON := jsonFlag(cmd)
	p.onInstallation(cmd)
	cmd.ValidArgsFunction = p.completeJourneys
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, _, err := p.database(cmd.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		rows, err := s.InflightList(cmd.Context(), p.index().IDs(args[0]))
		if err != nil {
			return fmt.Errorf("count people in flight: %w", err)
		}
		list := make([]inflight, len(rows))
		for i, row := range rows {
			list[i] = inflight{row.Version, row.BuildID, row.Node, row.Total, wake(row.Earliest), wake(row.Latest)}
		}
		if *asJSON {
			return p.print(true, map[string]any{"inflight": list}, "")
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "VERSION\tBUILD\tNODE\tPEOPLE\tEARLIEST WAKE\tLATEST WAKE")
		for _, l := range list {
			printLine(table, "%s\t%s\t%s\t%d\t%s\t%s\n", first(l.Version, "-"), first(l.BuildID, "-"), first(l.Node, "-"), l.Count, wakeText(l.Wakes), wakeText(l.Last))
		}
		return table.Flush()
	}
	return cmd
}

// wake is nil for the epoch, which stands for no deadline.
func wake(t time.Time) *time.Time {
	if t.Unix() == 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

func wakeText(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}

// retirePage is how many enrollments are looked up at once.
const retirePage = 500

func (p *program) journeysRetireCommand() *cobra.Command {
	var asJSON *bool
	cmd := &cobra.Command{
		Use: "retire ID", Short: "End everybody's enrollment in a journey that is no longer defined", Args: cobra.ExactArgs(1),
		Long: "Exits everybody in flight in a journey that this binary no longer defines (reason\nretired). It works on DATABASE_URL and is refused while the id is registered.",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if p.index().Journey(args[0]) != nil {
				return fmt.Errorf("journey %s is still registered", args[0])
			}
			registry, _, err := checkRegistry(p.Options)
			if err != nil {
				return err
			}
			s, cfg, err := p.database(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := retire(ctx, s, registry, buildID(cfg.BuildID), args[0])
			return errors.Join(err, p.print(*asJSON, map[string]any{"journeyId": args[0], "exited": n}, fmt.Sprintf("%d enrollments of %s are exited", n, args[0])))
		},
	}
	asJSON = jsonFlag(cmd)
	p.onInstallation(cmd)
	return cmd
}

// retire exits every live enrollment of a journey id and returns how many (J-14). One
// that ends meanwhile by itself is not counted.
func retire(ctx context.Context, s *store.Store, registry hogsend.Registry, build, journeyID string) (int, error) {
	g := ingest.New(s, ingest.Config{Journeys: registry.Journeys, BuildID: build})
	defer g.Close()
	n, after := 0, uuid.Nil
	for {
		ids, err := s.RetireList(ctx, journeyID, after, retirePage)
		if err != nil {
			return n, fmt.Errorf("list enrollments: %w", err)
		}
		for _, id := range ids {
			var ended *ingest.EndedError
			entry := store.Entry{Actor: store.System("cli"), Action: "states.retire", ResourceID: id.String()} // O-11
			entry.Detail.Given("journeyId", journeyID)
			err := g.Exit(ctx, id, contract.ExitRetired, entry.Write(ctx))
			switch {
			case err == nil:
				n++
			case !errors.As(err, &ended) && !errors.Is(err, store.ErrNotFound):
				return n, err
			}
			after = id
		}
		if len(ids) < retirePage {
			return n, nil
		}
	}
}
