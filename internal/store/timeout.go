package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// IsStatementTimeout reports whether Postgres gave up on a statement that took longer
// than its transaction allowed.
func IsStatementTimeout(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57014"
}
