// Package config reads the environment once, at start, into one checked value.
// Nothing else reads the environment (O-38).
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/provider/smtp"
	"github.com/hogsend/hogsend/internal/webhook"
)

// Environment is how strict the process is about what is missing.
type Environment string

// The environments. Production is the default and requires everything that a
// public installation needs (O-38).
const (
	Production  Environment = "production"
	Development Environment = "development"
	Test        Environment = "test"
)

// What POSTHOG_MIRROR may be (P-11).
const (
	MirrorEmail = "email" // what people do with mails
	MirrorAll   = "all"   // every event, but for those that came from PostHog
	MirrorOff   = "off"
)

// Needs says what a command cannot do without.
type Needs struct {
	// Temporal is set by commands that reach a Temporal cluster of their own.
	Temporal bool
	// Service is set by commands that serve or work, which need keys and addresses.
	Service bool
	// OwnProvider is set where mails go by a provider of the author's (E-36).
	OwnProvider bool
}

// OwnProvider is the EmailProvider of an author's own.
const OwnProvider = "own"

// Config is the environment of one process. Every field has the default of O-38.
type Config struct {
	Environment Environment

	DatabaseURL string
	DBMaxConns  int32

	TemporalAddress, TemporalNamespace, TemporalTaskQueue string

	Host      string // listening address; 127.0.0.1 unless HOST says otherwise
	Port      int
	PublicURL string

	Secret          string
	PreviousSecrets []string
	AdminAPIKey     string
	TrustedOrigins  []string
	TrustedProxies  []string

	RateLimitIngest, RateLimitAdmin int // requests per minute

	JunkIDs naming.JunkIDs // what is no id of a person (I-57)

	EmailProvider      string // resend, smtp, mailbox or OwnProvider
	ResendAPIKey       string
	SMTPURL            string
	ResendBaseURL      string
	EmailRatePerSecond float64
	// ResendWebhook verify what Resend reports; none refuses it all.
	ResendWebhook    []string
	EmailFrom        string
	EmailFromDomains []string
	EmailReplyTo     string
	// EmailTestMode is off, on or auto; then mails go to EmailTestTo, "" for nowhere, but for
	// those to EmailTestAllow (E-41, E-42).
	EmailTestMode, EmailTestTo string
	EmailTestAllow             []string
	// AllowPrivate lets webhooks and alerts go to addresses that are not public (P-19).
	AllowPrivate bool
	// OpenAPI serves the document of the routes.
	OpenAPI bool
	// MCP answers assistants at /mcp (O-55).
	MCP bool
	// TrackOpens and TrackClicks let mails be tracked (E-46, E-47). A hit sooner after the
	// mail went than TrackingMinAge is a machine's (E-50).
	TrackOpens, TrackClicks bool
	TrackingMinAge          time.Duration
	KeepTracking            time.Duration // addresses and agents of opens and clicks; 0 is for ever

	// PostHogAPIKey is the project's key; without it PostHog is told nothing (P-9).
	PostHogAPIKey string
	PostHogHost   string
	PostHogMirror string // which events PostHog gets: email, all or off (P-11)
	// PostHogPersonalKey and PostHogProject let zones be looked up, both or none (P-13).
	PostHogPersonalKey, PostHogProject string

	// MetricsAddr is a private address for /metrics, host:port; "" for none.
	MetricsAddr string

	EnabledJourneys  string
	EnabledBuckets   string
	DwellHorizon     time.Duration // 0 hands all timers to Temporal at once (B-49)
	DwellRate        int           // overdue timers a second of one bucket (B-46)
	LateEventHorizon time.Duration
	// CampaignExpiry is how late a campaign may start at most (E-73).
	CampaignExpiry  time.Duration
	DefaultTimezone string // of contacts of whom nothing tells one; "" leaves it to the registry (S-1)
	// PauseLateAfter and ResumeRatePerSecond rule how held effects go on (J-103, J-105).
	PauseLateAfter      time.Duration
	ResumeRatePerSecond int
	KeepDecisions       time.Duration // that enrolled nobody; 0 is for ever (J-45)
	BuildID             string        // "" means the one of the binary
	Deployment          string        // of Temporal's worker deployments; "" is none
	LogLevel            slog.Level
	LogFormat           string // json or text; "" lets the terminal decide
	SkipSchemaCheck     bool
	ShutdownTimeout     time.Duration
	Warnings            []string
	Lookup              func(string) (string, bool) // for what libraries read: TEMPORAL_TLS_*, TEMPORAL_API_KEY, OTEL_*
	explicitPublicURL   bool
}

// Load reads the environment given as "NAME=value" pairs. Every problem is
// reported at once, sorted by name; secrets are never printed.
func Load(environ []string, needs Needs) (Config, error) {
	return load(newReader(environ), needs)
}

func load(r *reader, needs Needs) (Config, error) {
	c := Config{
		Environment:         Environment(r.oneOf("HOGSEND_ENV", string(Production), string(Production), string(Development), string(Test))),
		DatabaseURL:         r.get("DATABASE_URL"),
		DBMaxConns:          int32(r.integer("DB_MAX_CONNS", 20, 2, 1000)), //nolint:gosec // at most 1,000
		TemporalAddress:     r.or("TEMPORAL_ADDRESS", "localhost:7233"),
		TemporalNamespace:   r.or("TEMPORAL_NAMESPACE", "default"),
		TemporalTaskQueue:   r.or("TEMPORAL_TASK_QUEUE", "hogsend"),
		Host:                r.or("HOST", "127.0.0.1"),
		Port:                r.integer("PORT", 3002, 0, 65535),
		PublicURL:           r.get("PUBLIC_URL"),
		Secret:              r.get("HOGSEND_SECRET"),
		PreviousSecrets:     r.list("HOGSEND_SECRET_PREVIOUS"),
		AdminAPIKey:         r.get("ADMIN_API_KEY"),
		MetricsAddr:         r.get("METRICS_ADDR"),
		AllowPrivate:        r.boolean("ALLOW_PRIVATE_DESTINATIONS", false),
		OpenAPI:             r.boolean("OPENAPI_ENABLED", r.get("HOGSEND_ENV") == string(Development) || r.get("HOGSEND_ENV") == string(Test)),
		MCP:                 r.boolean("MCP_ENABLED", false),
		TrustedOrigins:      r.list("TRUSTED_ORIGINS"),
		TrustedProxies:      r.list("TRUSTED_PROXIES"),
		RateLimitIngest:     r.integer("RATE_LIMIT_INGEST", 6000, 1, 1<<30),
		RateLimitAdmin:      r.integer("RATE_LIMIT_ADMIN", 600, 1, 1<<30),
		JunkIDs:             naming.ParseJunkIDs(r.get("JUNK_IDS")),
		EmailProvider:       r.oneOf("EMAIL_PROVIDER", "", "resend", "smtp", "mailbox"),
		SMTPURL:             r.get("SMTP_URL"),
		ResendAPIKey:        r.get("RESEND_API_KEY"),
		ResendBaseURL:       r.get("RESEND_BASE_URL"),
		ResendWebhook:       r.list("RESEND_WEBHOOK_SECRET"),
		EmailRatePerSecond:  r.number("EMAIL_RATE_PER_SECOND", 2, 0.01, 1e6),
		EmailFrom:           r.get("EMAIL_FROM"),
		EmailFromDomains:    r.list("EMAIL_FROM_DOMAINS"),
		EmailReplyTo:        r.get("EMAIL_REPLY_TO"),
		EmailTestMode:       r.oneOf("EMAIL_TEST_MODE", "auto", "off", "on", "auto"),
		EmailTestTo:         r.get("EMAIL_TEST_TO"),
		EmailTestAllow:      r.list("EMAIL_TEST_ALLOW"),
		TrackOpens:          r.boolean("TRACK_OPENS", true),
		TrackClicks:         r.boolean("TRACK_CLICKS", true),
		TrackingMinAge:      r.duration("TRACKING_MIN_AGE", 2*time.Second),
		KeepTracking:        time.Duration(r.integer("TRACKING_RETENTION_DAYS", 90, 0, 36_500)) * hogsend.Day,
		PostHogAPIKey:       r.get("POSTHOG_API_KEY"),
		PostHogHost:         r.or("POSTHOG_HOST", "https://us.i.posthog.com"),
		PostHogPersonalKey:  r.get("POSTHOG_PERSONAL_API_KEY"),
		PostHogProject:      r.get("POSTHOG_PROJECT_ID"),
		PostHogMirror:       r.oneOf("POSTHOG_MIRROR", MirrorEmail, MirrorEmail, MirrorAll, MirrorOff),
		EnabledJourneys:     r.get("ENABLED_JOURNEYS"),
		EnabledBuckets:      r.get("ENABLED_BUCKETS"),
		DwellHorizon:        r.duration("DWELL_HORIZON", 0),
		DwellRate:           r.integer("DWELL_RATE", 50, 1, 1_000_000),
		LateEventHorizon:    r.duration("LATE_EVENT_HORIZON", 24*time.Hour),
		CampaignExpiry:      r.duration("CAMPAIGN_EXPIRY", 24*time.Hour),
		DefaultTimezone:     r.get("DEFAULT_TIMEZONE"),
		PauseLateAfter:      r.duration("PAUSE_LATE_AFTER", time.Hour),
		ResumeRatePerSecond: r.integer("RESUME_RATE_PER_SECOND", 50, 1, 1_000_000),
		KeepDecisions:       time.Duration(r.integer("DECISION_RETENTION_DAYS", 0, 0, 36_500)) * hogsend.Day,
		BuildID:             r.get("HOGSEND_BUILD_ID"),
		Deployment:          r.get("HOGSEND_DEPLOYMENT"),
		LogLevel:            r.level("LOG_LEVEL"),
		LogFormat:           r.oneOf("LOG_FORMAT", "", "json", "text"),
		SkipSchemaCheck:     r.boolean("SKIP_SCHEMA_CHECK", false),
		ShutdownTimeout:     r.duration("SHUTDOWN_TIMEOUT", 25*time.Second),
		Lookup:              r.lookup,
	}
	if needs.OwnProvider {
		c.EmailProvider = OwnProvider
	}
	if c.EmailProvider == "" { // E-36
		switch {
		case c.ResendAPIKey != "":
			c.EmailProvider = "resend"
		case c.SMTPURL != "":
			c.EmailProvider = "smtp"
		default:
			c.EmailProvider = "mailbox"
		}
	}
	c.explicitPublicURL = c.PublicURL != ""
	if c.PublicURL == "" {
		c.PublicURL = fmt.Sprintf("http://localhost:%d", c.Port)
	}
	c.check(r, needs)
	c.Warnings = r.unknown()
	if needs.Service && c.Environment == Production && len(c.TrustedProxies) == 0 {
		c.Warnings = append(c.Warnings, "TRUSTED_PROXIES is not set: behind a proxy every client counts as one address")
	}
	return c, r.err()
}

// checkMailboxes refuses what no mail could be sent with, and brings the rest into the
// form in which it is sent (E-81).
func (c *Config) checkMailboxes(r *reader) {
	for name, value := range map[string]*string{"EMAIL_FROM": &c.EmailFrom, "EMAIL_REPLY_TO": &c.EmailReplyTo} {
		if *value == "" {
			continue
		}
		mailbox, err := address.ParseMailbox(*value)
		if err != nil {
			r.problem(name, err.Error())
			continue
		}
		*value = mailbox.String()
	}
	if to, err := address.Parse(c.EmailTestTo); c.EmailTestTo != "" && err != nil {
		r.problem("EMAIL_TEST_TO", err.Error())
	} else if c.EmailTestTo != "" {
		c.EmailTestTo = to.String()
	}
	for _, one := range c.EmailTestAllow {
		_, known := address.Domain(strings.TrimPrefix(one, "@"))
		if _, err := address.Parse(one); err != nil && (!known || !strings.HasPrefix(one, "@")) {
			r.problem("EMAIL_TEST_ALLOW", "must be addresses and domains such as @example.com, by commas")
			break
		}
	}
	for i, name := range c.EmailFromDomains {
		domain, ok := address.Domain(name)
		if !ok {
			r.problem("EMAIL_FROM_DOMAINS", "must be domains such as mail.example.com, by commas")
			continue
		}
		c.EmailFromDomains[i] = domain
	}
}

// check reports what is missing or contradicts itself.
func (c *Config) check(r *reader, needs Needs) {
	if c.DatabaseURL == "" {
		r.problem("DATABASE_URL", "is required")
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") ||
		strings.Trim(u.Path, "/") != "" || strings.HasSuffix(c.PublicURL, "/") {
		r.problem("PUBLIC_URL", "must be an origin such as https://mail.example.com, without path or trailing slash")
	}
	if c.EmailProvider == "resend" && c.ResendAPIKey == "" {
		r.problem("RESEND_API_KEY", "is required by EMAIL_PROVIDER=resend")
	}
	if c.EmailProvider == "smtp" && c.SMTPURL == "" {
		r.problem("SMTP_URL", "is required by EMAIL_PROVIDER=smtp")
	}
	if _, err := smtp.ParseURL(c.SMTPURL); c.SMTPURL != "" && err != nil {
		r.problem("SMTP_URL", err.Error())
	}
	if (c.PostHogPersonalKey == "") != (c.PostHogProject == "") {
		r.problem("POSTHOG_PROJECT_ID", "goes with POSTHOG_PERSONAL_API_KEY: give both, or none")
	}
	if u, err := url.Parse(c.PostHogHost); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		r.problem("POSTHOG_HOST", "must be an address such as https://eu.i.posthog.com")
	}
	for _, secret := range append([]string{c.Secret}, c.PreviousSecrets...) {
		if secret != "" && len(secret) < minSecret {
			r.problem("HOGSEND_SECRET", "must have at least 32 characters, previous ones too")
			break
		}
	}
	if strings.ContainsAny(c.Deployment, ".: ") {
		r.problem("HOGSEND_DEPLOYMENT", "must be without dots, colons and blanks")
	}
	if _, err := hogsend.LoadZone(c.DefaultTimezone); c.DefaultTimezone != "" && err != nil { // S-2
		r.problem("DEFAULT_TIMEZONE", "must be the name of a time zone such as Europe/Berlin")
	}
	c.checkMailboxes(r)
	for _, proxy := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(proxy); err != nil {
			if _, err := netip.ParseAddr(proxy); err != nil {
				r.problem("TRUSTED_PROXIES", "must be addresses and networks such as 10.0.0.0/8, by commas")
				break
			}
		}
	}
	if _, err := webhook.NewVerifier(c.ResendWebhook); err != nil {
		r.problem("RESEND_WEBHOOK_SECRET", "must be whsec_ followed by base64, several by commas")
	}
	if c.EmailFrom == "" && c.Environment != Production {
		c.EmailFrom = "Hogsend <hello@example.com>"
	}
	if !needs.Service || c.Environment != Production {
		if needs.Service && c.Secret == "" {
			r.problem("HOGSEND_SECRET", "is required")
		}
		return
	}
	if c.Secret == "" {
		r.problem("HOGSEND_SECRET", "is required in production")
	}
	if needs.Temporal && r.get("TEMPORAL_ADDRESS") == "" {
		r.problem("TEMPORAL_ADDRESS", "is required in production")
	}
	if !c.explicitPublicURL || !strings.HasPrefix(c.PublicURL, "https://") {
		r.problem("PUBLIC_URL", "must be given with https in production")
	}
	if c.EmailFrom == "" && c.EmailProvider != "mailbox" {
		r.problem("EMAIL_FROM", "is required in production")
	}
	if c.AdminAPIKey != "" && len(c.AdminAPIKey) < minSecret {
		r.problem("ADMIN_API_KEY", "must have at least 32 characters in production")
	}
}

// Secrets are those that a variable of an author's own names, by commas: all of them are
// valid. The environment is that which the process was started with.
func (c Config) Secrets(name string) []string {
	if c.Lookup == nil {
		return nil
	}
	value, _ := c.Lookup(name)
	return split(value)
}

const minSecret = 32

// ErrInvalid is wrapped by every error of Load.
var ErrInvalid = errors.New("invalid configuration")

// known lists every variable of this product, for the warning about misspelt ones.
func (r *reader) unknown() []string {
	var warnings []string
	for name := range r.values {
		if strings.HasPrefix(name, "HOGSEND_") && !r.asked[name] && !slices.Contains(clientVariables, name) {
			warnings = append(warnings, fmt.Sprintf("unknown variable %s, did you mean %s?", name, r.nearest(name)))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// clientVariables are read by the commands that talk to a running server, and by tests.
var clientVariables = []string{"HOGSEND_API_URL", "HOGSEND_API_KEY", "HOGSEND_INSTALL_POSTGRES", "HOGSEND_INSTALL_BROWSER", "HOGSEND_TEST_DATABASE_URL", "HOGSEND_TEST_CRASH", "HOGSEND_TEST_SEED"}
