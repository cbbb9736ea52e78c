package studio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/operate"
	"github.com/hogsend/hogsend/internal/store"
	"github.com/hogsend/hogsend/internal/store/storedb"
	"github.com/hogsend/hogsend/server/studio/view"
)

// campaignForm is what somebody wants to send, to whom and when.
type campaignForm struct {
	name, template, audience, subject, at, rate, sample, props string
}

func formOf(r *request) campaignForm {
	of := func(name string) string { return clean(r.PostFormValue(name)) }
	return campaignForm{of("name"), of("template"), of("audience"), of("subject"), of("at"), of("rate"), of("sample"), r.PostFormValue("props")}
}

// newCampaign is the form (U-29).
func (s *Studio) newCampaign(r *request) error {
	return s.show(r, http.StatusOK, "campaign_new", s.campaignPage(r, campaignForm{audience: r.query("audience"), template: r.query("template")}, view.Problem{}))
}

func (s *Studio) campaignPage(r *request, f campaignForm, wrong view.Problem) view.CampaignNew {
	v := view.CampaignNew{Name: visible(f.name), Subject: visible(f.subject), At: visible(f.at), Rate: visible(f.rate), Sample: visible(f.sample), Props: f.props, Zone: r.zone.String(), Problem: wrong}
	for _, t := range s.cfg.Registry.Templates {
		v.Templates = append(v.Templates, view.Choice{Value: t.Key, Label: t.Key, On: t.Key == f.template})
	}
	slices.SortFunc(v.Templates, func(a, b view.Choice) int { return compare(a.Value, b.Value) })
	for _, l := range s.cfg.Registry.Lists {
		v.Audiences = append(v.Audiences, view.Choice{Value: "list:" + l.ID, Label: "list " + l.Name, On: "list:"+l.ID == f.audience})
	}
	for i := range s.cfg.Registry.Buckets {
		b := &s.cfg.Registry.Buckets[i]
		v.Audiences = append(v.Audiences, view.Choice{Value: "bucket:" + b.ID, Label: "bucket " + s.bucketName(b.ID), On: "bucket:"+b.ID == f.audience})
	}
	v.Frame = s.frame(r, "New campaign", "New campaign")
	return v
}

// createCampaign makes a campaign after a look at what it will do. The key of the form lets a
// second click find the campaign of the first.
func (s *Studio) createCampaign(r *request) error {
	f := formOf(r)
	c, wrong := s.readCampaign(r, f)
	if wrong.Text != "" {
		return s.show(r, http.StatusUnprocessableEntity, "campaign_new", s.campaignPage(r, f, wrong))
	}
	given, err := uuid.Parse(r.PostFormValue("key"))
	if err != nil {
		return s.confirmCampaign(r, f, c)
	}
	key := "studio:" + given.String()
	c.Key = &key
	made, err := s.cfg.Desk.CreateCampaign(r.ctx(), s.actor(r), c)
	if err != nil {
		return err
	}
	return r.see(campaignURL(made.ID) + "?done=campaign-made")
}

// confirmCampaign says whom it will go to before it does.
func (s *Studio) confirmCampaign(r *request, f campaignForm, c storedb.CampaignInsertParams) error {
	who := "everybody who is on the list " + visible(c.AudienceID)
	if c.AudienceKind == contract.AudienceBucket {
		counts, err := s.cfg.Store.AdminBucketCounts(r.ctx(), []string{c.AudienceID})
		if err != nil {
			return err
		}
		members := int64(0)
		for _, row := range counts {
			if row.Status == string(contract.MembershipActive) {
				members = row.Total
			}
		}
		who = "everybody who is in " + s.bucketName(c.AudienceID) + ", at the moment " + plural(members, "person", "people")
	}
	when := "It begins at once."
	if c.ScheduledAt != nil {
		when = "It begins on " + s.moment(r, *c.ScheduledAt).Text + "."
	}
	points := []string{
		"The mail “" + visible(c.TemplateKey) + "” goes to " + who + ", once to each address.", when, "Who is in it is settled when it begins. Opt-outs, blocked addresses and limits hold.",
		"It can be paused and canceled; a mail that was handed over cannot be called back.",
	}
	if c.Sample > 0 {
		points = append(points, "After the first "+number(int64(c.Sample))+" it pauses, and goes on when you resume it.")
	}
	hidden := []view.Field{{Name: "key", Value: uuid.NewString()}}
	for name, value := range map[string]string{"name": f.name, "template": f.template, "audience": f.audience, "subject": f.subject, "at": f.at, "rate": f.rate, "sample": f.sample, "props": f.props} {
		hidden = append(hidden, view.Field{Name: name, Value: value})
	}
	slices.SortFunc(hidden, func(a, b view.Field) int { return compare(a.Name, b.Name) })
	return s.show(r, http.StatusOK, "confirm", view.Confirm{
		Frame: s.frame(r, "New campaign", "Send “"+visible(c.Name)+"”?"), Action: "/studio/campaigns", Back: "/studio/campaigns/new", Verb: "Send it", Points: points, Hidden: hidden,
	})
}

// Bounds of a campaign, as on the API (H-12, E-69).
const (
	maxCampaignRate  = 1_000_000
	maxCampaignName  = 100
	maxCampaignAhead = 366 * 24 * time.Hour
)

// readCampaign checks what the form says.
func (s *Studio) readCampaign(r *request, f campaignForm) (c storedb.CampaignInsertParams, wrong view.Problem) {
	c = storedb.CampaignInsertParams{ID: uuid.Must(uuid.NewV7()), Name: f.name, Status: contract.CampaignQueued, TemplateKey: f.template, Subject: f.subject, SampleTo: []uuid.UUID{}, Now: s.instant()}
	kind, id, _ := strings.Cut(f.audience, ":")
	c.AudienceKind, c.AudienceID = contract.AudienceKind(kind), id
	known := kind == string(contract.AudienceList) && slices.ContainsFunc(s.cfg.Registry.Lists, func(l hogsend.List) bool { return l.ID == id }) ||
		kind == string(contract.AudienceBucket) && slices.ContainsFunc(s.cfg.Registry.Buckets, func(b hogsend.Bucket) bool { return b.ID == id })
	number := func(field, text string) int32 {
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxCampaignRate {
			wrong = view.Problem{Field: field, Text: "It has to be a number from 1 to 1,000,000."}
			return 0
		}
		return int32(n) //nolint:gosec // at most a million
	}
	c.RatePerMinute, c.Sample = number("rate", f.rate), number("sample", f.sample)
	switch {
	case !slices.ContainsFunc(s.cfg.Registry.Templates, func(t hogsend.Template) bool { return t.Key == f.template }):
		return c, view.Problem{Field: "template", Text: "Choose a template."}
	case !known:
		return c, view.Problem{Field: "audience", Text: "Choose a list or a bucket."}
	case utf8.RuneCountInString(f.name) > maxCampaignName:
		return c, view.Problem{Field: "name", Text: "A name has at most 100 characters."}
	case utf8.RuneCountInString(f.subject) > 998:
		return c, view.Problem{Field: "subject", Text: "A subject has at most 998 characters."}
	}
	if c.Name == "" {
		c.Name = c.TemplateKey
	}
	if text := strings.TrimSpace(f.props); text != "" {
		var props map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &props) != nil {
			return c, view.Problem{Field: "props", Text: "It has to be a JSON object."}
		}
		c.Props = json.RawMessage(text)
	}
	if f.at != "" {
		at, err := time.ParseInLocation("2006-01-02T15:04", f.at, r.zone)
		if err != nil || !at.After(c.Now) || at.After(c.Now.Add(maxCampaignAhead)) {
			return c, view.Problem{Field: "at", Text: "It has to be in the future, at most a year ahead."}
		}
		at = at.UTC()
		c.Status, c.ScheduledAt = contract.CampaignScheduled, &at
	}
	return c, wrong
}

// changes are what can be done to a campaign that is not over.
type campaignChange struct {
	verb, done string
	points     []string
	do         func(ctx context.Context, by store.Actor, id uuid.UUID, now time.Time) (storedb.Campaign, error)
}

func (s *Studio) campaignChange(name string, left int64) campaignChange {
	return map[string]campaignChange{
		"pause":  {"Pause", "campaign-paused", []string{plural(left, "person has", "people have") + " not been mailed yet: they wait until it is resumed.", "Mails that were handed over arrive."}, s.cfg.Desk.PauseCampaign},
		"resume": {"Resume", "campaign-resumed", []string{plural(left, "person has", "people have") + " not been mailed yet: it goes on with them."}, s.cfg.Desk.ResumeCampaign},
		"cancel": {"Cancel", "campaign-canceled", []string{plural(left, "person is", "people are") + " spared.", "Mails that were handed over arrive.", "It cannot be taken up again."}, s.cfg.Desk.CancelCampaign},
	}[name]
}

func (s *Studio) confirmPauseCampaign(r *request) error { return s.confirmCampaignChange(r, "pause") }

func (s *Studio) confirmResumeCampaign(r *request) error { return s.confirmCampaignChange(r, "resume") }

func (s *Studio) confirmCancelCampaign(r *request) error { return s.confirmCampaignChange(r, "cancel") }
func (s *Studio) pauseCampaign(r *request) error         { return s.changeCampaign(r, "pause") }
func (s *Studio) resumeCampaign(r *request) error        { return s.changeCampaign(r, "resume") }
func (s *Studio) cancelCampaign(r *request) error        { return s.changeCampaign(r, "cancel") }

func (s *Studio) confirmCampaignChange(r *request, name string) error {
	c, err := s.campaign(r)
	if err != nil {
		return err
	}
	change := s.campaignChange(name, int64(c.TotalRecipients-c.SentCount-c.SkippedCount-c.FailedCount))
	v := view.Confirm{Action: campaignURL(c.ID) + "/" + name, Back: campaignURL(c.ID), Verb: change.verb + " " + visible(c.Name), Points: change.points}
	v.Frame = s.frame(r, change.verb, v.Verb+"?")
	return s.show(r, http.StatusOK, "confirm", v)
}

func (s *Studio) changeCampaign(r *request, name string) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	change := s.campaignChange(name, 0)
	_, err = change.do(r.ctx(), s.actor(r), id, s.instant())
	var over *operate.OverError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return lost("No campaign has this id.")
	case errors.As(err, &over):
		return conflict("It is over", "The campaign is "+string(over.Status)+" already. Nothing was done.", campaignURL(id))
	case err != nil:
		return err
	}
	return r.see(campaignURL(id) + "?done=" + change.done)
}
