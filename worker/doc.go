// Package worker runs what was decided: it registers workflows and activities with
// Temporal and dispatches the outbox.
package worker
