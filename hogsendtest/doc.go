// Package hogsendtest is the author's test kit: it plays a script of what happens to
// people on the very journeys that a worker runs, in virtual time, without Postgres,
// Temporal or a network.
//
// [New] starts a script, [Scenario.Contact] adds people, their methods and those of
// [Scenario] say what happens and when, [Scenario.Run] plays it and returns a
// [Result]: mails, decisions, enrollments, memberships, events and timelines. Journeys
// run on Temporal's own worker against a service in memory. What Postgres holds in
// production is held in memory, and decided by the code that decides in production.
// Buckets are evaluated as time passes: by their criteria, unless the script moves their
// members itself. [Scenario.RunOn] plays the same script on Postgres.
//
// Unless [Scenario.Quick] is called, a run is then replayed from each of its points
// (replay mode) and played again with its worker lost at every step (crash mode), so
// that code that is not deterministic, or has an effect twice, fails the test before
// it hurts people in flight. [Store] and [Replay] keep histories for later commits.
package hogsendtest
