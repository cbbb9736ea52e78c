package rollout

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
)

// CountEach counts the live contacts for whom each of some conditions holds, all as of one
// instant. It changes nothing, and is ErrPreviewTimedOut when that takes longer than timeout;
// 0 means 10 s.
func CountEach(ctx context.Context, s *store.Store, conditions []hogsend.Condition, timeout time.Duration) (counts []int64, err error) {
	if len(conditions) == 0 {
		return nil, nil
	}
	if timeout == 0 {
		timeout = previewTimeout
	}
	columns, args := make([]string, len(conditions)), []any{}
	for i, c := range conditions {
		p := criteria.CompilePart(c, 2+len(args))
		args = append(args, p.Args...)
		columns[i] = "count(*) filter (where " + p.SQL + ") as n" + strconv.Itoa(i)
	}
	err = survey(ctx, s, timeout, func(tx pgx.Tx, now time.Time) error {
		counts = make([]int64, len(conditions))
		into := make([]any, len(conditions))
		for i := range counts {
			into[i] = &counts[i]
		}
		if err := tx.QueryRow(ctx, "select "+strings.Join(columns, ", ")+" from "+population, append([]any{now}, args...)...).Scan(into...); err != nil {
			return fmt.Errorf("count conditions: %w", err)
		}
		return nil
	})
	if store.IsStatementTimeout(err) {
		err = ErrPreviewTimedOut
	}
	return counts, err
}
