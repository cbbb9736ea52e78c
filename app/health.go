package app

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) healthCommand() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use: "health", Short: "Ask whether a server or a worker is ready, as containers do that have no shell", Args: cobra.NoArgs,
		Long: `Asks a server whether it is ready, or a worker by its private listener:
  hogsend health
  hogsend health --url http://127.0.0.1:9090/ready

Exit code 0: it answered 200 within 3 s.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return fmt.Errorf("--url: %w", err)
			}
			response, err := (&http.Client{Timeout: 3 * time.Second}).Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: answered %d", url, response.StatusCode)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", defaultAPI+"/v1/health/ready", "what to ask")
	return cmd
}
