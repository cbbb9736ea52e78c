package config_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/config"
)

const secret = "0123456789abcdef0123456789abcdef"

var service = config.Needs{Temporal: true, Service: true}

func TestProductionNamesEverythingMissingAtOnce(t *testing.T) {
	t.Parallel() // O-38
	_, err := config.Load([]string{"PORT=abc", "RESEND_API_KEY=re_x", "ADMIN_API_KEY=short"}, service)
	require.ErrorIs(t, err, config.ErrInvalid)
	require.Equal(t, `invalid configuration:
  ADMIN_API_KEY: must have at least 32 characters in production
  DATABASE_URL: is required
  EMAIL_FROM: is required in production
  HOGSEND_SECRET: is required in production
  PORT: must be a whole number from 0 to 65535
  PUBLIC_URL: must be given with https in production
  TEMPORAL_ADDRESS: is required in production`, err.Error())
}

// E-36: an author's provider wins, and needs no settings of those that are named.
func TestAnAuthorsProviderWins(t *testing.T) {
	t.Parallel()
	needs := config.Needs{OwnProvider: true}
	for _, environ := range [][]string{{}, {"EMAIL_PROVIDER=resend"}, {"EMAIL_PROVIDER=smtp"}, {"RESEND_API_KEY=re_x"}, {"EMAIL_PROVIDER=mailbox"}} {
		c, err := config.Load(append([]string{"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "HOGSEND_SECRET=" + secret}, environ...), needs)
		require.NoError(t, err)
		require.Equal(t, config.OwnProvider, c.EmailProvider)
	}
}

func TestAnEmptyValueIsUnset(t *testing.T) {
	t.Parallel() // O-38
	c, err := config.Load([]string{"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "HOGSEND_SECRET=" + secret, "PORT=", "LATE_EVENT_HORIZON="}, service)
	require.NoError(t, err)
	require.Equal(t, 3002, c.Port)
	require.Equal(t, "http://localhost:3002", c.PublicURL)
	require.Equal(t, 24*time.Hour, c.LateEventHorizon)
	require.Equal(t, "mailbox", c.EmailProvider) // E-36
	require.Equal(t, slog.LevelInfo, c.LogLevel)
	require.Equal(t, "https://us.i.posthog.com", c.PostHogHost)
	require.Equal(t, config.MirrorEmail, c.PostHogMirror)
}

func TestValuesAreTyped(t *testing.T) {
	t.Parallel()
	base := []string{"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "HOGSEND_SECRET=" + secret}
	for _, tt := range []struct {
		set, problem string
	}{
		{"LATE_EVENT_HORIZON=7d", ""},
		{"LATE_EVENT_HORIZON=0s", "LATE_EVENT_HORIZON"},
		{"LATE_EVENT_HORIZON=soon", "LATE_EVENT_HORIZON"},
		{"DECISION_RETENTION_DAYS=90", ""}, // J-45
		{"DECISION_RETENTION_DAYS=0", ""},
		{"DECISION_RETENTION_DAYS=-1", "DECISION_RETENTION_DAYS"},
		{"DECISION_RETENTION_DAYS=90d", "DECISION_RETENTION_DAYS"},
		{"DEFAULT_TIMEZONE=Europe/Berlin", ""}, // S-2
		{"DEFAULT_TIMEZONE=Local", "DEFAULT_TIMEZONE"},
		{"DEFAULT_TIMEZONE=europe/berlin", "DEFAULT_TIMEZONE"},
		{"HOGSEND_DEPLOYMENT=shop", ""},
		{"HOGSEND_DEPLOYMENT=shop.eu", "HOGSEND_DEPLOYMENT"},
		{"SKIP_SCHEMA_CHECK=true", ""},
		{"SKIP_SCHEMA_CHECK=yes", "SKIP_SCHEMA_CHECK"},
		// E-81
		{"EMAIL_FROM=not an address", "EMAIL_FROM"},
		{"EMAIL_FROM=a@x.example, b@x.example", "EMAIL_FROM"},
		{"EMAIL_FROM=Acme <a@x.example", "EMAIL_FROM"},
		{"EMAIL_FROM=Acme\x1b <a@x.example>", "EMAIL_FROM"},
		{"EMAIL_FROM=Acme, Inc. <hello@münchen.example>", ""},
		{"EMAIL_REPLY_TO=nobody", "EMAIL_REPLY_TO"},
		{"EMAIL_REPLY_TO=Help <help@x.example>", ""},
		{"EMAIL_FROM_DOMAINS=mail.example.com, münchen.example", ""},
		{"EMAIL_FROM_DOMAINS=mail@example.com", "EMAIL_FROM_DOMAINS"},
		{"EMAIL_PROVIDER=pigeon", "EMAIL_PROVIDER"},
		{"EMAIL_PROVIDER=resend", "RESEND_API_KEY"},
		{"EMAIL_PROVIDER=smtp", "SMTP_URL"}, // E-36
		{"SMTP_URL=smtp://u:p@mail.example.com:587", ""},
		{"SMTP_URL=mail.example.com:587", "SMTP_URL"},
		{"SMTP_URL=https://mail.example.com", "SMTP_URL"},
		{"EMAIL_TEST_MODE=on", ""}, // E-41
		{"EMAIL_TEST_MODE=maybe", "EMAIL_TEST_MODE"},
		{"EMAIL_TEST_TO=me@x.example", ""},
		{"EMAIL_TEST_TO=nobody", "EMAIL_TEST_TO"},
		{"EMAIL_TEST_ALLOW=a@x.example, @x.example", ""},
		{"EMAIL_TEST_ALLOW=x.example", "EMAIL_TEST_ALLOW"},
		{"OPENAPI_ENABLED=true", ""},
		{"OPENAPI_ENABLED=yes", "OPENAPI_ENABLED"},
		{"TRACK_OPENS=false", ""}, // E-46
		{"TRACK_CLICKS=no", "TRACK_CLICKS"},
		{"TRACKING_MIN_AGE=500ms", ""}, // E-50
		{"TRACKING_MIN_AGE=2", "TRACKING_MIN_AGE"},
		{"TRACKING_RETENTION_DAYS=0", ""}, // O-34
		{"EMAIL_RATE_PER_SECOND=NaN", "EMAIL_RATE_PER_SECOND"},
		{"PUBLIC_URL=http://x.example/", "PUBLIC_URL"},
		{"PUBLIC_URL=http://x.example/mail", "PUBLIC_URL"},
		{"PUBLIC_URL=x.example", "PUBLIC_URL"},
		{"PUBLIC_URL=http://x.example:81", ""},
		{"POSTHOG_HOST=eu.i.posthog.com", "POSTHOG_HOST"},
		{"POSTHOG_HOST=https://eu.i.posthog.com", ""},
		{"POSTHOG_MIRROR=some", "POSTHOG_MIRROR"}, // P-11
		{"POSTHOG_MIRROR=off", ""},
		{"HOGSEND_SECRET=short", "HOGSEND_SECRET"},
		{"HOGSEND_SECRET_PREVIOUS=short," + secret, "HOGSEND_SECRET"},
		{"LOG_LEVEL=loud", "LOG_LEVEL"},
	} {
		_, err := config.Load(append(base[:len(base):len(base)], tt.set), service)
		if tt.problem == "" {
			require.NoError(t, err, tt.set)
			continue
		}
		require.ErrorContains(t, err, tt.problem+": ", tt.set)
		require.NotContains(t, err.Error(), "short")
	}
}

// E-81: mails go out with the mailbox in its right form.
func TestMailboxesAreBroughtIntoTheirForm(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{
		"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "HOGSEND_SECRET=" + secret,
		"EMAIL_FROM=Acme, Inc. <hello@MÜNCHEN.example>", "EMAIL_REPLY_TO=\ufeffhelp@x.example", "EMAIL_FROM_DOMAINS=Mail.MÜNCHEN.example",
	}, service)
	require.NoError(t, err)
	require.Equal(t, `"Acme, Inc." <hello@xn--mnchen-3ya.example>`, c.EmailFrom)
	require.Equal(t, "help@x.example", c.EmailReplyTo)
	require.Equal(t, []string{"mail.xn--mnchen-3ya.example"}, c.EmailFromDomains)
}

func TestAMisspeltVariableIsAWarning(t *testing.T) {
	t.Parallel() // O-38
	c, err := config.Load([]string{"HOGSEND_ENV=test", "DATABASE_URL=postgres://x", "HOGSEND_SECRET=" + secret, "HOGSEND_SECRT=x", "HOGSEND_API_KEY=k"}, service)
	require.NoError(t, err)
	require.Equal(t, []string{"unknown variable HOGSEND_SECRT, did you mean HOGSEND_SECRET?"}, c.Warnings)
}
