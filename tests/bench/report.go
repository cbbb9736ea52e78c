package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hogsend/hogsend/schema"
)

// line is one row of the table.
type line struct {
	what            string
	ours, limit     string  // as measured
	value           float64 // what is held against the bar
	atLeast, atMost float64 // one of them, 0 for a figure that is only reported
}

// database makes an empty, migrated database on the server.
func database(ctx context.Context, base, name string) (*pgxpool.Pool, string, error) {
	admin, err := pgxpool.New(ctx, base)
	if err != nil {
		return nil, "", fmt.Errorf("connect: %w", err)
	}
	defer admin.Close()
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		return nil, "", fmt.Errorf("create database: %w", err)
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, "", fmt.Errorf("parse url: %w", err)
	}
	u.Path = "/" + name
	cfg, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, "", fmt.Errorf("parse url: %w", err)
	}
	cfg.MaxConns = 70
	cfg.ConnConfig.RuntimeParams["jit"] = "off" // as store.Open sets it
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, "", fmt.Errorf("connect: %w", err)
	}
	if _, err := schema.Migrate(ctx, pool); err != nil {
		return nil, "", fmt.Errorf("migrate: %w", err)
	}
	return pool, u.String(), nil
}

// rate is how many a second n in d are.
func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }
