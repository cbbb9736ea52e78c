// Package activities holds every side effect a workflow may ask for: one struct
// with its dependencies, a file per concern. Each activity may run any number of
// times with the effect of once: it is keyed by the enrollment and the step.
package activities

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/email/pace"
	"github.com/hogsend/hogsend/internal/email/trial"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/store"
)

// Activities are the side effects of journeys.
type Activities struct {
	Store  *store.Store
	Ingest *ingest.Ingester
	// Clock is the one of the installation, if it runs in this process.
	Clock    *clock.Clock
	Renderer *email.Renderer
	Provider email.Provider
	// Tokens signs the links of unsubscribing; nil leaves them out of mails.
	Tokens *email.Signer
	// Limiter bounds provider calls; nil for none.
	Limiter *pace.Limiter
	// Courier tells people what fired; only workers need it.
	Courier Courier
	// TestMode says where mails go while they are tried out; nil lets them go.
	TestMode *trial.Mode
	// Executions looks at workflows; only the reconciler needs it.
	Executions Executions
	// Registry says what is defined.
	Registry *registry.Index
	Config   Config
	// People is asked for zones that nothing here tells; nil for nobody (P-13).
	People People
	// Measure is told of sends and of journeys that begin.
	Measure Measure
	Logger  *slog.Logger
}

// Measure is told how journeys and sends go, from several goroutines at once; what is nil is
// not told (O-43).
type Measure struct {
	// Began is told how long an enrollment waited for its workflow's first step.
	Began func(time.Duration)
	// Gated is told what the gate decided of a send; reason is "" for one that it lets go.
	Gated func(action steps.GateAction, reason contract.SendReason)
	// Accepted is told how long a mail took from its claim to the provider's yes.
	Accepted func(time.Duration)
}

func (m Measure) gated(out steps.GateOutcome) {
	if m.Gated != nil {
		m.Gated(out.Action, out.Refusal.Reason)
	}
}

// Config is what activities need of the environment.
type Config struct {
	// From is the default sender, FromDomains are allowed besides its domain (E-10).
	From        string
	FromDomains []string
	// ReplyTo is the default reply address; "" for none.
	ReplyTo   string
	PublicURL string
	BuildID   string
	// TrackOpens and TrackClicks let mails be tracked as their definitions say (E-46).
	TrackOpens, TrackClicks bool
	// LateHorizon is the late-event horizon; 0 means 24 h (I-40).
	LateHorizon time.Duration
	// CampaignExpiry is how late a campaign may start at most; 0 means 24 h (E-73).
	CampaignExpiry time.Duration
	// CampaignConcurrency is how many recipients of a campaign are mailed at once; 0 means 8.
	CampaignConcurrency int
	// NoBatches lets mails of campaigns go one by one where the provider would take several.
	NoBatches bool
	// JunkIDs are no ids of people; the zero value stands for the usual ones (I-57).
	JunkIDs naming.JunkIDs
	// PostHog says that there is a PostHog to tell: without it captures only log (J-137).
	PostHog bool
}

func (c Config) lateHorizon() time.Duration {
	if c.LateHorizon == 0 {
		return 24 * time.Hour
	}
	return c.LateHorizon
}

// All are the activities by the names they are registered under.
func (a *Activities) All() map[string]any {
	return map[string]any{
		contract.ClaimEnrollmentName:     a.ClaimEnrollment,
		contract.FinishEnrollmentName:    a.FinishEnrollment,
		contract.BeginWaitName:           a.BeginWait,
		contract.EndWaitName:             a.EndWait,
		contract.ReadContactName:         a.ReadContact,
		contract.IsSubscribedName:        a.IsSubscribed,
		contract.MatchesName:             a.Matches,
		contract.SendName:                a.Send,
		contract.SendDirectName:          a.SendDirect,
		contract.ImportName:              a.Import,
		contract.CampaignName:            a.Campaign,
		contract.TriggerName:             a.Trigger,
		contract.CheckpointName:          a.Checkpoint,
		contract.KeepOnceName:            a.KeepOnce,
		contract.ReadOnceName:            a.ReadOnce,
		contract.ExitName:                a.Exit,
		contract.BeginCallName:           a.BeginCall,
		contract.EndCallName:             a.EndCall,
		contract.DwellName:               a.Dwell,
		contract.ClockName:               a.RunClock,
		contract.AbandonPausedEffectName: a.AbandonPausedEffect,
		contract.ReconcileName:           a.Reconcile,
		contract.InspectName:             a.Inspect,
		contract.EvaluateAlertsName:      a.EvaluateAlerts,
		contract.DeliverAlertName:        a.DeliverAlert,
		contract.FailAlertName:           a.FailAlert,
		contract.CaptureName:             a.Capture,
		contract.IdentifyName:            a.Identify,
		contract.FindInstantName:         a.FindInstant,
		contract.ReadTimezoneName:        a.ReadTimezone,
		contract.PastEventsName:          a.PastEvents,
		contract.PastEntriesName:         a.PastEntries,
		contract.PastMailsName:           a.PastMails,
		contract.ChooseVariantName:       a.ChooseVariant,
		contract.ThrottleName:            a.Throttle,
		contract.CollectDigestName:       a.CollectDigest,
	}
}

// Courier delivers firings of alert rules, and notes what became of them.
type Courier interface {
	Deliver(ctx context.Context, firingID uuid.UUID) error
	Settle(ctx context.Context, firingID uuid.UUID, failure error) error
}

// Executions looks at workflows in Temporal.
type Executions interface {
	Look(ctx context.Context, workflowID string) (Execution, error)
}

// Execution is a journey's workflow as Temporal knows it.
type Execution struct {
	Open bool
	// Status is how it closed, in Temporal's words in lower case; "unknown" if
	// Temporal does not know it.
	Status string
	// Blocked is the error of a workflow task that is tried again and again; "" if
	// there is none (J-95).
	Blocked string
}
