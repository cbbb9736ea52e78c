// Package standalone runs a real Temporal server and its Web UI inside this
// process, on a SQLite file for `hogsend dev` or on Postgres for a one-machine
// production. It is a package of its own because it makes a binary large: a program
// that talks to a Temporal cluster leaves it out. It knows nothing of the product.
//
// The settings that are not Temporal's defaults were measured on two cores: SQLite
// in WAL mode with synchronous=normal is about three times faster (100 instead of 30
// bare workflows a second on a busy machine) and still survives a killed process; one
// partition for each task queue saves a hop between partitions that a single machine
// never needs; the cache of search attributes is not refreshed at every read; four
// history shards suffice on Postgres, SQLite takes one; ten connections a pool on
// Postgres are as fast as twenty (110 a second) and take 35 instead of 54 together.
//
// A first start takes 0.6 s on SQLite and 1.5 s on Postgres, where it makes two
// databases; a later one 0.1 s and 0.4 s. Stop takes 1 s. The server's own system
// worker leaves goroutines behind that Stop does not end; they end with the process.
package standalone
