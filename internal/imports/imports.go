package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/address"
	"github.com/hogsend/hogsend/internal/clip"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/decide/check"
	"github.com/hogsend/hogsend/internal/engine"
	"github.com/hogsend/hogsend/internal/ingest"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// New is a file to import.
type New struct {
	ID               uuid.UUID
	Kind             Kind
	Format, FileName string
	Data             string
}

// Insert writes the import and tells Temporal to work at it, in a transaction that is under
// way.
func (n New) Insert(ctx context.Context, q *storedb.Queries, now time.Time) error {
	err := q.ImportInsert(ctx, storedb.ImportInsertParams{ID: n.ID, Kind: string(n.Kind), Format: n.Format, FileName: n.FileName, Data: n.Data, Now: now})
	if err != nil {
		return fmt.Errorf("store file: %w", err)
	}
	payload, err := json.Marshal(contract.RunPayload{WorkflowID: contract.ImportWorkflowID(n.ID.String()), WorkflowType: contract.ImportType, ID: n.ID.String()})
	if err != nil {
		return fmt.Errorf("encode outbox payload: %w", err)
	}
	return q.OutboxInsert(ctx, storedb.OutboxInsertParams{ID: engine.NewID(), OrderingKey: n.ID, Kind: contract.OutboxRun, Key: "import/" + n.ID.String(), Payload: payload, Now: now})
}

// Importer works at imports. Any number of them may work at the same one: each batch is
// done once.
type Importer struct {
	Engine *engine.Engine
	// JunkIDs are no ids of people (I-57).
	JunkIDs naming.JunkIDs
}

// Rows of a batch, and how many errors are told (O-20, O-21).
const (
	batchRows = engine.ChunkSize
	maxErrors = 100
)

// rowError is what is wrong with a row; the first data row is row 1.
type rowError struct {
	Row   int    `json:"row"`
	Error string `json:"error"`
}

// job is an import under way.
type job struct {
	storedb.Import
	rows   []row
	errors []rowError
}

// errElsewhere says that somebody else has advanced the import.
var errElsewhere = errors.New("import was advanced elsewhere")

// Run works at an import up to its end, from where it was left. One that has ended, or that
// is not there, is left alone.
func (i *Importer) Run(ctx context.Context, id uuid.UUID) error {
	for {
		err := i.run(ctx, id)
		if !errors.Is(err, errElsewhere) || ctx.Err() != nil {
			return err
		}
	}
}

func (i *Importer) run(ctx context.Context, id uuid.UUID) error {
	found, err := i.Engine.Store.ImportOpen(ctx, id)
	if err != nil {
		return fmt.Errorf("read import: %w", err)
	}
	if len(found) == 0 || found[0].Data == nil {
		return nil
	}
	j := &job{Import: found[0]}
	if err := json.Unmarshal(j.Errors, &j.errors); err != nil {
		return fmt.Errorf("read errors of import: %w", err)
	}
	if j.rows, err = rows(Kind(j.Kind), j.Format, *j.Data); err != nil {
		return i.fail(ctx, id, err)
	}
	j.Data = nil
	if len(j.rows) == 0 {
		return i.finish(ctx, j)
	}
	if err := i.Engine.Refresh(ctx); err != nil {
		return err
	}
	for int(j.ProcessedRows) < len(j.rows) {
		if err := i.batch(ctx, j, min(batchRows, len(j.rows)-int(j.ProcessedRows))); err != nil {
			return err
		}
	}
	return nil
}

// fail ends an import whose file cannot be parsed.
func (i *Importer) fail(ctx context.Context, id uuid.UUID, cause error) error {
	raw, err := json.Marshal([]rowError{{0, clip.Stored("file "+cause.Error(), 1000)}})
	if err != nil {
		return fmt.Errorf("encode errors: %w", err)
	}
	if err := i.Engine.Store.ImportFail(ctx, raw, id); err != nil {
		return fmt.Errorf("fail import: %w", err)
	}
	return nil
}

// finish ends an import of no rows.
func (i *Importer) finish(ctx context.Context, j *job) error {
	next, _, err := j.advanced(0, nil)
	if err != nil {
		return err
	}
	if _, err := i.Engine.Store.ImportAdvance(ctx, next); err != nil {
		return fmt.Errorf("end import: %w", err)
	}
	return nil
}

// batch does the next n rows together. If that cannot be, because one of them makes the
// transaction fail, it does each alone, so that a bad one fails alone (O-20).
func (i *Importer) batch(ctx context.Context, j *job, n int) error {
	err := i.apply(ctx, j, n)
	if err == nil || errors.Is(err, errElsewhere) || store.IsUnavailable(err) || ctx.Err() != nil {
		return err
	}
	if n > 1 {
		for range n {
			if err := i.batch(ctx, j, 1); err != nil {
				return err
			}
		}
		return nil
	}
	r := &j.rows[j.ProcessedRows]
	if r.wrong != "" {
		return err // it is not the row
	}
	var refused *hogsend.ValidationError
	if r.wrong = "could not be written"; errors.As(err, &refused) {
		r.wrong = refused.Field + " " + refused.Message
	} else {
		i.Engine.Config().Logger.ErrorContext(ctx, "row of an import failed", "import_id", j.ID, "row", j.ProcessedRows+1, "error", err)
	}
	return i.apply(ctx, j, 1)
}

// apply does the next n rows and advances, in one transaction.
func (i *Importer) apply(ctx context.Context, j *job, n int) (err error) {
	var told []rowError
	var failed int32
	if Kind(j.Kind) == Suppressions {
		told, failed, err = i.suppress(ctx, j, n)
	} else {
		told, failed, err = i.upsert(ctx, j, n)
	}
	if err != nil {
		return err
	}
	j.ProcessedRows, j.FailedRows, j.errors = j.ProcessedRows+int32(n), failed, told //nolint:gosec // rows of a file of 32 MiB
	return nil
}

// upsert writes contacts (O-22, W-34).
func (i *Importer) upsert(ctx context.Context, j *job, n int) (told []rowError, failed int32, err error) {
	begin := int(j.ProcessedRows)
	changes, wrong := []*decide.Change{}, make([]func() string, n)
	for k := range n {
		r := &j.rows[begin+k]
		u := i.contact(r)
		if text := r.wrong; text != "" {
			wrong[k] = func() string { return text }
			continue
		}
		c := i.Engine.Change(u)
		changes = append(changes, c)
		wrong[k] = func() string {
			if c.Twofold {
				return "its ids are those of two contacts"
			}
			return ""
		}
	}
	finish := func(ctx context.Context, p *store.Pipeline, _ time.Time) {
		p.Add(func(q *storedb.Queries) error {
			next, all, err := j.advanced(n, wrong)
			if err != nil {
				return err
			}
			told, failed = all, next.FailedRows
			return advance(ctx, q, next)
		})
	}
	err = i.Engine.ApplyChunk(ctx, &engine.Chunk{Finish: finish}, changes...)
	return told, failed, err
}

// contact is what a row writes; what is wrong with it is noted there.
func (i *Importer) contact(r *row) *decide.Upsert {
	u := &decide.Upsert{UserID: r.text("externalId"), Email: address.Trim(r.text("email")), Imported: true}
	if raw, ok := r.fields["properties"]; ok && r.wrong == "" && string(raw) != "null" {
		if err := json.Unmarshal(raw, &u.Properties); err != nil {
			r.wrong = "properties must be an object"
		}
	}
	switch {
	case r.wrong != "":
	case i.JunkIDs.Has(u.UserID):
		r.wrong = naming.JunkMessage(u.UserID)
	default:
		event := ingest.Event{Name: "import", UserID: u.UserID, Email: u.Email, ContactProperties: u.Properties}
		if problems := ingest.Validate(&event); len(problems) > 0 {
			r.wrong = problems[0].Path + ": " + problems[0].Message
			if problems[0].Message == check.IdentityMessage {
				r.wrong = "needs externalId or email"
			}
		}
	}
	return u
}

// suppress suppresses addresses; no bucket is asked (W-36).
func (i *Importer) suppress(ctx context.Context, j *job, n int) (told []rowError, failed int32, err error) {
	begin := int(j.ProcessedRows)
	wrong := make([]func() string, n)
	p := storedb.SuppressionsImportParams{Now: time.Now().UTC().Truncate(time.Microsecond)}
	place := map[string]int{}
	for k := range n {
		r := &j.rows[begin+k]
		email, key, reason := suppression(r)
		text := r.wrong
		if wrong[k] = func() string { return text }; text != "" {
			continue
		}
		if at, twice := place[key]; twice {
			if strength(reason) > strength(p.Reasons[at]) {
				p.Reasons[at] = reason
			}
			continue
		}
		place[key] = len(p.Ids)
		p.Ids, p.Emails, p.EmailKeys, p.Reasons = append(p.Ids, engine.NewID()), append(p.Emails, email), append(p.EmailKeys, key), append(p.Reasons, reason)
	}
	next, told, err := j.advanced(n, wrong)
	if err != nil {
		return nil, 0, err
	}
	err = i.Engine.Store.Change(ctx, func(q *storedb.Queries) error {
		if err := q.SuppressionsImport(ctx, p); err != nil {
			return err
		}
		return advance(ctx, q, next)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("import suppressions: %w", err)
	}
	return told, next.FailedRows, nil
}

func suppression(r *row) (email, key, reason string) {
	email, reason = address.Trim(r.text("email")), r.text("reason")
	if key = address.Key(email); key == "" && r.wrong == "" {
		r.wrong = "email must be an e-mail address"
	}
	if reason == "" {
		reason = reasons()[0]
	}
	if strength(reason) < 0 && r.wrong == "" {
		r.wrong = "reason must be import, manual, bounce or complaint"
	}
	return email, key, reason
}

// reasons are those of suppressions, the weakest first (E-65).
func reasons() []string { return []string{"import", "manual", "bounce", "complaint"} }

func strength(reason string) int {
	for i, one := range reasons() {
		if one == reason {
			return i
		}
	}
	return -1
}

// advanced is the import behind its next n rows, and its errors then.
func (j *job) advanced(n int, wrong []func() string) (p storedb.ImportAdvanceParams, told []rowError, err error) {
	told = append([]rowError{}, j.errors...)
	p = storedb.ImportAdvanceParams{ //nolint:gosec // rows of a file of 32 MiB
		ID: j.ID, Status: "processing", TotalRows: int32(len(j.rows)), Before: j.ProcessedRows, ProcessedRows: j.ProcessedRows + int32(n), FailedRows: j.FailedRows,
	}
	for k, why := range wrong {
		text := why()
		if text == "" {
			continue
		}
		if p.FailedRows++; len(told) < maxErrors {
			told = append(told, rowError{int(j.ProcessedRows) + k + 1, clip.Stored(text, 1000)})
		}
	}
	if p.ProcessedRows == p.TotalRows {
		if p.Status = "completed"; p.TotalRows > 0 && p.FailedRows == p.TotalRows {
			p.Status = "failed"
		}
	}
	if p.Errors, err = json.Marshal(told); err != nil {
		return p, nil, fmt.Errorf("encode errors: %w", err)
	}
	return p, told, nil
}

func advance(ctx context.Context, q *storedb.Queries, p storedb.ImportAdvanceParams) error {
	n, err := q.ImportAdvance(ctx, p)
	if err == nil && n == 0 {
		return errElsewhere
	}
	return err
}
