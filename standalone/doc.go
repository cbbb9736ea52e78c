// Package standalone runs a real Temporal server and its Web UI inside this
// process, on a SQLite file for `hogsend dev` or on Postgres for a one-machine
// production. It is a package of its own because it makes a binary large: a program
// that talks to a Temporal cluster leaves it out. It knows nothing of the product.
//
// The settings that are not Temporal's defaults were measured on two cores: SQLite
// in WAL mode with synchronous=normal is three to four times faster and still
// survives a killed process; one partition for each task queue saves a hop between
// partitions that a single machine never needs; the cache of search attributes is
// not refreshed at every read; four history shards suffice on Postgres, SQLite
// takes one.
package standalone
