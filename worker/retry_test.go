package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
)

// script is a history made by hand: each function makes one event.
type script struct{ list []*history.HistoryEvent }

func (s *script) HasNext() bool { return len(s.list) > 0 }

func (s *script) Next() (*history.HistoryEvent, error) {
	e := s.list[0]
	s.list = s.list[1:]
	return e, nil
}

func historyOf(list ...*history.HistoryEvent) *script {
	for i, e := range list {
		e.EventId = int64(i) + 1
	}
	return &script{list}
}

func task() *history.HistoryEvent {
	return &history.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED}
}

func scheduled(by int64) *history.HistoryEvent {
	return &history.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &history.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &history.ActivityTaskScheduledEventAttributes{WorkflowTaskCompletedEventId: by},
		},
	}
}

func activityFailed(event int64) *history.HistoryEvent {
	return &history.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		Attributes: &history.HistoryEvent_ActivityTaskFailedEventAttributes{
			ActivityTaskFailedEventAttributes: &history.ActivityTaskFailedEventAttributes{ScheduledEventId: event},
		},
	}
}

func marker(by int64, f *failure.Failure) *history.HistoryEvent {
	return &history.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
		Attributes: &history.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &history.MarkerRecordedEventAttributes{WorkflowTaskCompletedEventId: by, Failure: f},
		},
	}
}

// J-96: a retry goes on at the first step that failed, else behind the last finished one.
func TestWhereARetryGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  *script
		want int64
	}{
		"a send failed":                  {historyOf(task(), marker(1, nil), scheduled(1), task(), scheduled(4), activityFailed(5), task()), 4},
		"the first of two":               {historyOf(task(), scheduled(1), scheduled(1), activityFailed(3), task(), scheduled(5), activityFailed(6), task()), 1},
		"a local activity failed":        {historyOf(task(), scheduled(1), task(), marker(3, nil), marker(3, &failure.Failure{}), task()), 3},
		"the code failed":                {historyOf(task(), marker(1, nil), task(), marker(3, nil)), 3},
		"it was terminated while asleep": {historyOf(task(), scheduled(1), task()), 3},
	} {
		got, err := resetPoint(c.run)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	_, err := resetPoint(historyOf())
	var missing *serviceerror.NotFound
	require.ErrorAs(t, err, &missing)
}
