package steps_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide/steps"
)

func TestTheNextStepOfACampaign(t *testing.T) { // E-69, E-73
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		campaign steps.Campaign
		want     steps.CampaignStep
	}{
		"before its time":            {steps.Campaign{Status: contract.CampaignScheduled, DueAt: now.Add(time.Microsecond)}, steps.CampaignWaits},
		"at its time":                {steps.Campaign{Status: contract.CampaignScheduled, DueAt: now}, steps.CampaignStarts},
		"late":                       {steps.Campaign{Status: contract.CampaignScheduled, DueAt: now.Add(-24 * time.Hour)}, steps.CampaignStarts},
		"too late":                   {steps.Campaign{Status: contract.CampaignScheduled, DueAt: now.Add(-24*time.Hour - time.Microsecond)}, steps.CampaignExpires},
		"too late, as configured":    {steps.Campaign{Status: contract.CampaignQueued, DueAt: now.Add(-2 * time.Hour), Expiry: time.Hour}, steps.CampaignExpires},
		"paused and too late":        {steps.Campaign{Status: contract.CampaignQueued, Paused: true, DueAt: now.Add(-25 * time.Hour)}, steps.CampaignExpires},
		"paused before its time":     {steps.Campaign{Status: contract.CampaignScheduled, Paused: true, DueAt: now.Add(time.Hour)}, steps.CampaignHeld},
		"paused":                     {steps.Campaign{Status: contract.CampaignSending, Paused: true, Started: true, DueAt: now}, steps.CampaignHeld},
		"started long ago":           {steps.Campaign{Status: contract.CampaignSending, Started: true, DueAt: now.Add(-99 * time.Hour)}, steps.CampaignSends},
		"started, nobody mailed yet": {steps.Campaign{Status: contract.CampaignQueued, Started: true, DueAt: now}, steps.CampaignSends},
		"canceled":                   {steps.Campaign{Status: contract.CampaignCanceled, Started: true, DueAt: now}, steps.CampaignSpares},
		"canceled, paused, too late": {steps.Campaign{Status: contract.CampaignCanceled, Paused: true, DueAt: now.Add(-99 * time.Hour)}, steps.CampaignSpares},
		"canceled and counted":       {steps.Campaign{Status: contract.CampaignCanceled, Started: true, Over: true, DueAt: now}, steps.CampaignOver},
		"sent":                       {steps.Campaign{Status: contract.CampaignSent, Started: true, Over: true, DueAt: now}, steps.CampaignOver},
		"expired":                    {steps.Campaign{Status: contract.CampaignExpired, DueAt: now}, steps.CampaignOver},
	} {
		tt.campaign.Now = now
		require.Equal(t, tt.want, tt.campaign.Next(), name)
	}
	require.Equal(t, []time.Duration{time.Second, 8 * time.Second, time.Minute, time.Minute}, []time.Duration{
		steps.RecipientPause(0), steps.RecipientPause(3), steps.RecipientPause(6), steps.RecipientPause(1000),
	})
}
