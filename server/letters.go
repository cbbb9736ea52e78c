package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// letterReply is the object DeadLetter of §6.7.
type letterReply struct {
	ID         uuid.UUID       `json:"id"`
	Source     string          `json:"source"`
	SourceID   *string         `json:"sourceId"`
	Payload    json.RawMessage `json:"payload"`
	Error      string          `json:"error"`
	RetryCount int32           `json:"retryCount"`
	Status     string          `json:"status"`
	RetriedAt  *ts             `json:"retriedAt"`
	CreatedAt  ts              `json:"createdAt"`
	UpdatedAt  ts              `json:"updatedAt"`
}

func letterOf(d storedb.DeadLetter) letterReply {
	return letterReply{
		d.ID, d.Source, d.SourceID, d.Payload, d.Error, d.RetryCount, d.Status, tsOrNull(d.RetriedAt), ts(d.CreatedAt), ts(d.UpdatedAt),
	}
}

// listLetters is R-113.
func (s *Server) listLetters(r *request) error {
	q := queryOf(r)
	p := q.page()
	params := storedb.LettersCountParams{Source: q.optional("source"), Status: q.oneOf("status", "pending", "retried", "discarded")}
	params.Since, params.Until = q.span()
	if err := q.err(); err != nil {
		return err
	}
	var err error
	if p.Total, err = s.store.LettersCount(r.ctx(), params); err != nil {
		return err
	}
	rows, err := s.store.LettersList(r.ctx(), storedb.LettersListParams{
		Source: params.Source, Status: params.Status, Since: params.Since, Until: params.Until, RowOffset: p.Offset, RowLimit: p.Limit,
	})
	if err != nil {
		return err
	}
	entries := make([]letterReply, len(rows))
	for i, row := range rows {
		entries[i] = letterOf(row)
	}
	return reply(r, http.StatusOK, struct {
		Entries []letterReply `json:"entries"`
		page
	}{entries, p})
}

// letter is the dead letter that the path names.
func (s *Server) letter(r *request) (storedb.DeadLetter, error) {
	id, err := idParam(r, "id")
	if err != nil {
		return storedb.DeadLetter{}, err
	}
	rows, err := s.store.LetterGet(r.ctx(), id)
	if err != nil {
		return storedb.DeadLetter{}, err
	}
	if len(rows) == 0 {
		return storedb.DeadLetter{}, notFound("Entry not found")
	}
	return rows[0], nil
}

// getLetter is R-114.
func (s *Server) getLetter(r *request) error {
	d, err := s.letter(r)
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]any{"entry": letterOf(d)})
}

// retryLetter is R-115.
func (s *Server) retryLetter(r *request) error {
	d, err := s.letter(r)
	if err != nil {
		return err
	}
	if _, err := readObject(r); err != nil {
		return err
	}
	retried, err := s.desk.RetryLetters(r.ctx(), s.who(r), []uuid.UUID{d.ID})
	if err != nil {
		return err
	}
	if d, err = s.letter(r); err != nil {
		return err
	}
	switch {
	case retried > 0:
	case d.Status == "pending":
		return conflict("What the entry is about is not kept any more; it can only be discarded")
	default:
		return conflict("Entry is already " + d.Status)
	}
	return reply(r, http.StatusAccepted, struct {
		Retried bool        `json:"retried"`
		Entry   letterReply `json:"entry"`
	}{true, letterOf(d)})
}

// maxLetters is how many dead letters are retried at once by their ids, maxOfSource how
// many of a source.
const (
	maxLetters  = 1000
	maxOfSource = 10_000
)

// retryLetters is R-116. Of a source with very many letters it retries the oldest 10,000.
func (s *Server) retryLetters(r *request) error {
	o, err := readObject(r)
	if err != nil {
		return err
	}
	var ids []uuid.UUID
	var source string
	o.read("source", "a string", &source)
	if o.read("ids", "an array of uuids", &ids) && len(ids) > maxLetters {
		o.report("ids", "must have at most 1000 items")
	}
	if !o.found && (source == "") == (len(ids) == 0) {
		o.report("ids", "either ids or source is required")
	}
	if err := o.err(); err != nil {
		return err
	}
	if source != "" {
		if ids, err = s.store.LettersPending(r.ctx(), source, maxOfSource); err != nil {
			return err
		}
	}
	retried, err := s.desk.RetryLetters(r.ctx(), s.who(r), ids)
	if err != nil {
		return err
	}
	return reply(r, http.StatusAccepted, struct {
		Retried int `json:"retried"`
		Skipped int `json:"skipped"`
	}{retried, len(ids) - retried})
}

// discardLetter is R-117.
func (s *Server) discardLetter(r *request) error {
	d, err := s.letter(r)
	if err != nil {
		return err
	}
	err = s.desk.DiscardLetter(r.ctx(), s.who(r), d.ID)
	if errors.Is(err, operate.ErrDecided) {
		if d, err = s.letter(r); err == nil {
			err = conflict("Entry is already " + d.Status)
		}
	}
	if err != nil {
		return err
	}
	return reply(r, http.StatusOK, map[string]bool{"discarded": true})
}
