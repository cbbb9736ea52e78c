package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/users"
	"github.com/hogsend/hogsend/server/studio"
)

// setupLink tells how the first admin is made, at every start until there is one (O-6).
func (p *process) setupLink(ctx context.Context) error {
	token, err := users.New(p.store, nil).SetupToken(ctx)
	switch {
	case errors.Is(err, users.ErrClosed):
		return nil
	case err != nil:
		return err
	}
	p.log.Info("there is no admin yet; open this link within a day to become it", "url", p.cfg.PublicURL+"/v1/auth/setup?token="+token)
	return nil
}

func (p *program) adminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "admin", Aliases: []string{"users"}, Short: "Make, list and remove the users of Studio (in the database of DATABASE_URL)",
		Long: `Makes, lists and removes the users of Studio. A user chooses the password by a
link that works once within a day; nobody else sees it. Roles: admin may do everything,
operator switches, pauses and retries, viewer looks.`,
	}
	cmd.AddCommand(p.adminCreateCommand(), p.adminListCommand(), p.adminRoleCommand(), p.adminPasswordCommand(), p.adminRemoveCommand())
	return cmd
}

// withUsers runs do on the users of the database.
func (p *program) withUsers(ctx context.Context, do func(u *users.Users, base string) error) error {
	s, cfg, err := p.database(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(users.New(s, nil), cfg.PublicURL)
}

func (p *program) printInvitation(asJSON bool, email, base, token string) error {
	link := studio.InvitationLink(base, token)
	return p.print(asJSON, map[string]string{"email": email, "link": link},
		escapeControls(email, "")+" chooses a password here, once and within a day:\n  "+link)
}

func (p *program) adminCreateCommand() *cobra.Command {
	var n users.NewUser
	var role string
	cmd := &cobra.Command{Use: "create EMAIL", Short: "Make a user and print the link to choose a password", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		n.Email, n.Role = args[0], users.Role(role)
		return p.withUsers(cmd.Context(), func(u *users.Users, base string) error {
			row, token, err := u.Invite(cmd.Context(), store.System("cli"), n)
			if err != nil {
				return err
			}
			return p.printInvitation(*asJSON, row.Email, base, token)
		})
	}
	cmd.Flags().StringVar(&n.Name, "name", "", "how they are called (default: what stands before the @)")
	cmd.Flags().StringVar(&role, "role", string(users.Admin), "admin, operator or viewer")
	return cmd
}

func (p *program) adminListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withUsers(cmd.Context(), func(u *users.Users, _ string) error {
			rows, err := u.List(cmd.Context())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
			if !*asJSON {
				fmt.Fprintln(table, "EMAIL\tNAME\tROLE\tSTATE\tSESSIONS")
			}
			for _, r := range rows {
				if *asJSON {
					type item struct {
						ID       string `json:"id"`
						Name     string `json:"name"`
						Email    string `json:"email"`
						Role     string `json:"role"`
						State    string `json:"state"`
						Sessions int64  `json:"sessions"`
					}
					if err := p.print(true, item{r.User.ID.String(), r.User.Name, r.User.Email, r.User.Role, userState(r), r.Sessions}, ""); err != nil {
						return err
					}
					continue
				}
				printLine(table, "%s\t%s\t%s\t%s\t%d\n", r.User.Email, r.User.Name, r.User.Role, userState(r), r.Sessions)
			}
			return table.Flush()
		})
	}
	return cmd
}

// userState says in a word whether a user can sign in.
func userState(r users.Listed) string {
	switch {
	case r.User.Password != nil:
		return "active"
	case r.InvitedUntil != nil:
		return "invited"
	}
	return "no password"
}

// adminChange is a command about one user, named by address.
func (p *program) adminChange(use, short string, args int, do func(ctx context.Context, u *users.Users, args []string, id users.Listed, base string, asJSON bool) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withUsers(cmd.Context(), func(u *users.Users, base string) error {
			row, err := u.Find(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return do(cmd.Context(), u, args, users.Listed{User: row}, base, *asJSON)
		})
	}
	return cmd
}

func (p *program) adminRoleCommand() *cobra.Command {
	return p.adminChange("role EMAIL ROLE", "Change what a user may do, and sign them out everywhere", 2,
		func(ctx context.Context, u *users.Users, args []string, r users.Listed, _ string, asJSON bool) error {
			if err := u.SetRole(ctx, store.System("cli"), r.User.ID, users.Role(args[1])); err != nil {
				return err
			}
			return p.print(asJSON, map[string]string{"email": r.User.Email, "role": args[1]}, escapeControls(r.User.Email, "")+" is "+args[1])
		})
}

func (p *program) adminPasswordCommand() *cobra.Command {
	return p.adminChange("password EMAIL", "Print a link by which a user chooses a new password", 1,
		func(ctx context.Context, u *users.Users, _ []string, r users.Listed, base string, asJSON bool) error {
			token, err := u.InviteAgain(ctx, store.System("cli"), r.User.ID)
			if err != nil {
				return err
			}
			return p.printInvitation(asJSON, r.User.Email, base, token)
		})
}

func (p *program) adminRemoveCommand() *cobra.Command {
	return p.adminChange("remove EMAIL", "Remove a user and sign them out at once", 1,
		func(ctx context.Context, u *users.Users, _ []string, r users.Listed, _ string, asJSON bool) error {
			if err := u.Remove(ctx, store.System("cli"), r.User.ID); err != nil {
				return err
			}
			return p.print(asJSON, map[string]string{"email": r.User.Email}, escapeControls(r.User.Email, "")+" is removed")
		})
}

// auditEntry is one entry of R-101.
type auditEntry struct {
	Actor      string          `json:"actor"`
	ActorType  string          `json:"actorType"`
	Action     string          `json:"action"`
	ResourceID string          `json:"resourceId"`
	Detail     json.RawMessage `json:"detail"`
	IPAddress  *string         `json:"ipAddress"`
	RequestID  string          `json:"requestId"`
	CreatedAt  time.Time       `json:"createdAt"`
}

func (p *program) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "List who changed what, the newest first", Args: cobra.NoArgs}
	connect, asJSON := p.clientFlags(cmd), jsonFlag(cmd)
	actor := cmd.Flags().String("actor", "", "only changes by this key or user")
	resource := cmd.Flags().String("resource", "", "only changes of this kind of thing, such as journeys")
	action := cmd.Flags().String("action", "", "only this action, such as journeys.pause")
	limit := cmd.Flags().Int("limit", 50, "at most so many")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		query := url.Values{}
		for name, value := range map[string]string{"actor": *actor, "resource": *resource, "action": *action} {
			if value != "" {
				query.Set(name, value)
			}
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		if !*asJSON {
			fmt.Fprintln(table, "AT\tBY\tACTION\tOF\tCHANGE")
		}
		left := *limit
		err = pages(cmd.Context(), c, "/v1/admin/audit-logs", query, "logs", func(item json.RawMessage) (bool, error) {
			if left--; left < 0 {
				return false, nil
			}
			var e auditEntry
			if err := json.Unmarshal(item, &e); err != nil {
				return false, fmt.Errorf("decode entry: %w", err)
			}
			if *asJSON {
				return true, p.print(true, item, "")
			}
			printLine(table, "%s\t%s\t%s\t%s\t%s\n", e.CreatedAt.Format(time.DateTime), e.Actor, e.Action, e.ResourceID, changeWords(e.Detail))
			return true, nil
		})
		if err != nil {
			return err
		}
		return table.Flush()
	}
	return cmd
}

// changeWords tells the fields that changed in one line.
func changeWords(detail json.RawMessage) string {
	var d struct{ Old, New, With map[string]json.RawMessage }
	if json.Unmarshal(detail, &d) != nil {
		return ""
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(d.New)) {
		word := name + ": " + string(d.New[name])
		if old, ok := d.Old[name]; ok {
			word = name + ": " + string(old) + " → " + string(d.New[name])
		}
		words = append(words, word)
	}
	for _, name := range slices.Sorted(maps.Keys(d.With)) {
		words = append(words, name+" "+string(d.With[name]))
	}
	return strings.Join(words, ", ")
}
