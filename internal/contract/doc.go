// Package contract is what the parts of the product agree on, written down once: the
// names and types of the activities, the kinds and payloads of outbox rows, states and
// reasons as Postgres and the wire spell them, and the names and ids that Temporal
// knows: of workflows, signals, queries and search attributes. Ids carry uuids and
// names, never personal data (I-24).
//
// It has no dependency but the public package, the criteria and uuids, so that a workflow, which
// is replayed, never reaches a database by way of the types it asks activities with.
package contract
