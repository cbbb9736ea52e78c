package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hogsend/hogsend/internal/decide"
	"github.com/hogsend/hogsend/internal/store/storedb"
)

// Answer is what a person answered by a link of a mail, or commented on it.
type Answer struct {
	Send       storedb.Send
	Event      string
	Properties json.RawMessage
	// Comment is what they added; "" for nothing.
	Comment string
	At      time.Time
}

// Answer keeps an answer and tells journeys and buckets, in one transaction: by an event of
// its own name with its properties and those of the mail, and by one of the comment. The
// first answer of a mail to an event stays, and so does the first comment; whatever else
// comes changes nothing, and answered says that (E-86).
func (g *Ingester) Answer(ctx context.Context, a Answer) (kept storedb.Answer, err error) {
	for {
		known, err := g.engine.Store.AnswerGet(ctx, a.Send.ID, a.Event)
		if err != nil {
			return kept, fmt.Errorf("read answer: %w", err)
		}
		if len(known) > 0 {
			kept = known[0]
			if a.Comment == "" || kept.Comment != nil {
				return kept, nil
			}
			a.Properties = kept.Properties
		}
		err = g.answer(ctx, a, len(known) > 0)
		if err != nil && !errors.Is(err, errMoved) {
			return kept, fmt.Errorf("keep answer: %w", err)
		}
	}
}

// answer writes what is new, if nobody else has meanwhile.
func (g *Ingester) answer(ctx context.Context, a Answer, answered bool) error {
	at := a.At.UTC().Truncate(time.Microsecond)
	said := map[string]json.RawMessage{} // numbers as they are written
	if err := json.Unmarshal(a.Properties, &said); err != nil {
		return err
	}
	properties := map[string]any{}
	for name, value := range said {
		properties[name] = value
	}
	for name, value := range mailProperties(a.Send.ID, a.Send.TemplateKey, a.Send.Category, a.Send.JourneyID, a.Send.EnrollmentID, a.Send.CampaignID) {
		properties[name] = value
	}
	var writes []Write
	var events []decide.Announced
	// A comment has a key that is no answer's: another link of the mail may be an event of its name.
	tell := func(kind, name string, write Write) error {
		raw, err := json.Marshal(properties)
		writes = append(writes, write)
		events = append(events, decide.Announced{Name: name, Properties: raw, Key: kind + ":" + a.Send.ID.String() + ":" + name, OccurredAt: at})
		return err
	}
	if !answered {
		err := tell("answer", a.Event, func(q *storedb.Queries) error {
			return once(q.AnswerInsert(ctx, storedb.AnswerInsertParams{SendID: a.Send.ID, Event: a.Event, Properties: a.Properties, At: at}))(errMoved)
		})
		if err != nil {
			return err
		}
	}
	if a.Comment != "" {
		properties["comment"] = a.Comment
		err := tell("comment", decide.CommentEvent(a.Event), func(q *storedb.Queries) error {
			return once(q.AnswerComment(ctx, storedb.AnswerCommentParams{Comment: a.Comment, At: at, SendID: a.Send.ID, Event: a.Event}))(errMoved)
		})
		if err != nil {
			return err
		}
	}
	if a.Send.ContactID != nil {
		change := g.engine.ChangeOf(*a.Send.ContactID, &decide.Announcement{Events: events, Attached: attached(writes)})
		if err := g.engine.Apply(ctx, change); err != nil || !change.Missing {
			return err
		}
	}
	return g.engine.Store.InTx(ctx, func(_ pgx.Tx, q *storedb.Queries) error {
		for _, write := range writes {
			if err := write(q); err != nil {
				return err
			}
		}
		return nil
	})
}
