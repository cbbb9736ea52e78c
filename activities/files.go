package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/email"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// carry brings the files of a mail and keeps their contents, before any lock is taken. The
// row of the mail refers to them; without it they are cleaned away (E-84).
func (a *Activities) carry(ctx context.Context, d *draft, asked []hogsend.Attachment, own []hogsend.File, hasHTML bool) error {
	if d.filesOf != uuid.Nil {
		return a.carryAgain(ctx, d)
	}
	if len(asked)+len(own) == 0 {
		return nil
	}
	brought, err := email.Bring(ctx, asked, a.fileSource)
	if err != nil {
		return err
	}
	if d.files, err = email.Files(slices.Concat(own, brought)); err != nil {
		return err
	}
	for _, f := range d.files {
		if f.Inline != "" && !hasHTML {
			return &hogsend.ValidationError{Field: "attach", Message: f.Name + ": there is no HTML to show it in"}
		}
		if err := a.Store.FileKeep(ctx, f.Hash, f.Content); err != nil {
			return fmt.Errorf("keep file: %w", err)
		}
	}
	return nil
}

// carryAgain finds the files of a mail that is sent again (E-74).
func (a *Activities) carryAgain(ctx context.Context, d *draft) error {
	files, err := a.Store.FilesOf(ctx, d.filesOf)
	if err != nil {
		return err
	}
	for _, f := range files {
		if len(f.Content) == 0 {
			return &hogsend.ValidationError{Field: "attach", Message: f.Name + ": is not kept any more"}
		}
		d.files = append(d.files, email.File(f))
	}
	return nil
}

func (a *Activities) fileSource(name string) (hogsend.FileSource, error) {
	if source := a.Registry.Files(name); source != nil {
		return source, nil
	}
	return nil, fmt.Errorf("there are no files %q%s", name, naming.Suggestion(name, a.Registry.FileNames()))
}

// queueFiles writes which files a mail carries.
func queueFiles(ctx context.Context, tx *store.Tx, d draft) {
	rows := storedb.SendFilesInsertParams{SendID: d.sendID}
	for i, f := range d.files {
		rows.Places = append(rows.Places, int16(i+1))
		rows.Hashes, rows.Names, rows.Types = append(rows.Hashes, f.Hash), append(rows.Names, f.Name), append(rows.Types, f.Type)
		rows.Inlines, rows.Sizes = append(rows.Inlines, f.Inline), append(rows.Sizes, int32(f.Size)) //nolint:gosec // at most hogsend.MaxFileBytes
	}
	tx.Add(func(q *storedb.Queries) error { return q.SendFilesInsert(ctx, rows) })
}

// messageOf is what the provider is given of a row: what was claimed, and nothing else.
func (a *Activities) messageOf(ctx context.Context, row storedb.Send) (email.Message, error) {
	m := email.Message{Key: row.Key, From: row.FromEmail, To: row.ToEmail, ReplyTo: row.ReplyTo, Subject: row.Subject, HTML: row.Html, Text: row.Text}
	if row.RedirectedTo != nil {
		m.To = *row.RedirectedTo
	}
	if err := json.Unmarshal(row.Headers, &m.Headers); err != nil {
		return m, fmt.Errorf("decode headers of send %s: %w", row.ID, err)
	}
	if err := json.Unmarshal(row.Tags, &m.Tags); err != nil {
		return m, fmt.Errorf("decode tags of send %s: %w", row.ID, err)
	}
	if row.Files == 0 {
		return m, nil
	}
	files, err := a.Store.FilesOf(ctx, row.ID)
	if err != nil {
		return m, err
	}
	for _, f := range files {
		if len(f.Content) > 0 {
			m.Files = append(m.Files, email.File(f))
		}
	}
	if len(m.Files) != int(row.Files) { // it is being erased
		return m, fmt.Errorf("send %s has %d of its %d files", row.ID, len(m.Files), row.Files)
	}
	return m, nil
}
