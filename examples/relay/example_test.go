package relay_test

import (
	"net/http"
	"os"
	"time"

	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/relay"
	"github.com/hogsend/hogsend/examples/saas"
)

// A program whose mails go by a provider of its own.
func Example() {
	app.Main(app.Options{
		Registry: saas.Registry(),
		EmailProvider: &relay.Relay{
			URL: "https://relay.example.com", Token: os.Getenv("RELAY_TOKEN"),
			Client: &http.Client{
				Timeout:       15 * time.Second,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
		},
	})
}
