// Package literals hands functions to hogsend that it cannot use (T-25).
package literals

import (
	"database/sql"
	"net/http"
	"os"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/vet/testdata/library"
)

type shop struct{ db *sql.DB }

func (s shop) run(workflow.Context, hogsend.Run) error { return nil }

func named(workflow.Context, hogsend.Run) error { return nil }

var held = func(workflow.Context, hogsend.Run) error { return nil }

var (
	_ = hogsend.Journey{ID: "a", Run: named}
	_ = hogsend.Journey{ID: "b", Run: func(workflow.Context, hogsend.Run) error { // want `the journey is a function literal: registration refuses it`
		return save(os.Getenv("PLAN")) // want `calls os.Getenv`
	}}
	_ = hogsend.Journey{ID: "c", Run: held}       // want `the journey is a function literal`
	_ = hogsend.Journey{ID: "d", Run: shop{}.run} // want `the journey is the method value shop.run: registration refuses it`
	_ = []hogsend.Reaction{
		hogsend.OnEnter(named),
		hogsend.OnEnter(held), // want `the journey is a function literal`
		hogsend.OnLeave(func(workflow.Context, hogsend.Run) error { return nil }), // want `the journey is a function literal`
		hogsend.OnDwell(hogsend.After(hogsend.Day), hogsend.JourneyFunc(held)),    // want `the journey is a function literal`
		hogsend.OnDwell(hogsend.After(hogsend.Day), named, hogsend.WithOverlap("cancel-all")),
	}
)

func assigned() hogsend.Journey {
	var j hogsend.Journey
	j.Run = func(workflow.Context, hogsend.Run) error { return nil } // want `the journey is a function literal`
	return j
}

// journey makes a definition of what it is given.
func journey(id string, run hogsend.JourneyFunc) hogsend.Journey {
	return hogsend.Journey{ID: id, Run: run}
}

func save(string) error { return nil }

func once(ctx workflow.Context, run hogsend.Run) error {
	var out int
	calls := 0
	if err := run.Once(ctx, "literal", &out, func() (any, error) { // want `a function literal in Once: a replay does not run it`
		calls++
		return 1, nil
	}); err != nil {
		return err
	}
	count := func() (any, error) { return calls, nil }
	if err := run.Once(ctx, "held", &out, count); err != nil { // want `a function literal in Once`
		return err
	}
	if err := run.Once(ctx, "pure", &out, pure); err != nil {
		return err
	}
	if err := run.Once(ctx, "http", &out, fetch); err != nil { // want `Once with literals.fetch, which calls http.Get \(.*literals.go:\d+\): it may happen twice`
		return err
	}
	if err := run.Once(ctx, "sql", &out, shop{}.count); err != nil { // want `Once with shop.count, which calls DB.QueryRow`
		return err
	}
	if err := run.Once(ctx, "made", &out, counting(nil)); err != nil { // want `Once with literals.counting, which calls DB.QueryRow`
		return err
	}
	return run.Once(ctx, "elsewhere", &out, library.Fetch) // want `Once with library.Fetch, which calls http.Get`
}

// pure may be undecided: its value is kept.
func pure() (any, error) { return os.Getenv("PLAN"), nil }

func fetch() (any, error) { return get() }

func get() (any, error) {
	response, err := http.Get("https://example.com")
	if err != nil {
		return nil, err
	}
	return response.StatusCode, response.Body.Close()
}

func (s shop) count() (any, error) {
	var n int
	return n, s.db.QueryRow("select 1").Scan(&n)
}

func counting(db *sql.DB) func() (any, error) {
	return func() (any, error) { return shop{db}.count() }
}
