package resend

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/resend/resend-go/v2"
)

// The domains of a page, and the pages that are looked at.
const (
	domainsPage = 100
	maxPages    = 20
)

// Verified reports whether Resend sends from a domain: one that it does not list, it does not
// know. A key that may only send is an error (E-42).
func (p *Provider) Verified(ctx context.Context, domain string) (bool, error) {
	limit, options := domainsPage, &sdk.ListOptions{}
	options.Limit = &limit
	for range maxPages {
		list, err := p.client.Domains.ListWithOptions(ctx, options)
		if err != nil {
			return false, fmt.Errorf("list domains: %w", err)
		}
		for _, d := range list.Data {
			if strings.EqualFold(d.Name, domain) {
				return d.Status == "verified", nil
			}
		}
		if !list.HasMore || len(list.Data) == 0 {
			return false, nil
		}
		options.After = &list.Data[len(list.Data)-1].Id
	}
	return false, nil
}
