package app

import (
	"fmt"
	"time"

	"github.com/hogsend/hogsend/internal/config"
)

func (p *program) banner(f devFlags, cfg config.Config, studio string, took time.Duration) {
	mails := "stay in the mailbox (hogsend mailbox)"
	switch cfg.EmailProvider {
	case "mailbox":
	case config.OwnProvider:
		mails = "go to the provider that this program brings"
	default:
		mails = "are really sent, by " + cfg.EmailProvider + ", because the environment says so"
	}
	p.addresses(f, p.here, studio)
	fmt.Fprintf(p.Stdout, "  mails        %s\n", mails)
	p.tryIt(p.here, describe(p.Registry, cfg.EnabledJourneys))
	fmt.Fprintf(p.Stdout, "\nready in %.1f s, Ctrl-C stops\n", took.Seconds())
}

func (p *program) watchBanner(f devFlags, i *installation, studio string, d description) {
	p.addresses(f, i, studio)
	p.tryIt(i, d)
	fmt.Fprintf(p.Stdout, "\nSave a file of %s to build and run it again; Ctrl-C stops\n", f.watch)
}

// addresses tells where everything is; studio is first, and left out where nothing serves it.
func (p *program) addresses(f devFlags, i *installation, studio string) {
	if studio != "" {
		studio = "\n  Studio       " + studio
	}
	fmt.Fprintf(p.Stdout, `%s
  API          %s
  Temporal     %s   Web UI http://127.0.0.1:%d
  Postgres     %s
  API key      %s
  state        %s
`, studio, i.API, i.Temporal, f.uiPort, i.DatabaseURL, i.APIKey, f.data)
}

// tryIt shows how somebody gets into a journey.
func (p *program) tryIt(i *installation, d description) {
	if d.Example == "" {
		fmt.Fprint(p.Stdout, "\nNo journey begins with an event that a product sends.\n")
		return
	}
	fmt.Fprintf(p.Stdout, `
Send an event that enters somebody into %s, then look at the mail:

  curl -s %s/v1/events -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' -d %s
  hogsend mailbox
`, d.ExampleJourney, i.API, i.APIKey, shellWord(d.Example))
}

func (p *program) infraBanner(f devFlags, i *installation, took time.Duration) {
	p.addresses(f, i, "")
	fmt.Fprintf(p.Stdout, `
Run your own program on it, in this folder:

  go run ./cmd/shop serve --worker --data %s

ready in %.1f s, Ctrl-C stops
`, shellWord(f.data), took.Seconds())
}
