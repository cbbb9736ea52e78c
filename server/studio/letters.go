package studio

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// listOutbox is U-34: what Temporal and others are still to be told.
func (s *Studio) listOutbox(r *request) error {
	var v view.Outbox
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		stats, err := q.OutboxStats(r.ctx())
		if err != nil {
			return err
		}
		v.Counts = []view.Tile{
			{Label: "wait", Value: number(stats.Pending)},
			{Label: "under way", Value: number(stats.Delivering)},
			{Label: "given up", Value: number(stats.Dead), URL: "/studio/dead-letters"},
			{Label: "has waited longest", Value: ahead(time.Duration(stats.LagSeconds * float64(time.Second)))},
		}
		rows, err := q.AdminOutboxList(r.ctx(), storedb.AdminOutboxListParams{Pending: true, RowEnd: pageRows, RowLimit: pageRows})
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = row.OrderingKey
		}
		owners, err := q.OutboxContacts(r.ctx(), ids)
		if err != nil {
			return err
		}
		contact := map[uuid.UUID]uuid.UUID{}
		for _, o := range owners {
			contact[o.ID] = o.ContactID
		}
		for _, row := range rows {
			who := row.OrderingKey
			if owner, known := contact[who]; known {
				who = owner
			}
			v.Rows = append(v.Rows, view.OutboxRow{
				ID: row.ID.String(), Kind: string(row.Kind), To: row.Destination, Contact: view.Link{Text: short(who), URL: contactURL(who)}, Attempts: int64(row.Attempts),
				Next: s.moment(r, row.DueAt), Since: s.moment(r, row.CreatedAt), Error: visible(cut(textOf(row.LastError), 1000)),
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nothing waits", Text: "Every message was delivered."}
	}
	v.Frame = s.frame(r, "Outbox", "Outbox")
	return s.show(r, http.StatusOK, "outbox", v)
}

// retryOutbox makes one message due at once.
func (s *Studio) retryOutbox(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	rows, err := s.cfg.Store.AdminOutboxGet(r.ctx(), id)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return lost("No message has this id.")
	}
	if err := s.cfg.Desk.RetryOutbox(r.ctx(), s.actor(r), rows[0]); errors.Is(err, operate.ErrDecided) {
		return &problem{status: http.StatusConflict, heading: "Too late", text: "It is delivered or under way already.", next: [2]string{"Go to the outbox", "/studio/outbox"}}
	} else if err != nil {
		return err
	}
	return r.see("/studio/outbox?done=tried")
}

// listLetters is U-35: what was given up after all attempts, by what went wrong.
func (s *Studio) listLetters(r *request) error {
	var v view.Letters
	p := storedb.LettersListParams{RowLimit: pageRows + 1}
	pending := "pending"
	p.Status = &pending
	if at, err := time.Parse(time.RFC3339Nano, r.query("before")); err == nil {
		p.Until = &at
	}
	err := s.read(r.ctx(), func(q *storedb.Queries) error {
		groups, err := q.StudioLetterGroups(r.ctx())
		if err != nil {
			return err
		}
		for _, g := range groups {
			v.Groups = append(v.Groups, view.LetterGroup{
				Source: visible(g.Source), Error: cut(visible(g.Error), 300), Total: g.Total, Newest: s.moment(r, g.Newest), Retries: strings.HasPrefix(g.Source, "outbox."),
				URL: "/studio/dead-letters/retry?" + url.Values{"source": {g.Source}, "error": {g.Error}}.Encode(),
			})
		}
		rows, err := q.LettersList(r.ctx(), p)
		if err != nil {
			return err
		}
		if len(rows) > pageRows {
			v.Pager.Older = "/studio/dead-letters?before=" + url.QueryEscape(stamp(rows[pageRows].CreatedAt))
			rows = rows[:pageRows]
		}
		for _, d := range rows {
			v.Rows = append(v.Rows, view.LetterRow{
				ID: d.ID.String(), Source: visible(d.Source), Error: visible(cut(d.Error, 1000)), Payload: indented(d.Payload), Tries: int64(d.RetryCount), At: s.moment(r, d.CreatedAt), Retries: strings.HasPrefix(d.Source, "outbox."),
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(v.Rows) == 0 {
		v.Empty = &view.Empty{Title: "Nothing was given up", Text: "What cannot be delivered after all attempts waits here for somebody to decide."}
	}
	v.Frame = s.frame(r, "Dead letters", "Dead letters")
	return s.show(r, http.StatusOK, "letters", v)
}

// lettersAtOnce is how many dead letters one click tries again.
const lettersAtOnce = 500

// confirmLetters asks before all letters of one error are tried again.
func (s *Studio) confirmLetters(r *request) error {
	source, failure := r.query("source"), r.query("error")
	ids, err := s.cfg.Store.StudioLettersOfError(r.ctx(), source, failure, lettersAtOnce)
	if err != nil {
		return err
	}
	verb := "Try " + strconv.Itoa(len(ids)) + " again"
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Try again", verb+"?"), Action: "/studio/dead-letters/retry", Back: "/studio/dead-letters", Verb: verb, Hidden: []view.Field{{Name: "source", Value: source}, {Name: "error", Value: failure}},
		Points: []string{"Each is delivered under its original key: what had worked has no second effect."},
	})
}

func (s *Studio) retryLetters(r *request) error {
	ids, err := s.cfg.Store.StudioLettersOfError(r.ctx(), clean(r.PostFormValue("source")), clean(r.PostFormValue("error")), lettersAtOnce)
	if err != nil {
		return err
	}
	return s.tryAgain(r, ids)
}

func (s *Studio) retryLetter(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	return s.tryAgain(r, []uuid.UUID{id})
}

// tryAgain has letters delivered again; of two at once one does it.
func (s *Studio) tryAgain(r *request, ids []uuid.UUID) error {
	retried, err := s.cfg.Desk.RetryLetters(r.ctx(), s.actor(r), ids)
	if err != nil {
		return err
	}
	if retried == 0 {
		return decided()
	}
	return r.see("/studio/dead-letters?done=tried")
}

func decided() error {
	return &problem{status: http.StatusConflict, heading: "Too late", text: "Somebody decided about it already. Nothing was done.", next: [2]string{"Go to the dead letters", "/studio/dead-letters"}}
}

func (s *Studio) confirmDiscard(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "Discard", "Discard it?"), Action: "/studio/dead-letters/" + id.String() + "/discard", Back: "/studio/dead-letters", Verb: "Discard it", Points: []string{"It is never delivered. What it would have told is lost."},
	})
}

func (s *Studio) discardLetter(r *request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Desk.DiscardLetter(r.ctx(), s.actor(r), id); errors.Is(err, operate.ErrDecided) {
		return decided()
	} else if err != nil {
		return err
	}
	return r.see("/studio/dead-letters?done=discarded")
}
