// Package store stands at the end of a way that workflows must not go.
package store

import _ "github.com/jackc/pgx/v5"
