package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/store"
)

// scratchTable is a table that the transactions of a simulation touch, with the
// indexes that they need. Those that lead from a name or a bucket to its people are
// left out: a simulation asks about people, and without statistics such an index may
// look as good to the planner as the right one.
type scratchTable struct {
	name    string
	indexes []string
}

func scratchTables() []scratchTable {
	return []scratchTable{
		{"contacts", []string{"unique (id)", "(email_key) where email_key is not null", "(merged_into) where merged_into is not null"}},
		{"contact_keys", []string{"unique (kind, key)", "(contact_id)"}},
		{"events", []string{"(contact_id, name, occurred_at)"}},
		{"memberships", []string{"unique (id)", "unique (contact_id, bucket_id, epoch)", "unique (contact_id, bucket_id) where status = 'active'"}},
		{"sends", []string{"unique (id)", "(contact_id, template_key, sent_at desc) where sent_at is not null"}},
		{"registries", []string{"unique (digest)"}},
		{"buckets", []string{"unique (id)"}},
		{"registry_state", nil},
		{"backfills", nil},
		{"backfilled_contacts", nil},
		{"clock_cursors", nil},
		{"timer_backfills", nil},
		{"property_dates", []string{"unique (contact_id, property)", "(property, at)"}},
		// These stay empty.
		{"event_keys", nil},
		{"enrollments", nil},
		{"waits", nil},
		{"digests", nil},
		{"decisions", nil},
		{"preferences", nil},
		{"outbox", nil},
		{"journey_configs", nil},
		{"worker_heartbeats", nil},
	}
}

// scratch is a schema of a simulation's own with empty copies of the tables. Its
// store sees nothing else, so that what it does not copy it cannot change.
type scratch struct {
	*store.Store
	schema string
	home   *pgxpool.Pool
	// holder keeps an advisory lock with the name of the schema while the simulation
	// lives: what nobody holds was left behind by a killed one.
	holder *pgxpool.Conn
}

// scratchPrefix begins the names of such schemas.
const scratchPrefix = "hogsend_simulation_"

const (
	scratchHold  = `select pg_advisory_lock(hashtext('hogsend_simulation'), hashtext($1))`
	scratchTry   = `select pg_try_advisory_lock(hashtext('hogsend_simulation'), hashtext($1))`
	scratchLoose = `select pg_advisory_unlock(hashtext('hogsend_simulation'), hashtext($1))`
)

// openScratch drops what killed simulations left behind and makes a new schema.
func openScratch(ctx context.Context, s *store.Store) (_ *scratch, err error) {
	x := &scratch{schema: scratchPrefix + strings.ReplaceAll(uuid.NewString(), "-", ""), home: s.Pool}
	if x.holder, err = s.Pool.Acquire(ctx); err != nil {
		return nil, fmt.Errorf("acquire connection: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close(ctx))
		}
	}()
	if err := x.clean(ctx); err != nil {
		return x, err
	}
	if _, err := x.holder.Exec(ctx, scratchHold, x.schema); err != nil {
		return x, fmt.Errorf("hold scratch schema: %w", err)
	}
	err = pgx.BeginFunc(ctx, x.holder, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "create schema "+x.schema); err != nil {
			return err
		}
		// What is simulated was within its bounds once.
		if _, err := tx.Exec(ctx, "create function "+x.schema+".hogsend_bounded(before jsonb, after jsonb) returns jsonb language sql immutable as 'select after'"); err != nil {
			return err
		}
		for _, table := range scratchTables() {
			if _, err := tx.Exec(ctx, fmt.Sprintf("create unlogged table %s.%s (like %s including all excluding indexes)", x.schema, table.name, table.name)); err != nil {
				return err
			}
			for _, index := range table.indexes {
				kind := ""
				if on, unique := strings.CutPrefix(index, "unique "); unique {
					kind, index = "unique ", on
				}
				if _, err := tx.Exec(ctx, fmt.Sprintf("create %sindex on %s.%s %s", kind, x.schema, table.name, index)); err != nil {
					return err
				}
			}
		}
		return x.copyZones(ctx, tx)
	})
	if err != nil {
		return x, fmt.Errorf("make scratch schema: %w", err)
	}
	cfg := s.Pool.Config().Copy()
	cfg.ConnConfig.RuntimeParams["search_path"] = x.schema + ", pg_catalog"
	cfg.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	// Plans are made while the tables are empty.
	cfg.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	cfg.MaxConns = simulationWorkers + 1
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return x, fmt.Errorf("open scratch schema: %w", err)
	}
	x.Store = store.New(pool)
	return x, nil
}

// copyZones makes what dates are computed by, which is as it is outside.
func (x *scratch) copyZones(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(`create view %[1]s.zones as select * from zones;
		insert into %[1]s.registry_state (timezone) select timezone from registry_state`, x.schema))
	if err != nil {
		return err
	}
	for _, name := range []string{"hogsend_zone", "hogsend_instant", "hogsend_date"} {
		_, err := tx.Exec(ctx, fmt.Sprintf(`do $do$ begin
			execute replace(pg_get_functiondef('%[1]s'::regproc), (select pronamespace::regnamespace::text from pg_proc where oid = '%[1]s'::regproc) || '.%[1]s(', '%[2]s.%[1]s(');
		end $do$`, name, x.schema))
		if err != nil {
			return fmt.Errorf("copy function %s: %w", name, err)
		}
	}
	return nil
}

// set makes an instant the present of the schema: statements find this
// clock_timestamp before Postgres's own.
func (x *scratch) set(ctx context.Context, now time.Time) error {
	_, err := x.Pool.Exec(ctx, fmt.Sprintf("create or replace function %s.clock_timestamp() returns timestamptz language sql stable as $$select '%s'::timestamptz$$",
		x.schema, now.UTC().Format(time.RFC3339Nano)))
	if err != nil {
		return fmt.Errorf("set virtual clock: %w", err)
	}
	return nil
}

// clean drops schemas whose simulations are gone.
func (x *scratch) clean(ctx context.Context) error {
	rows, err := x.holder.Query(ctx, `select nspname::text from pg_namespace where starts_with(nspname, $1)`, scratchPrefix)
	if err != nil {
		return fmt.Errorf("look for scratch schemas: %w", err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for scratch schemas: %w", err)
	}
	for _, schema := range left {
		var loose bool
		if err := x.holder.QueryRow(ctx, scratchTry, schema).Scan(&loose); err != nil {
			return fmt.Errorf("look at scratch schema: %w", err)
		}
		if !loose {
			continue
		}
		_, err := x.holder.Exec(ctx, "drop schema if exists "+pgx.Identifier{schema}.Sanitize()+" cascade")
		if _, unlock := x.holder.Exec(ctx, scratchLoose, schema); err != nil || unlock != nil {
			return fmt.Errorf("drop scratch schema: %w", errors.Join(err, unlock))
		}
	}
	return nil
}

// close drops the schema, whatever became of ctx.
func (x *scratch) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engine.MaxDuration)
	defer cancel()
	defer x.holder.Release()
	if x.Store != nil {
		x.Close()
	}
	conn := x.holder
	if conn.Conn().IsClosed() { // its statement was canceled with ctx
		other, err := x.home.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("acquire connection: %w", err)
		}
		defer other.Release()
		conn = other
	}
	if _, err := conn.Exec(ctx, "drop schema if exists "+x.schema+" cascade"); err != nil {
		return fmt.Errorf("drop scratch schema: %w", err)
	}
	// The connection goes back to its pool without the lock.
	if _, err := conn.Exec(ctx, "select pg_advisory_unlock_all()"); err != nil {
		return fmt.Errorf("let go of scratch schema: %w", err)
	}
	return nil
}

const (
	// simulationWorkers is how many transactions are under way at once.
	simulationWorkers = 2
	// simulationSize is how many clusters share a transaction.
	simulationSize = 1000
)
