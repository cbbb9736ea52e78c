package hogsend

import (
	"context"
	"errors"
)

// The bounds of the files of a mail: how many, and how many bytes in all (E-84).
const (
	MaxFiles     = 10
	MaxFileBytes = 5 << 20
)

// File is what a mail carries besides its text: an attachment, or an image that its HTML
// shows. A mail has at most [MaxFiles] (E-84).
type File struct {
	// Name is what the reader saves it as, with its ending, such as "invoice.pdf": at most
	// 200 characters, without / and \. Required.
	Name string
	// Type is its media type, such as "application/pdf"; "" goes by the ending of Name.
	Type string
	// Inline is the content id under which the HTML shows it, <img src="cid:logo"> for "logo":
	// letters, digits and . _ -; "" attaches it.
	Inline string
	// Content are its bytes, at least one.
	Content []byte
}

// FileSource brings the file that ref names: an id, not a content, because it is kept in
// the histories of journeys. It is called by workers, once for a mail that is claimed and
// again if it returned an error, and what it brought is what every attempt sends. An error
// that is [ErrNoFile] is final; others are tried again.
type FileSource func(ctx context.Context, ref string) (File, error)

// ErrNoFile is what a [FileSource] returns for a file that there will never be. The send is a
// *ValidationError of field attach.
var ErrNoFile = errors.New("there is no such file")

// Attachment names a file that a mail of a journey carries.
type Attachment struct {
	// Source is a name in [Registry].Files, Ref says which of its files: at most 512 bytes.
	Source, Ref string
	// Name and Inline replace those of the file; "" keeps them.
	Name, Inline string
}
