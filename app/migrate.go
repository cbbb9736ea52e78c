package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
)

func (p *program) migrateCommand() *cobra.Command {
	var status, asJSON bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database schema up to this build", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.load(config.Needs{})
			if err != nil {
				return err
			}
			s, err := store.Open(cmd.Context(), store.Config{URL: cfg.DatabaseURL, MaxConns: cfg.DBMaxConns})
			if err != nil {
				return err
			}
			defer s.Close()
			if status {
				st, err := schema.Check(cmd.Context(), s.Pool)
				if err != nil {
					return err
				}
				line := fmt.Sprintf("applied   %s\nrequired  %s\npending   %s", first(st.Applied, "none"), st.Required, first(strings.Join(st.Pending, ", "), "none"))
				return p.print(asJSON, map[string]any{"applied": st.Applied, "required": st.Required, "pending": append([]string{}, st.Pending...)}, line)
			}
			applied, err := schema.Migrate(cmd.Context(), s.Pool)
			if err != nil {
				return err
			}
			lines := []string{}
			for _, name := range applied {
				lines = append(lines, "applied "+name)
			}
			return p.print(asJSON, map[string]any{"applied": append([]string{}, applied...)}, first(strings.Join(lines, "\n"), "already up to date"))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	p.onInstallation(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "compare the database with this build and change nothing")
	return cmd
}

func migrate(ctx context.Context, url string) error {
	s, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = schema.Migrate(ctx, s.Pool)
	return err
}
