package schema

// The same with migrations of the test's own.
var (
	MigrateFS = migrate
	CheckFS   = check
)
