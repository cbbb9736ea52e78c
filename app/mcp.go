package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/hogsend/hogsend/internal/assistant"
)

func (p *program) mcpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "mcp", Short: "Let an assistant ask about people, journeys and what fails, by MCP over standard input and output", Args: cobra.NoArgs,
		Long: `Serves the Model Context Protocol to the program that started it, such as a coding
assistant: find a contact, why somebody did or did not get a mail, who is where in a
journey, what is failing, how many match criteria. It changes nothing, and answers no
more than the API key may read: give it one of scope read.

  claude mcp add hogsend -- hogsend mcp --url https://hogsend.example.com

The server itself answers MCP at /mcp if MCP_ENABLED is true.`,
	}
	connect := p.clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect()
		if err != nil {
			return err
		}
		transport := &mcp.IOTransport{Reader: io.NopCloser(p.Stdin), Writer: unclosed{p.Stdout}}
		return assistant.Serve(cmd.Context(), transport, c.ask, Version)
	}
	return cmd
}

// unclosed leaves what is written to open.
type unclosed struct{ io.Writer }

// Close does nothing.
func (unclosed) Close() error { return nil }

// ask asks the server for an assistant, once: who asks may ask again.
func (c *apiClient) ask(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	var raw json.RawMessage
	_, err := c.once(ctx, method, path, payload, &raw)
	var refusal *apiError
	if errors.As(err, &refusal) {
		return nil, &assistant.Refused{Status: refusal.Status, Message: refusal.Error()}
	}
	return raw, err
}

// assistants answers MCP by the routes of the server, each request with its own key.
func assistants(api http.Handler) http.Handler {
	return assistant.Handler(func(r *http.Request) assistant.Ask { return assistant.Through(api, r) }, Version)
}
