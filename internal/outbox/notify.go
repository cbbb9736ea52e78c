package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Notifier tells dispatchers, wherever they run, that rows were committed. It is
// used after the commit and outside of it: a NOTIFY inside a transaction takes a
// lock of the whole database at commit, which would serialize ingest.
type Notifier struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	flag   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
}

// NewNotifier starts a notifier; Close ends it. logger may be nil.
func NewNotifier(pool *pgxpool.Pool, logger *slog.Logger) *Notifier {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &Notifier{pool: pool, logger: logger, flag: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go n.run(ctx)
	return n
}

// Notify asks for a notification and never blocks. Calls close together share one.
func (n *Notifier) Notify() { wake(n.flag) }

// Close ends the notifier and waits for it. Later calls of Notify do nothing, and
// closing twice is harmless.
func (n *Notifier) Close() {
	n.stop()
	<-n.done
}

// minNotify is the least time between two notifications.
const minNotify = time.Millisecond

// run sends what Notify asks for. A notification that fails is dropped: the
// dispatchers' poll covers it.
func (n *Notifier) run(ctx context.Context) {
	defer close(n.done)
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.flag:
		}
		_, err := n.pool.Exec(ctx, "select pg_notify($1, '')", Channel)
		if err != nil && !failing && ctx.Err() == nil {
			n.logger.Warn("notify outbox dispatchers", "error", err)
		}
		failing = err != nil
		if !pause(ctx, minNotify) {
			return
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
	wake(r.due) // for what was committed before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, fmt.Errorf("wait for notification: %w", err)
		}
		wake(r.due)
	}
}
