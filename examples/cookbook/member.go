package cookbook

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
)

// TeamProps are what members of a team did in a day.
type TeamProps struct {
	Total int      `json:"total"`
	Lines []string `json:"lines"`
}

// TeamNews is the mail to the owner of a team.
var TeamNews = hogsend.For[TeamProps](hogsend.Template{
	Key: "team-news", Subject: "{{.Props.Total}} news of your team",
	HTML: `<p>Hello {{.Name}}, since the last mail:</p><ul>{{range .Props.Lines}}<li>{{.}}</li>{{end}}</ul>`,
})

// Member tells the owner of a team what a member did: the event of one person becomes one
// of another.
var Member = hogsend.Journey{
	ID: "member", Name: "Member's activity",
	Trigger:    hogsend.On("comment.created").Where(hogsend.Prop("ownerId").Exists()),
	EntryLimit: hogsend.Unlimited,
	Run:        member,
}

func member(ctx workflow.Context, run hogsend.Run) error {
	owner, ok := run.Event().Properties.String("ownerId")
	if !ok || owner == run.Event().Properties["authorId"] {
		return nil
	}
	return run.Trigger(ctx, hogsend.TriggerEvent{Event: "team.activity", UserID: owner, Properties: run.Event().Properties})
}

// TeamDigest mails the owner once a day what happened, and nothing on quiet days.
var TeamDigest = hogsend.Journey{
	ID: "team-digest", Name: "Team digest",
	Trigger:    hogsend.On("team.activity"),
	EntryLimit: hogsend.Unlimited,
	Run:        teamDigest,
}

func teamDigest(ctx workflow.Context, run hogsend.Run) error {
	day, err := run.Digest(ctx, hogsend.Digest{Window: hogsend.Day, Max: 20})
	if err != nil {
		return err
	}
	news := TeamProps{Total: day.Total}
	for _, e := range day.Events {
		if text, ok := e.Properties.String("text"); ok {
			news.Lines = append(news.Lines, text)
		}
	}
	_, err = run.Send(ctx, TeamNews.With(news))
	return err
}
