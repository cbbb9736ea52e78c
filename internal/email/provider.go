package email

import (
	"context"
	"errors"

	"github.com/hogsend/hogsend/provider"
)

// What providers are given and answer, which authors see as well.
type (
	// Message is one mail to one address.
	Message = provider.Message
	// File is a file of a message.
	File = provider.File
	// Provider hands mails to the world (E-35).
	Provider = provider.Provider
	// SendError is a failed provider call.
	SendError = provider.Error
	// ErrorKind says what is known about one.
	ErrorKind = provider.Kind
)

// Batcher is a Provider that takes several mails in one call (E-38).
type Batcher interface {
	Provider
	// SendBatch hands over at most MaxBatch mails under one key and returns the provider's ids in
	// their order, one each. The same key with the same mails is once, as for Send. After a
	// permanent error of status 400, 413 or 422 none was accepted, and each may go alone.
	SendBatch(ctx context.Context, key string, mails []Message) (ids []string, err error)
}

// MaxBatch is how many mails a batch has at most.
const MaxBatch = 100

// The names of package provider.
const (
	KeysForever    = provider.KeysForever
	Transient      = provider.Transient
	Permanent      = provider.Permanent
	Unknown        = provider.Unknown
	ReasonConflict = provider.ReasonConflict
)

// Classify finds the SendError in err. An error of no known kind is Unknown; nil
// stays nil (E-35).
func Classify(err error) *SendError {
	if err == nil {
		return nil
	}
	var e *SendError
	if !errors.As(err, &e) {
		return &SendError{Kind: Unknown, Reason: err.Error(), Err: err}
	}
	switch e.Kind {
	case Transient, Permanent, Unknown:
		return e
	}
	unknown := *e
	unknown.Kind = Unknown
	return &unknown
}
