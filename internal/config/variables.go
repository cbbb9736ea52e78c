package config

// Variable is one variable of the environment, for people who look for it.
type Variable struct {
	Name string
	// Default is what holds without it; "" for nothing.
	Default string
	Meaning string
}

// Group is what belongs together.
type Group struct {
	Title     string
	Variables []Variable
}

// Reference lists every variable that Load reads, and those that commands and tests read.
// The page docs/reference/environment.md is made of it.
func Reference() []Group {
	return []Group{
		{"What every process needs", []Variable{
			{"HOGSEND_ENV", "production", "production, development or test; production requires what a public installation cannot do without"},
			{"DATABASE_URL", "", "Postgres, postgres://user:password@host/database; required"},
			{"DB_MAX_CONNS", "20", "connections of the one pool of a process, 2 to 1000"},
			{"HOGSEND_SECRET", "", "at least 32 characters; what is encrypted and signed is under keys derived from it. Required, the same everywhere"},
			{"HOGSEND_SECRET_PREVIOUS", "", "earlier secrets, by commas; they still decrypt and verify, so that a new one breaks no link"},
			{"PUBLIC_URL", "http://localhost:PORT", "origin of the links in mails, without path; https in production"},
		}},
		{"Temporal", []Variable{
			{"TEMPORAL_ADDRESS", "localhost:7233", "host and port of the frontend; required in production by serve and worker"},
			{"TEMPORAL_NAMESPACE", "default", "namespace, which must have the search attributes (doctor says how)"},
			{"TEMPORAL_TASK_QUEUE", "hogsend", "task queue of workflows and activities"},
			{"TEMPORAL_API_KEY", "", "for clusters that ask for one"},
			{"TEMPORAL_TLS, TEMPORAL_TLS_…", "", "certificates, as Temporal's own tools read them"},
			{"HOGSEND_DEPLOYMENT", "", "name of a Temporal worker deployment, without dots, colons and blanks; then journeys with InFlight Pinned stay on their build"},
			{"HOGSEND_BUILD_ID", "the commit, else a hash of the program", "what tells one build from another"},
		}},
		{"HTTP", []Variable{
			{"HOST", "127.0.0.1", "address to listen on; 0.0.0.0 for all"},
			{"PORT", "3002", "port to listen on"},
			{"ADMIN_API_KEY", "", "a full-admin key named bootstrap; at least 32 characters in production"},
			{"TRUSTED_ORIGINS", "", "origins of browsers that may send credentials, by commas"},
			{"TRUSTED_PROXIES", "", "addresses or CIDRs whose X-Forwarded-For is believed, by commas"},
			{"JUNK_IDS", "", "what is no id of a person, by commas; `off` for nothing, and `default` in a list stands for undefined, null, NaN and the like"},
			{"RATE_LIMIT_INGEST", "6000", "requests a minute of one key"},
			{"RATE_LIMIT_ADMIN", "600", "requests a minute of one key"},
			{"METRICS_ADDR", "", "host:port of a private listener for /metrics"},
			{"ALLOW_PRIVATE_DESTINATIONS", "false", "lets webhooks and alerts go to loopback, private and other addresses that are not public"},
			{"OPENAPI_ENABLED", "false in production, else true", "serves /openapi.json and /docs"},
			{"MCP_ENABLED", "false", "answers assistants by MCP at /mcp, with a key of scope read"},
		}},
		{"Mails", []Variable{
			{"EMAIL_PROVIDER", "resend with RESEND_API_KEY, smtp with SMTP_URL, else mailbox", "resend, smtp or mailbox; the mailbox keeps mails, which then never leave"},
			{"EMAIL_FROM", "", "sender, such as Acme <hello@example.com>; required in production unless mails stay in the mailbox"},
			{"EMAIL_FROM_DOMAINS", "", "domains that journeys may send from besides, by commas"},
			{"EMAIL_REPLY_TO", "", "address for answers"},
			{"EMAIL_TEST_MODE", "auto", "on sends all mails to EMAIL_TEST_TO, off none; auto is on while Resend says that the domain of EMAIL_FROM is not verified"},
			{"EMAIL_TEST_TO", "", "address that mails go to in test mode; without one they are skipped"},
			{"EMAIL_TEST_ALLOW", "", "addresses, and domains such as @example.com, that get their mails in test mode, by commas"},
			{"TRACK_OPENS", "true", "false puts no pixel into any mail"},
			{"TRACK_CLICKS", "true", "false leaves the links of all mails as they are"},
			{"TRACKING_MIN_AGE", "2s", "opens and clicks so soon after the mail was handed over are those of machines"},
			{"TRACKING_RETENTION_DAYS", "90", "days that addresses and user agents of opens and clicks are kept; 0 is for ever"},
			{"EMAIL_RATE_PER_SECOND", "2", "calls of the provider a second, of one process"},
			{"RESEND_API_KEY", "", "key of Resend"},
			{"RESEND_BASE_URL", "Resend's", "address of its API, for tests"},
			{"RESEND_WEBHOOK_SECRET", "", "whsec_…, several by commas; without one reports of Resend are refused"},
			{"SMTP_URL", "", "smtp:// or smtps:// with user, password, host and port"},
		}},
		{"Journeys and buckets", []Variable{
			{"ENABLED_JOURNEYS", "all", "ids of the journeys that run, by commas; * is all"},
			{"ENABLED_BUCKETS", "all", "ids of the buckets that run, by commas; * is all"},
			{"DEFAULT_TIMEZONE", "the registry's, else UTC", "time zone of contacts of whom nothing tells one, such as Europe/Berlin"},
			{"LATE_EVENT_HORIZON", "24h", "events that happened longer before they were received enroll nobody"},
			{"CAMPAIGN_EXPIRY", "24h", "a campaign that could not start for that long after its time mails nobody"},
			{"DWELL_HORIZON", "", "hand dwell timers to Temporal only so long before they are due; without it at once"},
			{"DWELL_RATE", "50", "overdue dwell reactions a second of one bucket"},
			{"PAUSE_LATE_AFTER", "1h", "sends held by a pause for longer are late: skip_late leaves them out"},
			{"RESUME_RATE_PER_SECOND", "50", "held effects that go on a second after a pause"},
			{"DECISION_RETENTION_DAYS", "0, for ever", "days that decisions are kept which enrolled nobody"},
		}},
		{"PostHog", []Variable{
			{"POSTHOG_API_KEY", "", "key of the project; without it PostHog is told nothing"},
			{"POSTHOG_HOST", "https://us.i.posthog.com", "address of PostHog"},
			{"POSTHOG_PERSONAL_API_KEY", "", "a personal key that may read persons; with it the zone of somebody is looked up of whom nothing here tells one"},
			{"POSTHOG_PROJECT_ID", "", "the id of the project for that"},
			{"POSTHOG_MIRROR", "email", "which events PostHog gets besides captures: email, all or off"},
		}},
		{"The process", []Variable{
			{"OTEL_TRACES_EXPORTER", "none", "otlp exports traces by OpenTelemetry's protocol; an OTEL_EXPORTER_OTLP_ENDPOINT asks for it too, none refuses it"},
			{"OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_…", "", "where to, by which protocol (http/protobuf or grpc), with which headers, sampled how: as OpenTelemetry defines them"},
			{"LOG_LEVEL", "info", "error, warn, info or debug"},
			{"LOG_FORMAT", "json", "json or text; unset, text on a terminal"},
			{"SHUTDOWN_TIMEOUT", "25s", "how long what is under way may take after SIGTERM"},
			{"SKIP_SCHEMA_CHECK", "false", "start although the database is behind this build"},
		}},
		{"Commands", []Variable{
			{"HOGSEND_API_URL", "the dev that runs here, else http://127.0.0.1:3002", "server that commands talk to"},
			{"HOGSEND_API_KEY", "that of the dev that runs here", "API key of commands"},
			{"HOGSEND_INSTALL_POSTGRES", "false", "let dev and tests ask the package manager for Postgres, as root"},
		}},
	}
}
