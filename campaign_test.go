package hogsend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

func TestCampaignsThatCouldNeverBeSentAreRefused(t *testing.T) { // E-3, E-69
	t.Parallel()
	r := hogsend.Registry{
		Lists:     []hogsend.List{{ID: "newsletter", Name: "News"}},
		Templates: []hogsend.Template{{Key: "june-news", Subject: "June", HTML: "<p>"}},
		Campaigns: []hogsend.Campaign{{ID: "june", List: "newsletter", Template: "june-news"}},
	}
	require.NoError(t, r.Validate())
	r.Campaigns = []hogsend.Campaign{
		{ID: "June", List: "newsletter", Template: "june-news"},
		{ID: "a", Template: "june-new", List: "newsletters"},
		{ID: "b", Template: "june-news"},
		{ID: "b", Template: "june-news", Bucket: "vip", Props: func() {}, Sample: -1},
	}
	require.EqualError(t, r.Validate(), `campaign "June": ID: must be 1 to 63 lower-case letters, digits or -
campaign "a": List: there is no "newsletters", did you mean "newsletter"?
campaign "a": Template: there is no "june-new", did you mean "june-news"?
campaign "b": Bucket: there is no "vip"
campaign "b": ID: is defined twice
campaign "b": List: List or Bucket is required, and not both
campaign "b": Props: cannot be encoded as JSON: json: unsupported type: func()
campaign "b": RatePerMinute, Sample: must not be negative`)
}
