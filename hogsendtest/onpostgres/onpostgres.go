// Package onpostgres plays scripts of hogsendtest on Postgres, by the code that runs in
// production, with only its clock, the mail provider and Temporal left virtual:
//
//	got := s.RunOn(onpostgres.At(os.Getenv("DATABASE_URL")))
//
// What comes of a script there must be what comes of it in memory. It is a package of its
// own so that a test which stays in memory needs no database driver.
package onpostgres

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/activities"
	"github.com/hogsend/hogsend/hogsendtest/internal/backend"
	"github.com/hogsend/hogsend/internal/bucket"
	"github.com/hogsend/hogsend/internal/clock"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/registry"
	"github.com/hogsend/hogsend/internal/rollout"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/schema"
)

// At plays on a Postgres server: in a database of its own there, which is dropped at the
// end. The url names a user who may create databases.
func At(serverURL string) backend.Open {
	return func(setting backend.Setting) (backend.Backend, error) {
		ctx := context.Background()
		name := "hogsendtest_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		if err := onServer(ctx, serverURL, "create database "+name); err != nil {
			return nil, err
		}
		drop := func() error { return onServer(ctx, serverURL, "drop database if exists "+name+" with (force)") }
		u, err := url.Parse(serverURL)
		if err != nil {
			return nil, fmt.Errorf("read database url: %w", err)
		}
		u.Path = "/" + name
		b, err := open(ctx, u.String(), setting)
		if err != nil {
			if dropped := drop(); dropped != nil {
				return nil, fmt.Errorf("%w, and %w", err, dropped)
			}
			return nil, err
		}
		b.drop = drop
		return b, nil
	}
}

// In plays in a database that has the product's schema and belongs to nobody else: what
// is in it is deleted first.
func In(databaseURL string) backend.Open {
	return func(setting backend.Setting) (backend.Backend, error) {
		return open(context.Background(), databaseURL, setting)
	}
}

func onServer(ctx context.Context, serverURL, statement string) error {
	c, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer c.Close(ctx) // nothing is lost with an error of it
	if _, err := c.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Backend is a backend on Postgres.
type Backend struct {
	backend.Setting
	ctx        context.Context //nolint:containedctx // of the whole script
	store      *store.Store
	ingester   *ingest.Ingester
	clock      *clock.Clock
	rollout    *rollout.Rollout
	activities *activities.Activities
	drop       func() error
}

// scene makes the database empty and gives it a clock that stands where it is put: the
// product's statements say clock_timestamp without a schema.
var scene = []string{
	`create schema if not exists virtual`,
	`create table if not exists virtual.clock (at timestamptz not null)`,
	`create or replace function virtual.clock_timestamp() returns timestamptz language sql stable as 'select at from virtual.clock'`,
	`do $$ begin execute format('alter database %I set search_path = virtual, public, pg_catalog', current_database()); end $$`,
	`delete from virtual.clock`, `insert into virtual.clock values (now())`,
	// Of small tables rows are deleted faster than tables are truncated.
	`do $$ declare t regclass; begin
		set local session_replication_role = replica;
		for t in select c.oid from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
			and c.relname not in ('hogsend_migrations', 'hogsend_versions', 'registry_state', 'release_pace', 'zones') loop
			execute 'delete from ' || t;
		end loop;
		update registry_state set digest = '', timezone = 'UTC';
	end $$`,
}

// setScene migrates a database, empties it and gives it its clock.
func setScene(ctx context.Context, databaseURL string) error {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	var clocked bool
	if err := pool.QueryRow(ctx, `select to_regclass('virtual.clock') is not null`).Scan(&clocked); err != nil {
		return err
	}
	if !clocked { // otherwise it was migrated by an earlier script
		if _, err := schema.Migrate(ctx, pool); err != nil {
			return err
		}
	}
	for _, statement := range scene {
		if _, err := pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func open(ctx context.Context, databaseURL string, setting backend.Setting) (*Backend, error) {
	if err := setScene(ctx, databaseURL); err != nil {
		return nil, fmt.Errorf("set the scene: %w", err)
	}
	s, err := store.Open(ctx, store.Config{URL: databaseURL, MaxConns: 8})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	b := &Backend{Setting: setting, ctx: ctx, store: s}
	if err := b.begin(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Backend) begin() error {
	if err := b.set(0); err != nil {
		return err
	}
	renderer, err := email.Compile(b.Registry)
	if err != nil {
		return err
	}
	b.ingester = ingest.New(b.store, ingest.Config{Journeys: b.Registry.Journeys, Timezone: b.Registry.Defaults.Timezone, BuildID: backend.BuildID, Logger: slog.New(slog.DiscardHandler)})
	b.clock, b.rollout = clock.New(b.ingester.Engine()), rollout.New(b.ingester.Engine())
	b.activities = &activities.Activities{
		Store: b.store, Ingest: b.ingester, Clock: b.clock, Renderer: renderer, Provider: newProvider(b.store, b.Sends), Registry: registry.New(b.Registry).WithTimezone(b.Timezone),
		Config: activities.Config{From: backend.Sender, FromDomains: b.FromDomains, PublicURL: backend.PublicURL, BuildID: backend.BuildID, PostHog: true}, Logger: slog.New(slog.DiscardHandler),
	}
	for _, p := range b.People {
		if err := b.add(p); err != nil {
			return err
		}
	}
	if err := b.register(); err != nil {
		return err
	}
	if err := b.beginDates(); err != nil {
		return err
	}
	if b.Schedules {
		return b.clock.BeginSchedules(b.ctx)
	}
	return nil
}

// beginDates lets the people who are there be due by their dates.
func (b *Backend) beginDates() error {
	if err := b.clock.BeginDates(b.ctx); err != nil {
		return err
	}
	for {
		done, _, err := b.clock.FillDates(b.ctx)
		if err != nil || done {
			return err
		}
	}
}

// register brings the buckets into force and settles the people who are there. Those that
// the script moves itself are evaluated by what the script said last.
func (b *Backend) register() error {
	if len(b.Registry.Buckets) == 0 {
		return nil
	}
	var definitions []bucket.Definition
	for _, one := range b.Registry.Buckets {
		if b.Scripted[one.ID] {
			one.Criteria = hogsend.Prop(backend.OrderedProperty(one.ID)).Eq(true)
		}
		d, err := bucket.Describe(one)
		if err != nil {
			return err
		}
		definitions = append(definitions, d)
	}
	if err := b.rollout.Register(b.ctx, uuid.NewString(), backend.BuildID, definitions); err != nil {
		return fmt.Errorf("register buckets: %w", err)
	}
	for done := false; !done; {
		var err error
		if done, _, err = b.rollout.Backfill(b.ctx); err != nil {
			return fmt.Errorf("backfill: %w", err)
		}
	}
	for done := false; !done; {
		var err error
		if done, _, err = b.clock.BackfillTimers(b.ctx); err != nil {
			return fmt.Errorf("schedule timers: %w", err)
		}
	}
	return nil
}

func (b *Backend) exec(statement string, args ...any) error {
	if _, err := b.store.Pool.Exec(b.ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// set puts the database's clock where the virtual one stands. An ingester receives the
// first event of a transaction a microsecond after it began, hence the correction.
func (b *Backend) set(correction time.Duration) error {
	return b.exec(`update virtual.clock set at = $1`, b.Now().Add(correction))
}

const early = -time.Microsecond

// add stores a person of the script.
func (b *Backend) add(p backend.Person) error {
	id := backend.ContactID(p.Name())
	properties := p.Properties
	if properties == nil {
		properties = hogsend.Properties{}
	}
	if err := b.exec(`insert into contacts (id, external_id, anonymous_id, email, email_key, timezone, properties, first_seen_at, last_seen_at, created_at, updated_at, written_at)
		values ($1, nullif($2, ''), nullif($3, ''), nullif($4, ''), nullif($5, ''), nullif($6, ''), $7, clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp())`,
		id, p.UserID, p.AnonymousID, p.Email, ingest.EmailKey(p.Email), p.Timezone, properties); err != nil {
		return err
	}
	for kind, key := range map[string]string{"user": p.UserID, "anonymous": p.AnonymousID, "email": ingest.EmailKey(p.Email)} {
		if key == "" || kind == "email" && p.UserID != "" {
			continue
		}
		if err := b.exec(`insert into contact_keys (kind, key, contact_id, created_at) values ($1, $2, $3, clock_timestamp())`, kind, key, id); err != nil {
			return err
		}
	}
	return nil
}

// Activities implements backend.Backend: those of production, at the virtual time.
func (b *Backend) Activities() map[string]any {
	all := b.activities.All()
	for name, fn := range all {
		v := reflect.ValueOf(fn)
		correction := time.Duration(0)
		switch name { // what is a transaction of the ingester and asks for no time before
		case contract.TriggerName, contract.IdentifyName:
			correction = early
		}
		all[name] = reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
			if err := b.set(correction); err != nil {
				failed := make([]reflect.Value, v.Type().NumOut())
				for i := range failed {
					failed[i] = reflect.Zero(v.Type().Out(i))
				}
				failed[len(failed)-1] = reflect.ValueOf(&err).Elem()
				return failed
			}
			return v.Call(args)
		}).Interface()
	}
	return all
}

// Check implements backend.Backend: memory finds what is left open.
func (b *Backend) Check() {}

// Close implements backend.Backend.
func (b *Backend) Close() {
	if b.ingester != nil {
		b.ingester.Close()
	}
	b.store.Close()
	if b.drop != nil {
		if err := b.drop(); err != nil {
			b.Problem(backend.Problem{Kind: backend.Leftover, Name: "postgres", Text: err.Error()})
		}
	}
}
