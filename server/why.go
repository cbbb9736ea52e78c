package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/naming"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/internal/why"
	"github.com/hogsend/hogsend/internal/why/ask"
)

// answerReply is an answer about one thing that has the name asked about.
type answerReply struct {
	Kind     string      `json:"kind"`
	ID       string      `json:"id"`
	Question string      `json:"question"`
	Verdict  why.Verdict `json:"verdict"`
	Sentence string      `json:"sentence"`
	Facts    []factReply `json:"facts"`
}

// factReply is what decided, and where it can be looked at.
type factReply struct {
	Text string  `json:"text"`
	At   *ts     `json:"at"`
	Kind *string `json:"kind"`
	ID   *string `json:"id"`
}

// The kinds of what can be asked about.
const (
	aboutTemplate = "template"
	aboutJourney  = "journey"
	aboutBucket   = "bucket"
)

// whyContact is R-120: whether and why a contact got a mail, or is in a journey or a bucket.
// A name that several of them have is answered for each.
func (s *Server) whyContact(r *request) error {
	q := queryOf(r)
	about, kind := q.text("about"), q.oneOf("kind", aboutTemplate, aboutJourney, aboutBucket)
	if about == "" {
		q.report("about", "is required: a template, a journey or a bucket")
	}
	if err := q.err(); err != nil {
		return err
	}
	c, err := s.contact(r)
	if err != nil {
		return err
	}
	all, err := s.served(r.ctx())
	if err != nil {
		return err
	}
	journeys := ask.ByID(all)
	reader := ask.Reader{
		Q: s.store.Queries, Store: s.store, Journeys: journeys, Now: s.now(),
		When: func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
	}
	answers := []answerReply{}
	for _, one := range []struct {
		kind string
		ask  func(context.Context, ask.Reader, storedb.Contact, string) (ask.Asked, bool, error)
	}{{aboutTemplate, s.whyMail}, {aboutJourney, whyJourney}, {aboutBucket, whyBucket}} {
		if kind != nil && *kind != one.kind {
			continue
		}
		asked, found, err := one.ask(r.ctx(), reader, c, about)
		if err != nil {
			return err
		}
		if found {
			answers = append(answers, answerOf(one.kind, about, asked))
		}
	}
	if len(answers) == 0 {
		return notFound("No template, journey or bucket is called " + about + naming.Suggestion(about, s.names(all)))
	}
	return reply(r, http.StatusOK, map[string]any{"answers": answers})
}

func (s *Server) whyMail(ctx context.Context, reader ask.Reader, c storedb.Contact, key string) (ask.Asked, bool, error) {
	if !slices.ContainsFunc(s.cfg.Registry.Templates, func(t hogsend.Template) bool { return t.Key == key }) {
		return ask.Asked{}, false, nil
	}
	asked, err := reader.Mail(ctx, c, key)
	return asked, true, err
}

func whyJourney(ctx context.Context, reader ask.Reader, c storedb.Contact, id string) (ask.Asked, bool, error) {
	j, found := reader.Journeys[id]
	if !found {
		return ask.Asked{}, false, nil
	}
	asked, err := reader.Journey(ctx, c, j)
	return asked, true, err
}

func whyBucket(ctx context.Context, reader ask.Reader, c storedb.Contact, id string) (ask.Asked, bool, error) {
	return reader.Bucket(ctx, c, id)
}

// names are those that can be asked about.
func (s *Server) names(journeys []hogsend.Journey) []string {
	var out []string
	for _, t := range s.cfg.Registry.Templates {
		out = append(out, t.Key)
	}
	for i := range s.cfg.Registry.Buckets {
		out = append(out, s.cfg.Registry.Buckets[i].ID)
	}
	for _, j := range journeys {
		if !strings.Contains(j.ID, ":") {
			out = append(out, j.ID)
		}
	}
	return out
}

func answerOf(kind, id string, a ask.Asked) answerReply {
	out := answerReply{Kind: kind, ID: id, Question: a.Question, Verdict: a.Verdict, Sentence: a.Sentence, Facts: []factReply{}}
	for _, f := range a.Facts {
		fact := factReply{Text: f.Text, At: tsOrNull(f.At)}
		if f.Ref != nil {
			fact.Kind, fact.ID = &f.Ref.Kind, &f.Ref.ID
			if fact.Text == "" {
				fact.Text = f.Ref.Text
			}
		}
		out.Facts = append(out.Facts, fact)
	}
	return out
}
