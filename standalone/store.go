package standalone

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
)

// store is where a server keeps workflows (execution) and what lists of them are
// made from (visibility).
type store struct {
	execution, visibility *config.SQL
	shards                int32
}

// openStore makes the schema when there is none and upgrades an older one.
func openStore(where string, log serverLogger) (store, error) {
	if isPostgres(where) {
		return openPostgres(where, log)
	}
	return openSQLite(where)
}

func openSQLite(path string) (store, error) {
	there, err := exists(path)
	if err != nil {
		return store{}, fmt.Errorf("temporal store: %w", err)
	}
	if !there {
		// Under another name until it is complete: a kill leaves no half-made file.
		unfinished := path + ".new"
		if err := removeSQLite(unfinished); err != nil {
			return store{}, err
		}
		if err := sqlite.SetupSchema(sqliteConfig(unfinished, "delete")); err != nil {
			return store{}, fmt.Errorf("make temporal store %s: %w", path, err)
		}
		if err := os.Rename(unfinished, path); err != nil {
			return store{}, fmt.Errorf("make temporal store: %w", err)
		}
	}
	cfg := sqliteConfig(path, "wal")
	return store{execution: cfg, visibility: cfg, shards: 1}, nil
}

// sqliteConfig names pragmas as SQLite does: the plugin passes them on as they are, and
// SQLite ignores one that it does not know.
func sqliteConfig(path, journal string) *config.SQL {
	return &config.SQL{
		PluginName: sqliteplugin.PluginName, DatabaseName: path,
		ConnectAttributes: map[string]string{"mode": "rwc", "journal_mode": journal, "synchronous": "normal"},
	}
}

func removeSQLite(path string) error {
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove unfinished temporal store: %w", err)
		}
	}
	return nil
}

func openPostgres(where string, log serverLogger) (store, error) {
	u, err := url.Parse(where)
	if err != nil {
		return store{}, errors.New("temporal store: malformed postgres url")
	}
	base := strings.Trim(u.Path, "/")
	if u.Hostname() == "" || base == "" {
		return store{}, errors.New("temporal store: the postgres url needs a host and a database")
	}
	s := store{execution: postgresConfig(u, base+"_temporal"), visibility: postgresConfig(u, base+"_temporal_visibility"), shards: 4}
	for _, part := range []struct {
		cfg    *config.SQL
		schema string
	}{{s.execution, "postgresql/v12/temporal"}, {s.visibility, "postgresql/v12/visibility"}} {
		if err := ensureSchema(*part.cfg, base, part.schema, log); err != nil {
			return store{}, fmt.Errorf("temporal schema %s: %w", part.cfg.DatabaseName, err)
		}
	}
	return s, nil
}

// postgresConfig bounds each pool, of which every service of the server has its own:
// together they must fit beside the product's into the 100 connections of a default
// Postgres. 35 were seen at once.
func postgresConfig(u *url.URL, database string) *config.SQL {
	password, _ := u.User.Password()
	attributes := map[string]string{}
	for name, values := range u.Query() {
		attributes[name] = values[0]
	}
	cfg := &config.SQL{
		PluginName: postgresql.PluginNamePGX, DatabaseName: database, ConnectProtocol: "tcp", ConnectAddr: u.Host,
		User: u.User.Username(), Password: password, ConnectAttributes: attributes, MaxConns: 10, MaxIdleConns: 10,
	}
	if u.Port() == "" {
		cfg.ConnectAddr = u.Hostname() + ":5432"
	}
	return cfg
}

// ensureSchema makes the database and its tables when they are missing and applies
// the versions it does not have yet.
func ensureSchema(cfg config.SQL, base, name string, log serverLogger) error {
	creating := cfg
	if err := sql.DoCreateDatabase(&creating, base, log); err != nil && !strings.Contains(err.Error(), "already exists") {
		return fmt.Errorf("create database: %w", err)
	}
	conn, err := sql.NewConnection(&cfg, log)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ReadSchemaVersion(); err != nil {
		// No version table: an empty database. The tables come from the versions below.
		setup := &schema.SetupConfig{InitialVersion: "0.0"}
		if err := schema.NewSetupSchemaTask(conn, setup, log).Run(); err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	if err := schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{DBName: cfg.DatabaseName, SchemaName: name}, log).Run(); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	return nil
}
