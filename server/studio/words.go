package studio

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/criteria"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/server/studio/view"
)

// triggerWords say what an event is: one of a bucket's own, or its name.
func (s *Studio) triggerWords(event string) string {
	for i := range s.cfg.Registry.Buckets {
		b := &s.cfg.Registry.Buckets[i]
		name := s.bucketName(b.ID)
		switch {
		case event == hogsend.Entered(b.ID):
			return "enters " + name
		case event == hogsend.Left(b.ID):
			return "leaves " + name
		case strings.HasPrefix(event, hogsend.Dwell(b.ID, "")):
			return dwellWords(strings.TrimPrefix(event, hogsend.Dwell(b.ID, "")), name)
		}
	}
	switch event {
	case hogsend.AnyEntered:
		return "enters any bucket"
	case hogsend.AnyLeft:
		return "leaves any bucket"
	case hogsend.AnyDwell:
		return "stays in any bucket"
	}
	return event
}

// dwellWords say how long a stay is: after or every some milliseconds.
func dwellWords(schedule, bucket string) string {
	how, ms, _ := strings.Cut(schedule, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return "stays in " + bucket
	}
	length := criteria.LengthWords(time.Duration(n) * time.Millisecond)
	if how == "every" {
		return "every " + length + " in " + bucket
	}
	return "after " + length + " in " + bucket
}

// changeLine says who switched or paused something, when and why.
func (s *Studio) changeLine(r *request, note json.RawMessage) string {
	var c store.LastChange
	if note == nil || json.Unmarshal(note, &c) != nil {
		return ""
	}
	line := strings.ToUpper(c.Action[:1]) + c.Action[1:] + " by " + visible(c.By) + " on " + s.moment(r, c.At).Text
	if c.Reason != nil && *c.Reason != "" {
		line += ": “" + visible(*c.Reason) + "”"
	}
	return line + "."
}

// criteriaWords are what a bucket asks for.
func criteriaWords(raw json.RawMessage) view.Said {
	tree, problems, err := criteria.UnmarshalTree(raw)
	if err != nil || len(problems) > 0 {
		return view.Said{Text: "something that this build does not know"}
	}
	return said(criteria.Words(tree))
}

func sentence(raw json.RawMessage) string {
	tree, problems, err := criteria.UnmarshalTree(raw)
	if err != nil || len(problems) > 0 {
		return ""
	}
	return cut(visible(criteria.Words(tree).Sentence()), 200)
}

func said(w criteria.Said) view.Said {
	out := view.Said{Text: visible(w.Text)}
	for _, below := range w.Below {
		out.Below = append(out.Below, said(below))
	}
	return out
}
