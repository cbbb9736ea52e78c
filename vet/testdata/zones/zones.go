// Package zones is what a journey calls in another package.
package zones

import (
	"os"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Limit is never changed after it is declared.
var Limit = 3

// Current is changed by Use.
var Current = "UTC"

// Home is read from the environment when the program starts.
var Home = os.Getenv("HOME_ZONE")

// Use changes Current.
func Use(name string) { Current = name }

// Local goes over two functions to the environment.
func Local() string { return read() }

func read() string { return os.Getenv("TZ") }

// Named is allowed to do what it does.
func Named(name string) *time.Location {
	loc, err := time.LoadLocation(name) //hogsend:ignore the database of zones is compiled in
	if err != nil {
		return time.UTC
	}
	return loc
}

// Offset is reported here, as it takes a workflow's context, and not where it is called.
func Offset(_ workflow.Context) int {
	_, offset := time.Now().Zone() // want `calls time.Now: a replay runs at another time; use workflow.Now`
	return offset
}

// Pause is no journey's code by itself.
func Pause(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }
