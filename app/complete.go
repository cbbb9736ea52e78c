package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionPatience is how long a shell waits for what could come next.
const completionPatience = 2 * time.Second

// candidates are what a server knows that could stand in a place of a command line.
type candidates func(ctx context.Context, c *apiClient, args []string, begun string) []string

// completes lets a shell complete the arguments of a command with what lives on the server
// it would talk to: the nth by the nth of places. Where nothing can be asked there is
// nothing to choose from, and no error.
func completes(cmd *cobra.Command, connect func() (*apiClient, error), places ...candidates) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ask(cmd.Context(), connect, places[len(args)], args, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completesFlag does the same for the value of a flag.
func completesFlag(cmd *cobra.Command, flag string, connect func() (*apiClient, error), of candidates) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) { // the flag exists
		return ask(cmd.Context(), connect, of, args, begun), cobra.ShellCompDirectiveNoFileComp
	})
}

func ask(ctx context.Context, connect func() (*apiClient, error), of candidates, args []string, begun string) []string {
	c, err := connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	c.pause = func(context.Context, time.Duration) error { return context.DeadlineExceeded } // it is asked once
	var fit []string
	for _, candidate := range of(ctx, c, args, begun) {
		if strings.HasPrefix(candidate, begun) && !strings.ContainsFunc(candidate, isControl) {
			fit = append(fit, candidate)
		}
	}
	return fit
}

// listed are at most a page of the items at a path, each by one of its fields.
func listed(ctx context.Context, c *apiClient, path string, query url.Values, key string, fields ...string) []string {
	query.Set("limit", "100")
	var page map[string]json.RawMessage
	if c.do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page) != nil {
		return nil
	}
	var items []map[string]any
	if json.Unmarshal(page[key], &items) != nil {
		return nil
	}
	var found []string
	for _, item := range items {
		for _, field := range fields {
			if text, ok := item[field].(string); ok && text != "" {
				found = append(found, text)
			}
		}
	}
	return found
}

func liveJourneys(ctx context.Context, c *apiClient, _ []string, _ string) []string {
	return listed(ctx, c, journeysPath, url.Values{}, "journeys", "id")
}

func liveBuckets(ctx context.Context, c *apiClient, _ []string, _ string) []string {
	return listed(ctx, c, bucketsPath, url.Values{}, "buckets", "id")
}

func livePeople(ctx context.Context, c *apiClient, _ []string, begun string) []string {
	return listed(ctx, c, contactsPath, url.Values{"search": {begun}}, "contacts", "externalId", "email")
}

// liveStates are the enrollments of the journey before it, by id and by person.
func liveStates(statuses ...string) candidates {
	return func(ctx context.Context, c *apiClient, args []string, _ string) []string {
		var found []string
		for _, status := range statuses {
			found = append(found, listed(ctx, c, journeysPath+"/"+url.PathEscape(args[0])+"/states", url.Values{"status": {status}}, "states", "userId", "id")...)
		}
		return found
	}
}

func liveMails(ctx context.Context, c *apiClient, _ []string, _ string) []string {
	return listed(ctx, c, "/v1/admin/mailbox", url.Values{}, "mails", "id")
}

// completeJourneys are the journeys of this program.
func (p *program) completeJourneys(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var fit []string
	for _, id := range p.journeyIDs() {
		if len(args) == 0 && strings.HasPrefix(id, begun) {
			fit = append(fit, id)
		}
	}
	return fit, cobra.ShellCompDirectiveNoFileComp
}
