package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/store"
)

// Notifier tells dispatchers, wherever they run, that rows were committed. It is
// used after the commit and outside of it: a NOTIFY inside a transaction takes a
// lock of the whole database at commit, which would serialize ingest.
type Notifier struct {
	store  *store.Store
	logger *slog.Logger
	flag   chan struct{}
}

// NewNotifier is a notifier that does nothing until Run; logger may be nil.
func NewNotifier(s *store.Store, logger *slog.Logger) *Notifier {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Notifier{store: s, logger: logger, flag: make(chan struct{}, 1)}
}

// Notify asks for a notification and never blocks. Calls close together share one.
func (n *Notifier) Notify() { poke(n.flag) }

// minNotify is the least time between two notifications.
const minNotify = time.Millisecond

// Run sends what Notify asks for until ctx is done, then returns nil. A notification
// that fails is dropped: the dispatchers' poll covers it.
func (n *Notifier) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.flag:
		}
		_, err := n.store.Pool.Exec(ctx, "select pg_notify($1, '')", Channel)
		if err != nil && !failing && ctx.Err() == nil {
			n.logger.Warn("notify outbox dispatchers", "error", err)
		}
		failing = err != nil
		if !pause(ctx, minNotify) {
			return nil
		}
	}
}

// listen wakes the claims at every notification. It reconnects without limit, on a
// connection of its own so that it takes none from the pool.
func (r *run) listen(ctx context.Context) {
	const minWait, maxWait = 100 * time.Millisecond, 5 * time.Second
	wait := minWait
	for ctx.Err() == nil {
		listening, err := r.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if listening {
			wait = minWait
		}
		if wait == minWait {
			r.cfg.Logger.Warn("listen for outbox notifications", "error", err)
		}
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, maxWait)
	}
}

// listenOnce listens on one connection until it breaks and reports whether it ever
// did listen.
func (r *run) listenOnce(ctx context.Context) (bool, error) {
	conn, err := pgx.ConnectConfig(ctx, r.store.Pool.Config().ConnConfig)
	if err != nil {
		return false, fmt.Errorf("connect listener: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // the connection is given up either way
	}()
	if _, err := conn.Exec(ctx, "listen "+Channel); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	poke(r.wake) // for what was committed before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, fmt.Errorf("wait for notification: %w", err)
		}
		poke(r.wake)
	}
}
