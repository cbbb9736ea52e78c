// Package shiny is in no row of the table; see tests/repository/arch_test.go.
package shiny
