// Package hogsend is what an author of lifecycle messaging writes and reads:
// journeys, templates and the registry that holds them. It does no I/O.
//
// A journey is a named Go function executed as a Temporal workflow. It waits,
// branches and sends through [Run]; everything on Run is deterministic and
// durable. Package app turns a [Registry] into a program.
package hogsend
