package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/registry"
)

func defined() hogsend.Registry {
	return hogsend.Registry{
		Journeys: []hogsend.Journey{
			{ID: "welcome", Aliases: []string{"hello", "greeting"}, Name: "Welcome", Trigger: hogsend.On("signup"), Category: "news", MinSendGap: time.Hour, ExitOn: []hogsend.Exit{{Event: "paid"}}},
			{ID: "billing", Name: "Billing", Trigger: hogsend.On("signup")},
		},
		Buckets: []hogsend.Bucket{{
			ID: "vip", Aliases: []string{"big"}, Name: "VIP",
			Reactions: []hogsend.Reaction{{Kind: hogsend.ReactionEnter, ExitOn: []hogsend.Exit{{Event: "refunded"}}}},
		}},
		Defaults: hogsend.Defaults{Timezone: "Europe/Berlin"},
	}
}

func ids(journeys []*hogsend.Journey) []string {
	found := []string{}
	for _, j := range journeys {
		found = append(found, j.ID)
	}
	return found
}

func TestAJourneyIsFoundByItsFormerIDs(t *testing.T) {
	t.Parallel() // J-13
	x := registry.New(defined())
	for _, id := range []string{"welcome", "hello", "greeting"} {
		require.Equal(t, "welcome", x.Journey(id).ID)
		require.Equal(t, "welcome", x.ID(id))
		require.Equal(t, []string{"greeting", "hello", "welcome"}, x.IDs(id), "sorted, as locks are taken")
		require.Equal(t, []any{"Welcome", "news", time.Hour}, []any{x.Name(id), x.Category(id), x.MinSendGap(id)})
	}
	former, present := x.Aliases()
	require.Equal(t, []string{"hello", "greeting"}, former)
	require.Equal(t, []string{"welcome", "welcome"}, present)
	require.Equal(t, []string{"billing", "bucket-vip-on-enter", "greeting", "hello", "welcome"}, x.AllIDs())
	require.Equal(t, "vip", x.Bucket("big").ID)
}

func TestWhatIsNotDefinedHasOnlyItsID(t *testing.T) {
	t.Parallel()
	x := registry.New(defined())
	require.Nil(t, x.Journey("gone"))
	require.Nil(t, x.Bucket("gone"))
	require.Equal(t, "gone", x.ID("gone"))
	require.Equal(t, []string{"gone"}, x.IDs("gone"))
	require.Equal(t, []any{"", "", time.Duration(0)}, []any{x.Name("gone"), x.Category("gone"), x.MinSendGap("gone")})
	require.False(t, registry.New(hogsend.Registry{}).Exits())
}

func TestJourneysAreTriggeredInTheOrderOfTheirIDs(t *testing.T) {
	t.Parallel() // I-43
	x := registry.New(defined())
	require.Equal(t, []string{"billing", "welcome"}, ids(x.Triggered("signup")))
	require.Equal(t, []string{"bucket-vip-on-enter"}, ids(x.Triggered("bucket:entered:vip")))
	require.Equal(t, []string{"bucket-vip-on-enter", "billing", "welcome"}, ids(x.Triggered("bucket:entered:vip", "signup")))
	require.Empty(t, x.Triggered("login"))
	for event, concerns := range map[string]bool{"signup": true, "paid": true, "refunded": true, "login": false} {
		require.Equal(t, concerns, x.Concerns(event), event)
	}
}

func TestAJourneyThatIsLeftOutStillEndsWhatItEnrolled(t *testing.T) {
	t.Parallel() // J-11, J-12
	all := registry.New(defined())
	x := all.Enrolling(defined().Journeys[1:])
	require.Equal(t, []string{"billing"}, ids(x.Triggered("signup")))
	require.True(t, x.Concerns("paid"))
	require.Equal(t, "Welcome", x.Name("hello"))
	require.Equal(t, []string{"bucket-vip-on-enter"}, ids(x.Triggered("bucket:entered:vip")), "reactions are switched with their buckets")
	require.Equal(t, []string{"billing", "welcome"}, ids(all.Triggered("signup")), "the index it was made from stays as it is")
	require.Empty(t, all.Enrolling(nil).Triggered("signup"))
}

func TestReactionsInForceTakeThePlaceOfThoseCompiledIn(t *testing.T) {
	t.Parallel() // B-4
	x := registry.New(defined()).Enrolling(nil).WithReactions([]*hogsend.Journey{{ID: "bucket-old-on-leave", Trigger: hogsend.On("bucket:left:old"), ExitOn: []hogsend.Exit{{Event: "back"}}}})
	require.Nil(t, x.Journey("bucket-vip-on-enter"))
	require.Empty(t, x.Triggered("bucket:entered:vip"))
	require.False(t, x.Concerns("refunded"))
	require.Equal(t, []string{"bucket-old-on-leave"}, ids(x.Triggered("bucket:left:old")))
	require.True(t, x.Concerns("back"))
	require.Empty(t, x.Triggered("signup"), "what may enroll is as it was")
}

func TestTheEnvironmentsTimeZoneComesBeforeTheAuthors(t *testing.T) {
	t.Parallel() // S-1, E-27
	x := registry.New(defined())
	require.Equal(t, "Europe/Berlin", x.Defaults().Timezone)
	require.Equal(t, "Europe/Berlin", x.WithTimezone("").Defaults().Timezone)
	require.Equal(t, "Asia/Tokyo", x.WithTimezone("Asia/Tokyo").Defaults().Timezone)
	require.Equal(t, 7*hogsend.Day, x.Defaults().MaxDefer)
	r := defined()
	r.Defaults.MaxDefer = time.Hour
	require.Equal(t, time.Hour, registry.New(r).Defaults().MaxDefer)
}
