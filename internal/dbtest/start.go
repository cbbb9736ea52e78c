package dbtest

import "testing"

func start(t testing.TB) string {
	t.Helper()
	t.Fatalf("%s is not set", URLVariable)
	return ""
}
