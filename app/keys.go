package app

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/store"
)

// scopes are the words of H-3.
func scopes() []string { return []string{"ingest", "read", "journey-admin", "full-admin"} }

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Make API keys"}
	cmd.AddCommand(p.keysCreateCommand())
	return cmd
}

func (p *program) keysCreateCommand() *cobra.Command {
	var name string
	var wanted []string
	var expires time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use: "create", Short: "Make an API key and print it, once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n := utf8.RuneCountInString(name); n < 1 || n > 100 {
				return fmt.Errorf("--name: must have 1 to 100 characters")
			}
			for _, scope := range wanted {
				if !slices.Contains(scopes(), scope) {
					return fmt.Errorf("--scope: %q is not one of %s", scope, strings.Join(scopes(), ", "))
				}
			}
			cfg, err := p.load(config.Needs{})
			if err != nil {
				return err
			}
			s, err := store.Open(cmd.Context(), store.Config{URL: cfg.DatabaseURL, MaxConns: 2})
			if err != nil {
				return err
			}
			defer s.Close()
			now := time.Now().UTC()
			key := store.NewKey{Name: name, Scopes: wanted, CreatedBy: "cli"}
			if expires > 0 {
				at := now.Add(expires)
				key.ExpiresAt = &at
			}
			stored, secret, err := s.KeyInsert(cmd.Context(), key, store.System("cli"), now)
			if err != nil {
				return err
			}
			return p.print(asJSON, map[string]any{"id": stored.ID, "name": name, "scopes": wanted, "expiresAt": key.ExpiresAt, "key": secret}, secret)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the key is for, 1 to 100 characters")
	cmd.Flags().StringArrayVar(&wanted, "scope", []string{"read"}, "ingest, read, journey-admin or full-admin; may be repeated")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the key")
	p.onInstallation(cmd)
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "lifetime such as 720h; 0 for ever")
	return cmd
}
