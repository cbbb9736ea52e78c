package saas

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// WeeklyDigest collects the comments on somebody's cards into one mail on Monday
// mornings, instead of one mail each.
var WeeklyDigest = hogsend.Journey{
	ID: "weekly-digest", Name: "Digest: comments of the week",
	Trigger:    hogsend.On("comment.received").Where(hogsend.Prop("muted").Neq(true)),
	EntryLimit: hogsend.Unlimited, // each begins a week of its own
	ExitOn:     []hogsend.Exit{{Event: "user.deleted"}},
	Category:   "digest",
	Templates:  []string{TemplateDigest},
	Run:        weeklyDigest,
}

func weeklyDigest(ctx workflow.Context, run hogsend.Run) error {
	monday, err := run.When(ctx).Next(time.Monday).At("08:00")
	if err != nil {
		return err
	}
	week, err := run.Digest(ctx, hogsend.Digest{Until: monday, Max: 5})
	if err != nil {
		return err
	}
	props := DigestProps{More: week.Total - len(week.Events)}
	for _, comment := range week.Events {
		author, _ := comment.Properties["author"].(string) // without one the mail says "Somebody"
		text, _ := comment.Properties["text"].(string)
		props.Comments = append(props.Comments, Comment{Author: author, Text: text})
	}
	_, err = run.Send(ctx, hogsend.Email{Template: TemplateDigest, Props: props})
	return err
}

// TemplateDigest is the mail with the comments of a week.
const TemplateDigest = "weekly-digest"

// DigestProps are what the digest says.
type DigestProps struct {
	// Comments are the newest, oldest first; More is how many are left out.
	Comments []Comment `json:"comments"`
	More     int       `json:"more"`
}

// Comment is one comment on somebody's card.
type Comment struct {
	Author string `json:"author"`
	Text   string `json:"text"`
}

func digestTemplates() []hogsend.Template {
	return []hogsend.Template{{
		Key:     TemplateDigest,
		Subject: "Your week on Acme Boards",
		Preview: "{{len .Props.Comments}} comments on your cards{{with .Props.More}}, and {{.}} more{{end}}.",
		HTML:    file(TemplateDigest),
		Props:   DigestProps{},
		Examples: map[string]any{"three": DigestProps{More: 1, Comments: []Comment{
			{Author: "Charles", Text: "Is the engine ready?"}, {Text: "Looks good to me."},
		}}},
	}}
}
