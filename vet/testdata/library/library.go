// Package library defines and names things for the registry of package names.
package library

import (
	"net/http"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// Fetch asks a server.
func Fetch() (any, error) {
	response, err := http.Get("https://example.com")
	if err != nil {
		return nil, err
	}
	return response.StatusCode, response.Body.Close()
}

// Hello is the one template.
func Hello() hogsend.Template { return hogsend.Template{Key: "hello", Subject: "Hello"} }

// Greet is a journey.
var Greet = hogsend.Journey{ID: "greet", Aliases: []string{"salute"}, Templates: []string{"hello"}, Run: greet}

func greet(ctx workflow.Context, run hogsend.Run) error {
	_, err := run.Send(ctx, hogsend.Email{Template: "helo"}) // in the registry's package it is reported
	return err
}
