package why

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/internal/contract"
)

func instant(day int) *time.Time {
	t := time.Date(2026, 1, day, 10, 0, 0, 0, time.UTC)
	return &t
}

func ask() Question {
	return Question{Person: "Ada", Thing: "Welcome", When: func(t time.Time) string { return t.Format("2 Jan 15:04") }, Now: *instant(9)}
}

// constants are the values of the constants of a type of internal/contract.
func constants(t *testing.T, of string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../contract/reason.go", nil, 0)
	require.NoError(t, err)
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != of {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			require.NoError(t, err)
			values = append(values, text)
		}
		return true
	})
	require.NotEmpty(t, values)
	return values
}

// U-44: a reason that the product can give has a sentence.
func TestEveryReasonHasASentence(t *testing.T) {
	t.Parallel()
	q := ask()
	for _, reason := range constants(t, "GuardReason") {
		_, ok := q.guard(Decision{Reason: reason, Journey: "Trial", Event: "trial.started", At: *instant(5)})
		require.True(t, ok, "say in reasons.go what it means to people: %s", reason)
	}
	for _, reason := range constants(t, "SendReason") {
		_, ok := q.gate(Send{Reason: reason})
		require.True(t, ok, "say in reasons.go what it means to people: %s", reason)
	}
	for _, reason := range constants(t, "ExitReason") {
		_, ok := exit(reason)
		require.True(t, ok, "say in reasons.go what it means to people: %s", reason)
	}
	for _, reason := range []string{"bounce", "complaint", "manual", "import", "idempotency_conflict", "test_mode"} {
		_, ok := q.gate(Send{Reason: reason})
		require.True(t, ok, reason)
	}
}

// U-44: why somebody did not get in.
func TestWhyNotIn(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"trigger_conditions_not_met": `trial.started came on 5 Jan 10:00, but plan was "free" and Trial asks for plan = "pro".`,
		"already_entered_once":       "trial.started came on 5 Jan 10:00, but Ada had been in Trial before, and it takes each person once.",
		"period_not_elapsed":         "trial.started came on 5 Jan 10:00, but Ada had been in Trial too short a time before, and it takes a person every 30 days.",
		"journey_paused":             "trial.started came on 5 Jan 10:00 while Trial was paused and took nobody.",
		"late_event":                 "trial.started came on 5 Jan 10:00 too long after it happened: a late event starts nothing.",
		"not_a_reason":               "trial.started came on 5 Jan 10:00, but Ada did not enter Trial (not_a_reason).",
	} {
		a := ask().OfDecision(Decision{
			Outcome: contract.OutcomeSkipped, Reason: reason, Journey: "Trial", EventID: "e", Event: "trial.started", At: *instant(5), EntryPeriod: 30 * 24 * time.Hour,
			Failed: []Condition{{"plan", "eq", `"pro"`}}, Properties: map[string]string{"plan": `"free"`},
		})
		require.Equal(t, want, a.Sentence)
		require.Equal(t, No, a.Verdict)
		require.Equal(t, "e", a.Facts[0].Ref.ID)
	}
	missing := ask().OfDecision(Decision{Outcome: contract.OutcomeSkipped, Reason: "trigger_conditions_not_met", Journey: "Trial", Event: "e", At: *instant(5), Failed: []Condition{{"seats", "gte", "5"}}})
	require.Equal(t, "e came on 5 Jan 10:00, but seats was missing and Trial asks for seats ≥ 5.", missing.Sentence)
}

// U-44: what became of a mail.
func TestWhatBecameOfAMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		send     Send
		verdict  Verdict
		sentence string
	}{
		{Send{Status: contract.SendQueued, At: *instant(5)}, NotYet, "It is written and on its way to the provider since 5 Jan 10:00."},
		{Send{Status: contract.SendSent, Sent: instant(5)}, Yes, "Yes: handed over 5 Jan 10:00."},
		{
			Send{Status: contract.SendClicked, Sent: instant(5), Delivered: instant(5), Opened: instant(6), Clicked: instant(7)},
			Yes,
			"Yes: handed over 5 Jan 10:00, delivered 5 Jan 10:00, opened 6 Jan 10:00, clicked 7 Jan 10:00.",
		},
		{
			Send{Status: contract.SendBounced, Sent: instant(5), Bounced: instant(6), BounceReason: "no such user"},
			No,
			"Handed over 5 Jan 10:00, but it came back 6 Jan 10:00: “no such user”.",
		},
		{
			Send{Status: contract.SendSuppressed, Reason: "bounce", To: "ada@example.com", At: *instant(5)},
			No,
			"Not sent on 5 Jan 10:00. ada@example.com is blocked: an earlier mail to it came back for good.",
		},
		{Send{Status: contract.SendSkipped, Reason: "frequency_capped", At: *instant(5)}, No, "Not sent on 5 Jan 10:00. Ada had got as many mails as the limit allows."},
		{Send{Status: contract.SendFailed, Reason: "unknown_outcome", At: *instant(5)}, Unknown, "Failed on 5 Jan 10:00. The provider never answered clearly within a day. It may have arrived."},
		{Send{Status: contract.SendFailed, Reason: "domain is not verified", At: *instant(5)}, No, "Failed on 5 Jan 10:00. The provider refused it: “domain is not verified”."},
	} {
		a := ask().OfSend(c.send)
		require.Equal(t, c.sentence, a.Sentence)
		require.Equal(t, c.verdict, a.Verdict, c.sentence)
	}
}

// U-44: the newest mail answers; without one, the run that came nearest.
func TestWhyNoMail(t *testing.T) {
	t.Parallel()
	program := func(change func(*Journey)) Journey {
		j := Journey{ID: "trial", Name: "Trial", Trigger: "trial.started"}
		change(&j)
		return j
	}
	run := func(status contract.EnrollmentStatus, change func(*Enrollment)) func(*Journey) {
		return func(j *Journey) {
			j.Newest = &Enrollment{JourneyID: "trial", Journey: "Trial", Status: status, Node: "send:welcome", Began: *instant(5), Ended: *instant(6)}
			if change != nil {
				change(j.Newest)
			}
		}
	}
	nothing := program(func(*Journey) {})
	refused := program(func(j *Journey) {
		j.Decision = &Decision{Outcome: contract.OutcomeSkipped, Reason: "already_entered_once", Journey: "Trial", Event: "trial.started", At: *instant(7)}
	})
	for _, c := range []struct {
		name     string
		mail     Mail
		verdict  Verdict
		sentence string
	}{
		{"nothing sends it", Mail{}, No, "Ada was never sent Welcome, and no journey of this build says that it sends it, nor did a campaign."},
		{"no event", Mail{Programs: []Journey{nothing}}, No, "No trial.started of Ada is stored, and that is what starts Trial."},
		{
			"no decision",
			Mail{Programs: []Journey{program(func(j *Journey) { j.Seen = instant(3) })}},
			No,
			"trial.started came on 3 Jan 10:00, but nothing was decided then: Trial was not there yet, or the decision is no longer kept.",
		},
		{"refused", Mail{Programs: []Journey{nothing, refused}}, No, "trial.started came on 7 Jan 10:00, but Ada had been in Trial before, and it takes each person once."},
		{
			"waits",
			Mail{Programs: []Journey{refused, program(run(contract.EnrollmentWaiting, func(e *Enrollment) { e.Wait = &Wait{"feature.used", instant(8)} }))}},
			NotYet,
			"Ada is in Trial since 5 Jan 10:00 and waits for feature.used until 8 Jan 10:00; Welcome has not come yet.",
		},
		{
			"paused",
			Mail{Programs: []Journey{program(run(contract.EnrollmentActive, func(e *Enrollment) { e.Paused = true }))}},
			NotYet,
			"Ada is in Trial since 5 Jan 10:00 and stands at send:welcome; the journey is paused; Welcome has not come yet.",
		},
		{
			"failed",
			Mail{Programs: []Journey{program(run(contract.EnrollmentFailed, func(e *Enrollment) { e.Error = "missing prop name\nstack" }))}},
			No,
			"Trial failed at send:welcome on 6 Jan 10:00: “missing prop name”.",
		},
		{
			"left",
			Mail{Programs: []Journey{program(run(contract.EnrollmentExited, func(e *Enrollment) { e.ExitReason = "event:paid" }))}},
			No,
			"Ada left Trial on 6 Jan 10:00, because paid came, before Welcome was due.",
		},
		{
			"another way",
			Mail{Programs: []Journey{program(run(contract.EnrollmentCompleted, nil))}},
			No,
			"Ada went through Trial, from 5 Jan 10:00 to 6 Jan 10:00, on a way that does not send Welcome.",
		},
		{"sent", Mail{Sends: []Send{{ID: "b", Status: contract.SendSent, Sent: instant(6)}, {ID: "a", Status: contract.SendFailed}}, Programs: []Journey{nothing}}, Yes, "Yes: handed over 6 Jan 10:00."},
	} {
		a := ask().OfMail(c.mail)
		require.Equal(t, c.sentence, a.Sentence, c.name)
		require.Equal(t, c.verdict, a.Verdict, c.name)
	}
}

// U-44: the newest of runs and refusals answers why somebody is in a journey.
func TestWhyInAJourney(t *testing.T) {
	t.Parallel()
	e := &Enrollment{JourneyID: "trial", Journey: "Trial", Status: contract.EnrollmentCompleted, Began: *instant(5), Ended: *instant(6)}
	later := &Decision{Outcome: contract.OutcomeSkipped, Reason: "already_entered_once", Journey: "Trial", Event: "trial.started", At: *instant(7)}
	a := ask().OfJourney(Journey{ID: "trial", Name: "Trial", Newest: e})
	require.Equal(t, Yes, a.Verdict)
	a = ask().OfJourney(Journey{ID: "trial", Name: "Trial", Newest: e, Decision: later})
	require.Equal(t, No, a.Verdict)
	require.Contains(t, a.Sentence, "it takes each person once")
	e.Status = contract.EnrollmentWaiting
	a = ask().OfJourney(Journey{ID: "trial", Name: "Trial", Newest: e, Decision: later})
	require.Equal(t, Yes, a.Verdict)
	a = ask().OfJourney(Journey{ID: "trial", Name: "Trial", Trigger: "trial.started", Paused: true})
	require.Equal(t, "No trial.started of Ada is stored, and that is what starts Trial. It is also paused at the moment.", a.Sentence)
}

// U-45: where nothing is stored, what may have been meant is named.
func TestWhatMayHaveBeenMeant(t *testing.T) {
	t.Parallel()
	a := ask().OfJourney(Journey{ID: "trial", Name: "Trial", Trigger: "trial.started", Near: "trial_started", Namesakes: []Namesake{{ID: "x", Name: "user_124", At: *instant(3)}}})
	require.Equal(t, "No trial.started of Ada is stored, and that is what starts Trial. One of user_124 is, who has the same address: it came on 3 Jan 10:00. What looks like it is trial_started.", a.Sentence)
	require.Equal(t, Ref{KindContact, "x", "Look at user_124"}, a.Next[0])
}

// U-45: a campaign answers for its mail.
func TestWhyNoMailOfACampaign(t *testing.T) {
	t.Parallel()
	campaign := func(change func(*Campaign)) Mail {
		c := Campaign{ID: "c", Name: "Spring", Audience: "bucket power-users", Status: contract.CampaignSent, Frozen: instant(3), To: "ada@example.com"}
		change(&c)
		return Mail{Campaigns: []Campaign{c}}
	}
	for _, c := range []struct {
		mail     Mail
		verdict  Verdict
		sentence string
	}{
		{campaign(func(*Campaign) {}), No, "The campaign Spring went to bucket power-users as it was on 3 Jan 10:00, and Ada was not in it, or had no address."},
		{campaign(func(c *Campaign) { c.Among, c.Outcome, c.Reason = true, "skipped", "bounce" }), No, "The campaign Spring left Ada out. ada@example.com is blocked: an earlier mail to it came back for good."},
		{campaign(func(c *Campaign) { c.Among, c.Outcome, c.Reason = true, "failed", "no such template\nx" }), No, "The campaign Spring failed for Ada: “no such template”."},
		{
			campaign(func(c *Campaign) {
				c.Among, c.Outcome, c.Status, c.Due = true, "open", contract.CampaignSending, *instant(8)
			}),
			NotYet,
			"Ada is among those whom the campaign Spring mails, not before 8 Jan 10:00.",
		},
		{
			campaign(func(c *Campaign) { c.Frozen, c.Status, c.Scheduled = nil, contract.CampaignScheduled, instant(8) }),
			NotYet,
			"The campaign Spring begins on 8 Jan 10:00; whether Ada is in bucket power-users then decides.",
		},
		{campaign(func(c *Campaign) { c.Frozen, c.Status = nil, contract.CampaignCanceled }), No, "The campaign Spring was canceled before it began."},
	} {
		a := ask().OfMail(c.mail)
		require.Equal(t, c.sentence, a.Sentence)
		require.Equal(t, c.verdict, a.Verdict, c.sentence)
	}
}

// U-44: why somebody is in a bucket, and why not.
func TestWhyInABucket(t *testing.T) {
	t.Parallel()
	of := func(change func(*Bucket)) Bucket {
		b := Bucket{ID: "power", Name: "Power users", Leaves: []Leaf{{"did app.active at least 10 times in the last 7 days", false}, {`plan is "pro"`, true}}}
		change(&b)
		return b
	}
	holds := func(b *Bucket) { b.Holds, b.Leaves[0].Holds = true, true }
	for _, c := range []struct {
		bucket   Bucket
		verdict  Verdict
		sentence string
	}{
		{of(func(*Bucket) {}), No, "Ada is not in Power users: “did app.active at least 10 times in the last 7 days” does not hold."},
		{of(func(b *Bucket) { holds(b); b.Stay = &Stay{Entered: *instant(4), Most: instant(11)} }), Yes, "Ada is in Power users since 4 Jan 10:00, at the latest until 11 Jan 10:00."},
		{of(func(b *Bucket) { b.Stay = &Stay{Entered: *instant(4), Leave: instant(11)} }), Yes, "Ada is in Power users since 4 Jan 10:00; the criteria no longer hold, and it ends on 11 Jan 10:00."},
		{
			of(func(b *Bucket) { b.Stay = &Stay{Entered: *instant(4), Left: instant(5), Reason: "criteria"} }),
			No,
			"Ada left Power users on 5 Jan 10:00, when the criteria no longer held. Now: “did app.active at least 10 times in the last 7 days” does not hold.",
		},
		{
			of(func(b *Bucket) {
				holds(b)
				b.Once, b.Stay = true, &Stay{Entered: *instant(4), Left: instant(5), Reason: "maxDwell"}
			}),
			No,
			"All that Power users asks for holds, but Ada was in it from 4 Jan 10:00 to 5 Jan 10:00, and it takes each person once.",
		},
		{of(func(b *Bucket) { holds(b); b.Building = true }), NotYet, "All that Power users asks for holds; it is being built, and has not come to Ada yet."},
		{of(func(b *Bucket) { holds(b); b.Off = true }), No, "Power users is off: it takes nobody and lets nobody go."},
		{of(func(b *Bucket) { b.Leaves[0].Holds = true }), No, "Ada is not in Power users: what it asks not to hold holds."},
	} {
		a := ask().OfBucket(c.bucket)
		require.Equal(t, c.sentence, a.Sentence)
		require.Equal(t, c.verdict, a.Verdict, c.sentence)
		require.Len(t, a.Facts, 2)
	}
}
