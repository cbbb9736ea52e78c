package studio

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
	"github.com/hogsend/hogsend/internal/why/ask"
	"github.com/hogsend/hogsend/server/studio/view"
)

// asker reads for the engine of answers and writes instants as the user reads them.
func (s *Studio) asker(r *request, q *storedb.Queries, journeys known) ask.Reader {
	return ask.Reader{
		Q: q, Store: s.cfg.Store, Journeys: ask.Journeys(journeys), Now: s.cfg.Now(),
		When: func(t time.Time) string { return t.In(r.zone).Format("2 Jan 2006, 15:04:05") },
	}
}

// question is who asks about whom.
func (s *Studio) question(r *request, c storedb.Contact, thing string) why.Question {
	return s.asker(r, nil, nil).Question(c, thing)
}

// ask answers why a person got a mail or is in a journey or a bucket, and why not (U-22).
func (s *Studio) ask(r *request, q *storedb.Queries, c storedb.Contact, journeys known, about string) (*view.Answer, error) {
	kind, id, _ := strings.Cut(about, ":")
	reader := s.asker(r, q, journeys)
	var asked ask.Asked
	var err error
	switch kind {
	case "mail":
		asked, err = reader.Mail(r.ctx(), c, id)
	case "journey":
		j, known := journeys[id]
		if !known {
			return nil, lost("No journey that is served has this id.")
		}
		asked, err = reader.Journey(r.ctx(), c, j)
	case "bucket":
		var found bool
		if asked, found, err = reader.Bucket(r.ctx(), c, id); err == nil && !found {
			return nil, lost("No bucket that was ever in force has this id.")
		}
	default:
		return nil, lost("This cannot be asked.")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask about %s", kind), err)
	}
	return s.answer(r, asked.Question, asked.Answer), nil
}

// answer is an answer with its links.
func (s *Studio) answer(r *request, question string, a why.Answer) *view.Answer {
	v := &view.Answer{Verdict: verdictBadge(a.Verdict), Question: question, Sentence: a.Sentence}
	for _, f := range a.Facts {
		fact := view.Fact{Text: f.Text, At: s.momentOrNil(r, f.At)}
		if f.Ref != nil {
			fact.Link = linkOf(*f.Ref)
		}
		v.Facts = append(v.Facts, fact)
	}
	for _, ref := range a.Next {
		v.Next = append(v.Next, linkOf(ref))
	}
	return v
}

func linkOf(ref why.Ref) view.Link {
	l := view.Link{Text: ref.Text}
	switch ref.Kind {
	case why.KindMail:
		l.URL = "/studio/mails/" + ref.ID
	case why.KindEvent:
		l.URL = "/studio/events/" + ref.ID
	case why.KindJourney:
		l.URL = journeyURL(ref.ID)
	case why.KindCampaign:
		l.URL = "/studio/campaigns/" + ref.ID
	case why.KindBucket:
		l.URL = bucketURL(ref.ID)
	case why.KindContact:
		l.URL = "/studio/contacts/" + ref.ID
	}
	return l
}
