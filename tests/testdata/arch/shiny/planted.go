// Package shiny is in no row of the table; see tests/arch_test.go.
package shiny
