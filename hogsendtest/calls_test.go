package hogsendtest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/hogsendtest"
)

type couponInput struct {
	Percent int `json:"percent"`
}

type coupon struct {
	Code string `json:"code"`
}

func givesCoupon(ctx workflow.Context, run hogsend.Run) error {
	var got coupon
	call := hogsend.Call{Activity: "CreateCoupon", Input: couponInput{Percent: 20}, Retry: hogsend.Retry{MaxAttempts: 3}}
	if err := run.Do(ctx, call, &got); err != nil {
		return err
	}
	return run.Checkpoint(ctx, got.Code)
}

// billing is a billing system that knows keys.
type billing struct {
	codes map[string]string
	fails int
	err   error
	steps []hogsend.Step
}

func (b *billing) create(ctx context.Context, in couponInput) (coupon, error) {
	step := hogsend.StepOf(ctx)
	b.steps = append(b.steps, step)
	if b.fails > 0 {
		b.fails--
		return coupon{}, b.err
	}
	if b.codes[step.Key] == "" {
		b.codes[step.Key] = fmt.Sprintf("TAKE%d", in.Percent)
	}
	return coupon{Code: b.codes[step.Key]}, nil
}

func TestAnActivityIsCalledAndItsResultReturned(t *testing.T) {
	t.Parallel() // J-161, J-162, T-44
	b := &billing{codes: map[string]string{}}
	s := hogsendtest.New(t, registryOf(path(givesCoupon)))
	s.Activity("CreateCoupon", b.create)
	s.Contact(ada()).At(0, "go")
	got := s.Run() // in crash mode it runs twice under one key, which it has asked for
	require.Equal(t, []string{"start", "do:CreateCoupon", "TAKE20"}, got.Enrollment("ada", "path").Nodes)
	key := got.Enrollment("ada", "path").ID + ":do:CreateCoupon#1"
	require.Equal(t, []hogsendtest.Call{{
		At: got.Start, Contact: "ada", Journey: "path", Activity: "CreateCoupon", Key: key, Input: couponInput{Percent: 20}, Attempts: 1,
	}}, got.Calls)
	require.Equal(t, hogsend.Step{Key: key, EnrollmentID: got.Enrollment("ada", "path").ID, JourneyID: "path", ContactID: b.steps[0].ContactID, Attempt: 1}, b.steps[0])
	require.NotEmpty(t, b.steps[0].ContactID)
	require.Len(t, b.codes, 1)
	require.Equal(t, "+0s event go\n+0s enrolled path\n+0s called CreateCoupon\n+0s node TAKE20\n+0s completed\n", got.Timeline("ada"))
}

func TestAFailingActivityIsTriedAgainUntilItsAttemptsAreOver(t *testing.T) {
	t.Parallel() // J-162, J-163, J-93
	for _, tt := range []struct {
		fails    int
		err      error
		status   string
		attempts int
		after    time.Duration
		text     string
	}{
		{2, errors.New("busy"), "completed", 3, 3 * time.Second, ""},
		{3, errors.New("busy"), "failed", 3, 3 * time.Second, "do CreateCoupon: busy (attempt 3)"},
		{3, hogsend.Final(errors.New("no such plan")), "failed", 1, 0, "do CreateCoupon: no such plan (attempt 1)"},
		{3, fmt.Errorf("create: %w", hogsend.Final(errors.New("no such plan"))), "failed", 1, 0, "do CreateCoupon: create: no such plan (attempt 1)"},
	} {
		b := &billing{codes: map[string]string{}, fails: tt.fails, err: tt.err}
		s := hogsendtest.New(t, registryOf(path(givesCoupon)))
		s.Quick()
		s.Activity("CreateCoupon", b.create)
		if tt.status == "failed" {
			s.Fails("path")
		}
		s.Contact(ada()).At(0, "go")
		got := s.Run()
		e := got.Enrollment("ada", "path")
		require.Equal(t, tt.status, e.Status)
		require.Equal(t, tt.text, e.Error)
		require.Len(t, got.Calls, 1)
		require.Equal(t, tt.attempts, got.Calls[0].Attempts)
		require.Equal(t, tt.status == "failed", got.Calls[0].Failed)
		require.Equal(t, got.Start.Add(tt.after), got.Calls[0].At)
	}
}

// wrongCalls are calls that the journey callsWrongly makes, and what comes of each.
func wrongCalls() []struct {
	call hogsend.Call
	out  any
	want string
} {
	var number int
	return []struct {
		call hogsend.Call
		out  any
		want string
	}{
		{hogsend.Call{}, nil, "activity: is required"},
		{hogsend.Call{Activity: "CreateCuopon"}, nil, `activity: there is no activity "CreateCuopon", did you mean "CreateCoupon"?`},
		{hogsend.Call{Activity: "CreateCoupon", Timeout: time.Millisecond}, nil, "timeout: must be from 1s to 1h0m0s"},
		{hogsend.Call{Activity: "CreateCoupon", Timeout: 2 * time.Hour}, nil, "timeout: must be from 1s to 1h0m0s"},
		{hogsend.Call{Activity: "CreateCoupon", Retry: hogsend.Retry{MaxAttempts: -1}}, nil, "retry.maxAttempts: must not be negative"},
		{hogsend.Call{Activity: "CreateCoupon", Label: strings.Repeat("x", 201)}, nil, "label: must have at most 200 characters"},
		{hogsend.Call{Activity: "CreateCoupon", Input: make(chan int)}, nil, "input: cannot be encoded: json: unsupported type: chan int"},
		{hogsend.Call{Activity: "CreateCoupon", Input: strings.Repeat("x", 256<<10)}, nil, "input: must have at most 262144 bytes as JSON"},
		{hogsend.Call{Activity: "CreateCoupon", Input: "text"}, nil, "input: CreateCoupon cannot take it: json: cannot unmarshal string into Go value of type hogsendtest_test.couponInput"},
		{hogsend.Call{Activity: "Ping", Input: 1}, nil, "input: Ping takes none"},
		{hogsend.Call{Activity: "CreateCoupon"}, coupon{}, "out: must be a pointer, or nil"},
		{hogsend.Call{Activity: "CreateCoupon"}, &number, "out: cannot hold what CreateCoupon returned: json: cannot unmarshal object into Go value of type int"},
		{hogsend.Call{Activity: "Flood"}, nil, "its result has 262147 bytes as JSON, more than 262144"},
		{hogsend.Call{Activity: "Panics", Retry: hogsend.Retry{MaxAttempts: 2}}, nil, "oh no"},
		{hogsend.Call{Activity: "Ping"}, &number, "fine"}, // nothing is returned: out stays
		{hogsend.Call{Activity: "CreateCoupon"}, nil, "fine"},
	}
}

func callsWrongly(ctx workflow.Context, run hogsend.Run) error {
	for i, one := range wrongCalls() {
		err := run.Do(ctx, one.call, one.out)
		node := "fine"
		var invalid *hogsend.ValidationError
		var failed *hogsend.CallError
		switch {
		case errors.As(err, &invalid):
			node = invalid.Error()
		case errors.As(err, &failed):
			node = failed.Reason
		case err != nil:
			return err
		}
		if err := run.Checkpoint(ctx, fmt.Sprintf("%d = %s", i, node)); err != nil {
			return err
		}
	}
	return nil
}

func TestACallThatIsWrongSaysSo(t *testing.T) {
	t.Parallel() // J-118, J-161, J-163
	floods := 0
	s := hogsendtest.New(t, registryOf(path(callsWrongly)))
	s.Quick()
	s.Activity("CreateCoupon", (&billing{codes: map[string]string{}}).create)
	s.Activity("Ping", func(context.Context) error { return nil })
	s.Activity("Panics", func(context.Context) error { panic("oh no") })
	s.Activity("Flood", func(context.Context) (string, error) { floods++; return strings.Repeat("x", 256<<10+1), nil })
	s.Allow(hogsendtest.UnknownActivity, "CreateCuopon")
	s.Contact(ada()).At(0, "go")
	var want, nodes []string
	for i, one := range wrongCalls() {
		want = append(want, fmt.Sprintf("%d = %s", i, one.want))
	}
	for _, node := range s.Run().Enrollment("ada", "path").Nodes {
		if strings.Contains(node, " = ") {
			nodes = append(nodes, node)
		}
	}
	require.Equal(t, want, nodes)
	require.Equal(t, 1, floods, "a result that is too large is not asked for again")
}

func TestAnActivityThatTheScriptLacksIsAProblem(t *testing.T) {
	t.Parallel() // T-44, J-164
	require.Contains(t, failure(t, func(t hogsendtest.T) {
		s := hogsendtest.New(t, registryOf(path(givesCoupon)))
		s.Contact(ada()).At(0, "go")
		s.Run()
	}), "an unknown activity: no activity CreateCoupon: call s.Activity")
	for name, fn := range map[string]any{
		"Send": func(context.Context) error { return nil }, "journey-x": func(context.Context) error { return nil }, "": func(context.Context) error { return nil },
		"NoFunc": nil, "NoContext": func() error { return nil }, "NoError": func(context.Context) string { return "" },
	} {
		require.Contains(t, failure(t, func(t hogsendtest.T) { hogsendtest.New(t, registryOf(path(givesCoupon))).Activity(name, fn) }), "Activity "+strconv.Quote(name))
	}
}

func TestAnActivityThatDoesNotAskForItsKeyRanTwice(t *testing.T) {
	t.Parallel() // T-44
	require.Contains(t, failure(t, func(t hogsendtest.T) {
		s := hogsendtest.New(t, registryOf(path(givesCoupon)))
		s.Activity("CreateCoupon", func(context.Context, couponInput) (coupon, error) { return coupon{Code: "X"}, nil })
		s.Contact(ada()).At(0, "go")
		s.Run()
	}), "CreateCoupon ran twice with the worker lost after the effect of, and before recording, step")
}
