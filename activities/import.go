package activities

import (
	"context"

	"github.com/hogsend/hogsend/internal/imports"
)

// Import works at an import up to its end. Another attempt goes on behind the last batch
// (O-22).
func (a *Activities) Import(ctx context.Context, importID string) error {
	id, err := parseID(importID)
	if err != nil {
		return final(err)
	}
	defer keepAlive(ctx)()
	importer := imports.Importer{Engine: a.Ingest.Engine(), JunkIDs: a.Config.JunkIDs}
	return importer.Run(ctx, id)
}
