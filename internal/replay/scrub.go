package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hogsend/hogsend/internal/contract"
)

// Scrub is a history as it may be kept in a repository: decrypted, with every address,
// external id and string property replaced, and so everything else that is text and
// not known to be an id, an instant or a name out of code (T-17). The same text is
// replaced by the same, so that what was equal stays so. The history given is not
// changed.
func (r *Replayer) Scrub(history *historypb.History) (*historypb.History, error) {
	ours := map[string]bool{}
	for _, name := range contract.ActivityNames() {
		ours[name] = true
	}
	s := &scrubber{data: r.data, ours: ours, types: map[int64]string{}, instead: map[string]string{}}
	scrubbed := proto.CloneOf(&historypb.History{Events: park(history).Events})
	for _, e := range scrubbed.Events {
		if err := s.event(e); err != nil {
			return nil, err
		}
	}
	return scrubbed, nil
}

type scrubber struct {
	data    converter.DataConverter
	ours    map[string]bool   // names of activities
	types   map[int64]string  // of activities, by the event that scheduled them
	instead map[string]string // what stands for a text
}

func (s *scrubber) event(e *historypb.HistoryEvent) error {
	impersonal(e.ProtoReflect())
	var parts []proto.Message
	known := false            // what is in the payloads is of our own types
	switch e.GetEventType() { // the rest is an author's
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		a := e.GetMarkerRecordedEventAttributes()
		if a.GetMarkerName() == localMarkerName {
			var marker localMarker
			if err := s.data.FromPayloads(a.GetDetails()["data"], &marker); err != nil {
				return fmt.Errorf("read marker: %w", err)
			}
			known = s.ours[marker.ActivityType]
			parts = append(parts, a.GetDetails()["result"])
		} else if strings.HasSuffix(a.GetMarkerName(), "SideEffect") {
			parts = append(parts, a.GetDetails()["data"])
		}
		parts = append(parts, a.GetFailure())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		known, parts = true, []proto.Message{e}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		name := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		s.types[e.GetEventId()] = name
		known, parts = s.ours[name], []proto.Message{e}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		known = s.ours[s.types[e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()]]
		parts = []proto.Message{e}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		known = e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == contract.SignalWait
		parts = []proto.Message{e}
	default:
		parts = []proto.Message{e}
	}
	labels := e.UserMetadata // names out of code
	e.UserMetadata = nil
	defer func() { e.UserMetadata = labels }()
	for _, part := range parts {
		if !part.ProtoReflect().IsValid() {
			continue
		}
		err := eachPayload(part, func(p *payload) (*payload, error) { return s.payload(p, known) })
		if err != nil {
			return err
		}
	}
	return nil
}

// impersonal removes what tells whose machine it was, and the texts of failures.
func impersonal(m protoreflect.Message) {
	switch v := m.Interface().(type) {
	case *failurepb.Failure:
		v.Message, v.StackTrace = "a failure", ""
	case *taskqueuepb.TaskQueue:
		if v.Kind == enumspb.TASK_QUEUE_KIND_STICKY {
			v.Name = "sticky"
		}
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					impersonal(v.Message())
					return true
				})
			}
		case field.IsList():
			if field.Message() != nil {
				for i := range value.List().Len() {
					impersonal(value.List().Get(i).Message())
				}
			}
		case field.Message() != nil:
			impersonal(value.Message())
		case field.Name() == "identity":
			m.Set(field, protoreflect.ValueOfString("worker"))
		}
		return true
	})
}

func (s *scrubber) payload(p *payload, known bool) (*payload, error) {
	encoding := string(p.GetMetadata()[converter.MetadataEncoding])
	switch encoding {
	case contract.EncryptedEncoding:
		known = true // only our own types are encrypted
	case converter.MetadataEncodingJSON:
	case converter.MetadataEncodingNil:
		return p, nil
	default:
		return nil, fmt.Errorf("scrub payload: what is in one of encoding %q is not known", encoding)
	}
	var raw json.RawMessage
	if err := s.data.FromPayload(p, &raw); err != nil {
		return nil, fmt.Errorf("scrub payload: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("scrub payload: %w", err)
	}
	scrubbed, err := json.Marshal(s.value(value, "", known))
	if err != nil {
		return nil, fmt.Errorf("scrub payload: %w", err)
	}
	return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: scrubbed}, nil
}

// named are the fields of our own types that hold names out of code, not what people
// said. "" is a bare text, such as the arm of a variant.
var named = []string{
	"", "status", "name", "source", "version", "journeyid", "buildid", "key", "node", "label", "template", "category", "event",
	"reason", "timezone", "kind", "field",
}

// given are the fields of our own types that clients fill, whatever it looks like.
var given = []string{"externalid", "userid", "email"}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// value scrubs a value that is in a field; known says that the field is one of ours.
func (s *scrubber) value(value any, field string, known bool) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = s.value(inner, strings.ToLower(name), known && !free(name))
		}
	case []any:
		for i, inner := range v {
			v[i] = s.value(inner, field, known)
		}
	case string:
		return s.text(v, field, known)
	}
	return value
}

// free are the fields below which an author's or a client's words are.
func free(field string) bool {
	return slices.Contains([]string{"properties", "contactproperties", "props", "value"}, strings.ToLower(field))
}

func (s *scrubber) text(text, field string, known bool) any {
	if text == "" || known && slices.Contains(named, field) {
		return text
	}
	if known && !slices.Contains(given, field) {
		if _, err := time.Parse(time.RFC3339, text); err == nil || uuidPattern.MatchString(text) {
			return text
		}
	}
	if _, seen := s.instead[text]; !seen {
		n := len(s.instead) + 1
		if strings.Contains(text, "@") {
			s.instead[text] = fmt.Sprintf("person-%d@example.com", n)
		} else {
			s.instead[text] = fmt.Sprintf("text-%d", n)
		}
	}
	return s.instead[text]
}

// LastWait is the label of the last wait that a history has come to, "start" for
// none: what a stored one is named for (T-17).
func (r *Replayer) LastWait(history *historypb.History) string {
	for _, step := range slices.Backward(recorded(r.data, history)) {
		if step.label != "" && (step.name == contract.BeginWaitName || step.kind == timer) {
			return step.label
		}
	}
	return "start"
}

// Keep scrubs a history of a journey and stores it below dir, if it still replays:
// code may have decided by what was replaced. It returns the name of the file, with an
// error that says why it was not written (T-17).
func (r *Replayer) Keep(dir, journey string, history *historypb.History) (string, error) {
	label := r.LastWait(history)
	name := FileName(dir, journey, label)
	scrubbed, err := r.Scrub(history)
	if err != nil {
		return name, err
	}
	if out := r.Replay(scrubbed); out.Verdict == Broken || out.Verdict == Unreadable {
		return name, fmt.Errorf("it does not replay any more without what people said: %s", out.Difference)
	}
	return name, WriteFile(name, scrubbed)
}
