package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
)

func (p *program) migrateCommand() *cobra.Command {
	var status bool
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
				fmt.Fprintf(p.Stdout, "applied   %s\nrequired  %s\npending   %s\n",
					first(st.Applied, "none"), st.Required, first(strings.Join(st.Pending, ", "), "none"))
				return nil
			}
			applied, err := schema.Migrate(cmd.Context(), s.Pool)
			if err != nil {
				return err
			}
			if len(applied) == 0 {
				fmt.Fprintln(p.Stdout, "already up to date")
			}
			for _, name := range applied {
				fmt.Fprintln(p.Stdout, "applied", name)
			}
			return nil
		},
	}
	p.onInstallation(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "compare the database with this build and change nothing")
	return cmd
}
