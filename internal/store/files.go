package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// filesKept is how long contents are kept that no mail has: a mail that is rendered has them
// soon.
const filesKept = 24 * time.Hour

// File is a file of a send, without its content once that is not kept any more.
type File struct {
	Name, Type, Inline string
	Size               int
	Hash, Content      []byte
}

// FilesOf are the files of a send, in their order.
func (s *Store) FilesOf(ctx context.Context, sendID uuid.UUID) ([]File, error) {
	rows, err := s.SendFiles(ctx, sendID)
	if err != nil {
		return nil, fmt.Errorf("read files of send: %w", err)
	}
	files := make([]File, len(rows))
	for i, row := range rows {
		files[i] = File{Name: row.Name, Type: row.Type, Inline: row.Inline, Size: int(row.Size), Hash: row.Hash, Content: row.Content}
	}
	return files, nil
}

// CleanFiles forgets the files of mails that were done before, and deletes what no mail has.
func (s *Store) CleanFiles(ctx context.Context, now, before time.Time) error {
	for n := int64(1); n > 0; {
		var err error
		if n, err = s.FilesForget(ctx, before); err != nil {
			return fmt.Errorf("forget files: %w", err)
		}
	}
	return s.pruneFiles(ctx, now.Add(-filesKept))
}

// pruneOfLate deletes contents that no mail has any more.
func (s *Store) pruneOfLate(ctx context.Context) error {
	now, err := s.IngestClock(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	return s.pruneFiles(ctx, now.Add(-time.Minute))
}

// pruneFiles deletes contents that no mail has and nobody brought since. One that is claimed
// meanwhile makes the statement fail: what is left is deleted the next time.
func (s *Store) pruneFiles(ctx context.Context, before time.Time) error {
	for n := int64(1); n > 0; {
		var err error
		if n, err = s.FilesPrune(ctx, before); err != nil {
			return fmt.Errorf("delete files: %w", err)
		}
	}
	return nil
}
