package operate

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/imports"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Import takes a file, which a worker brings in row by row.
func (d *Desk) Import(ctx context.Context, by store.Actor, kind imports.Kind, format, fileName, data string) (uuid.UUID, error) {
	n := imports.New{ID: uuid.Must(uuid.NewV7()), Kind: kind, Format: format, FileName: fileName, Data: data}
	now, err := d.Store.IngestClock(ctx)
	if err != nil {
		return n.ID, fmt.Errorf("read clock: %w", err)
	}
	err = d.Store.Change(ctx, func(q *storedb.Queries) error {
		if err := n.Insert(ctx, q, now); err != nil {
			return err
		}
		e := entry(by, string(kind)+".import", n.ID.String())
		e.Detail.Given("fileName", fileName)
		e.Detail.Given("bytes", len(data))
		return e.Write(ctx)(q)
	})
	if err != nil {
		return n.ID, fmt.Errorf("take import: %w", err)
	}
	d.Ingest.Engine().Config().Notify()
	return n.ID, nil
}

// Exported notes that somebody took data out, and by which filter (O-11).
func (d *Desk) Exported(ctx context.Context, by store.Actor, action string, filter map[string]string) error {
	e := entry(by, action, "")
	for name, value := range filter {
		e.Detail.Given(name, value)
	}
	return d.Store.Change(ctx, e.Write(ctx))
}
