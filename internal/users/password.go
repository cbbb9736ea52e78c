package users

import (
	"context"
	"fmt"
	"runtime"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// The lengths of a password, in characters (O-7).
const (
	MinPassword = 8
	MaxPassword = 128
)

// hashing are the parameters that passwords are hashed with; those of a stored hash are
// in it (O-7).
func hashing() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// nobodys is the hash of a password that nobody has: an unknown address takes as long as a
// wrong password.
const nobodys = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// turns bounds how many hashes are made at once: each takes 19 MiB and a core.
type turns chan struct{}

func newTurns() turns { return make(turns, max(2, runtime.GOMAXPROCS(0))) }

func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to check a password: %w", ctx.Err())
	}
}

func (t turns) hash(ctx context.Context, password string) (string, error) {
	if err := t.take(ctx); err != nil {
		return "", err
	}
	defer func() { <-t }()
	hash, err := argon2id.CreateHash(password, hashing())
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// matches compares a password with a stored hash. weak says that the hash was made with
// less than today's parameters.
func (t turns) matches(ctx context.Context, password, hash string) (ok, weak bool, err error) {
	if err := t.take(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-t }()
	ok, used, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	now := hashing()
	return ok, used.Memory < now.Memory || used.Iterations < now.Iterations, nil
}

// checkPassword tells what is wrong with a new password, if anything.
func checkPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return &InvalidError{Field: "password", Code: "PASSWORD_TOO_SHORT", Message: "Password must be valid Unicode text"}
	case n < MinPassword:
		return &InvalidError{Field: "password", Code: "PASSWORD_TOO_SHORT", Message: fmt.Sprintf("Password must have at least %d characters", MinPassword)}
	case n > MaxPassword:
		return &InvalidError{Field: "password", Code: "PASSWORD_TOO_LONG", Message: fmt.Sprintf("Password must have at most %d characters", MaxPassword)}
	}
	return nil
}
