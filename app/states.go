package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// missingThere reports that the server knows no such thing.
func missingThere(err error, what string) bool {
	var refused *apiError
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound && refused.Message == what
}

func (p *program) journeysStatesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "states [ID]", Short: "List enrollments of one journey, or of all", Args: cobra.MaximumNArgs(1),
		Long: `Lists enrollments, those of a journey newest first, with the ids that "journeys cancel" and
"journeys retry" take.

  hogsend journeys states --status failed
  hogsend journeys states activation-welcome --user ada`,
	}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	completes(cmd, connect, liveJourneys)
	status := cmd.Flags().String("status", "", strings.Join(statuses(), ", "))
	user := cmd.Flags().String("user", "", "only of this person")
	limit := cmd.Flags().Int("limit", 100, "at most so many; 0 for all")
	completesFlag(cmd, "user", connect, livePeople)
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statuses(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *status != "" && !slices.Contains(statuses(), *status) {
			return fmt.Errorf("--status: %q is not one of %s", *status, strings.Join(statuses(), ", "))
		}
		c, err := connect()
		if err != nil {
			return err
		}
		if *user != "" { // who is not known has no enrollments, and should not look like it
			if _, err := findPerson(cmd.Context(), c, *user); err != nil {
				return fmt.Errorf("--user: %w", err)
			}
		}
		journeys := args
		if len(args) == 0 {
			if journeys, err = journeyIDs(cmd.Context(), c); err != nil {
				return err
			}
		}
		var states []enrolled
		for _, id := range journeys {
			found, err := p.states(cmd.Context(), c, id, url.Values{"status": {*status}, "userId": {*user}}, *limit-len(states), *asJSON)
			if err != nil {
				return err
			}
			if states = append(states, found...); *limit > 0 && len(states) >= *limit {
				break
			}
		}
		if *asJSON {
			return nil
		}
		return printStates(p.Stdout, states, true)
	}
	return cmd
}

func statuses() []string { return []string{"active", "waiting", "completed", "failed", "exited"} }

func journeyIDs(ctx context.Context, c *apiClient) ([]string, error) {
	var ids []string
	err := pages(ctx, c, journeysPath, url.Values{}, "journeys", func(item json.RawMessage) (bool, error) {
		var j listedJourney
		if err := json.Unmarshal(item, &j); err != nil {
			return false, fmt.Errorf("decode journey: %w", err)
		}
		ids = append(ids, j.ID)
		return true, nil
	})
	return ids, err
}

// states are at most limit enrollments of a journey, all if limit is not positive; each is
// printed as JSON at once if asked for.
func (p *program) states(ctx context.Context, c *apiClient, journey string, query url.Values, limit int, asJSON bool) ([]enrolled, error) {
	var states []enrolled
	err := pages(ctx, c, journeysPath+"/"+url.PathEscape(journey)+"/states", query, "states", func(item json.RawMessage) (bool, error) {
		var e enrolled
		if err := json.Unmarshal(item, &e); err != nil {
			return false, fmt.Errorf("decode enrollment: %w", err)
		}
		if states = append(states, e); asJSON {
			if err := p.print(true, item, ""); err != nil {
				return false, err
			}
		}
		return len(states) != limit, nil
	})
	if missingThere(err, "Journey not found") {
		return nil, fmt.Errorf("there is no journey %s (hogsend journeys list)", journey)
	}
	return states, err
}

// stateOf is the enrollment that a command names: by its id, or by the person whose only
// one in the journey it is that wanted holds of.
func (p *program) stateOf(ctx context.Context, c *apiClient, journey, reference, what string, wanted func(enrolled) bool) (string, error) {
	if _, err := uuid.Parse(reference); err == nil {
		var got json.RawMessage
		err := c.do(ctx, "GET", journeysPath+"/"+url.PathEscape(journey)+"/states/"+url.PathEscape(reference), nil, &got)
		if err == nil || !missingThere(err, "State not found") {
			return reference, err
		}
	}
	if _, err := findPerson(ctx, c, reference); err != nil {
		return "", err
	}
	states, err := p.states(ctx, c, journey, url.Values{"userId": {reference}}, 0, false)
	if err != nil {
		return "", err
	}
	states = slices.DeleteFunc(states, func(e enrolled) bool { return !wanted(e) })
	switch len(states) {
	case 0:
		return "", fmt.Errorf("%s has no enrollment in %s that %s", reference, journey, what)
	case 1:
		return states[0].ID, nil
	}
	var list strings.Builder
	table := tabwriter.NewWriter(&list, 0, 0, 2, ' ', 0)
	for i := range states {
		printLine(table, "\n  %s\tat %s\tentered %s", states[i].ID, states[i].Node, moment(&states[i].CreatedAt))
	}
	if err := table.Flush(); err != nil {
		return "", fmt.Errorf("list enrollments: %w", err)
	}
	return "", fmt.Errorf("%s has %d enrollments in %s that %s; name one:%s", reference, len(states), journey, what, list.String())
}
