package cascade

import (
	"maps"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/decide"
)

// choose writes choices about lists into the record of the address that the contact has as
// of the change, and returns the events of what that changed. They lift neither an opt-out
// from everything nor a suppression (E-59).
func (d *Decider) choose(c *work, lists map[string]bool) ([]decide.Announced, error) {
	if len(lists) == 0 || c.Deleted || d.Simulated {
		return nil, nil
	}
	if c.EmailKey == "" {
		return nil, &hogsend.ValidationError{Field: "lists", Message: "the contact has no e-mail address"}
	}
	before := d.Choices[c.EmailKey]
	after := decide.OptOuts{UnsubscribedAll: before.UnsubscribedAll, Categories: maps.Clone(before.Categories)}
	if after.Categories == nil {
		after.Categories = map[string]bool{}
	}
	maps.Copy(after.Categories, lists)
	if maps.Equal(before.Categories, after.Categories) {
		return nil, nil
	}
	if d.Choices == nil {
		d.Choices = map[string]decide.OptOuts{}
	}
	d.Choices[c.EmailKey] = after // as later changes of the batch find it
	d.Effects.Choices = append(d.Effects.Choices, decide.ChoiceWrite{
		EmailKey: c.EmailKey, ContactID: c.Contact.ID, Categories: after.Categories, At: d.Now,
	})
	return decide.Choice{Via: "api", ByCategory: true}.Told(before, after)
}

// tell lets the events of a choice run behind what made it (E-57).
func (d *Decider) tell(cause *eventState, events []decide.Announced) error {
	for _, one := range events {
		e := &eventState{id: d.NewID(), name: one.Name, properties: one.Properties, source: decide.SourceEmail, occurred: d.Now}
		if err := d.internal(cause, e, one.Name+":"+e.id.String()); err != nil {
			return err
		}
	}
	return nil
}
