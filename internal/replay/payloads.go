package replay

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/protobuf/proto"
)

type payload = commonpb.Payload

// eachPayload replaces every payload of a message but the search attributes', which
// are ids (invariant 9).
func eachPayload(message proto.Message, replace func(*payload) (*payload, error)) error {
	err := proxy.VisitPayloads(context.Background(), message, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, list []*payload) ([]*payload, error) {
			replaced := make([]*payload, len(list))
			for i, p := range list {
				var err error
				if replaced[i], err = replace(p); err != nil {
					return nil, err
				}
			}
			return replaced, nil
		},
	})
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	return nil
}
