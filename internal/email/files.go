package email

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hogsend/hogsend"
)

var inlinePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

const maxFileName = 200

// Files are the given ones as a message carries them. What cannot be carried is a
// *hogsend.ValidationError of field attach (E-84).
func Files(given []hogsend.File) ([]File, error) {
	refuse := func(format string, args ...any) ([]File, error) {
		return nil, &hogsend.ValidationError{Field: "attach", Message: fmt.Sprintf(format, args...)}
	}
	if len(given) > hogsend.MaxFiles {
		return refuse("must be at most %d files", hogsend.MaxFiles)
	}
	files, total, seen := make([]File, 0, len(given)), 0, map[string]bool{}
	for _, f := range given {
		kind := cmp.Or(f.Type, mime.TypeByExtension(path.Ext(f.Name)), "application/octet-stream")
		media, _, err := mime.ParseMediaType(kind)
		total += len(f.Content)
		switch {
		case f.Name == "" || utf8.RuneCountInString(f.Name) > maxFileName || !utf8.ValidString(f.Name) || strings.ContainsAny(f.Name, `/\`) || strings.ContainsFunc(f.Name, unicode.IsControl):
			return refuse("%.60q is no name of a file", f.Name)
		case err != nil || !strings.Contains(media, "/") || strings.ContainsFunc(kind, unicode.IsControl): // it is a header as it is
			return refuse("%s: %.60q is no media type", f.Name, kind)
		case len(f.Content) == 0:
			return refuse("%s: is empty", f.Name)
		case total > hogsend.MaxFileBytes:
			return refuse("must have at most %d bytes in all", hogsend.MaxFileBytes)
		case f.Inline != "" && !inlinePattern.MatchString(f.Inline):
			return refuse("%s: Inline must be 1 to 64 letters, digits, dots, _ or -", f.Name)
		case f.Inline != "" && seen[f.Inline]:
			return refuse("%s: Inline %q is there twice", f.Name, f.Inline)
		}
		seen[f.Inline] = true
		hash := sha256.Sum256(f.Content)
		files = append(files, File{Name: f.Name, Type: kind, Inline: f.Inline, Size: len(f.Content), Hash: hash[:], Content: f.Content})
	}
	return files, nil
}

// Bring calls the sources of the files that are asked for. Problems of the files are a
// *hogsend.ValidationError of field attach, those of a source its own.
func Bring(ctx context.Context, asked []hogsend.Attachment, source func(name string) (hogsend.FileSource, error)) ([]hogsend.File, error) {
	var files []hogsend.File
	for _, a := range asked {
		bring, err := source(a.Source)
		if err != nil {
			return nil, &hogsend.ValidationError{Field: "attach", Message: err.Error()}
		}
		f, err := bring(ctx, a.Ref)
		if errors.Is(err, hogsend.ErrNoFile) {
			return nil, &hogsend.ValidationError{Field: "attach", Message: fmt.Sprintf("%s %.60q: %s", a.Source, a.Ref, err)}
		}
		if err != nil {
			return nil, fmt.Errorf("bring file of %s: %w", a.Source, err)
		}
		f.Name, f.Inline = cmp.Or(a.Name, f.Name), cmp.Or(a.Inline, f.Inline)
		files = append(files, f)
	}
	return files, nil
}
