package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/decide/steps"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/tracking"
)

// links are the addresses at which the recipient of a mail decides about the next ones.
type links struct{ unsubscribe, preferences string }

// linksOf makes the links of one mail (E-51, E-54). They name the preference record of
// the address, which is made for it: with the mail at the latest there is one (E-29).
func (a *Activities) linksOf(ctx context.Context, d draft) (l links, err error) {
	if a.Tokens == nil || address.Key(d.to) == "" {
		return l, nil
	}
	record, err := a.Store.PreferenceRecord(ctx, d.to, d.ownerID())
	if err != nil {
		return l, err
	}
	token := email.Token{Recipient: record.ID.String(), Action: email.Unsubscribe, Send: d.sendID.String()}
	if slices.ContainsFunc(a.Registry.Lists(), func(list hogsend.List) bool { return list.ID == d.category }) {
		token.Category = d.category
	}
	signed, err := a.Tokens.Sign(token)
	if err != nil {
		return l, fmt.Errorf("sign unsubscribe link: %w", err)
	}
	l.unsubscribe = email.UnsubscribeURL(a.Config.PublicURL, signed)
	token.Action, token.Category, token.Expires = email.Manage, "", time.Now().Add(email.ActionLifetime).Unix()
	if signed, err = a.Tokens.Sign(token); err != nil {
		return l, fmt.Errorf("sign preferences link: %w", err)
	}
	l.preferences = email.PreferencesURL(a.Config.PublicURL, signed)
	return l, nil
}

// tracked says what is tracked of a mail: by its own choice or its template's, and of that
// what the environment lets (E-46, E-47).
func (a *Activities) tracked(sendID uuid.UUID, own, template hogsend.Tracking) tracking.Mail {
	opens, clicks := steps.Tracks(own, template, a.Registry.Defaults().Track)
	return tracking.Mail{SendID: sendID, PublicURL: a.Config.PublicURL, Opens: opens && a.Config.TrackOpens, Clicks: clicks && a.Config.TrackClicks}
}
