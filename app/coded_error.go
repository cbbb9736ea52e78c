package app

// codedError ends a command with a code of its own. Without an error it prints nothing:
// everything was said.
type codedError struct {
	error
	code int
}
