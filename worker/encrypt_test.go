package worker

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

const (
	secret  = "a secret of at least thirty-two characters"
	another = "another secret of thirty-two characters ..."
)

func contactValue() contract.ContactValue {
	return contract.ContactValue{Contact: hogsend.Contact{Email: "ada@example.com"}}
}

// Invariant 9: what tells something about a person is not legible in Temporal; what
// carries ids only is.
func TestOnlyTypesThatSaySoAreEncrypted(t *testing.T) {
	t.Parallel()
	dc, err := NewDataConverter(secret, nil)
	require.NoError(t, err)
	value := contactValue()
	for name, in := range map[string]any{
		"value": value, "pointer": &value,
		"wait":   contract.BeginWaitRequest{Label: "ada@example.com"},
		"send":   contract.SendRequest{Subject: "Dear ada@example.com"},
		"finish": contract.FinishRequest{Error: "ada@example.com"},
	} {
		p, err := dc.ToPayload(in)
		require.NoError(t, err, name)
		require.Equal(t, "json/sealed", string(p.GetMetadata()["encoding"]), name)
		require.NotContains(t, p.String(), "example", name)
		require.Equal(t, "(encrypted)", dc.ToString(p), name)
	}
	p, err := dc.ToPayload(contract.ClaimRequest{EnrollmentID: "id"})
	require.NoError(t, err)
	require.JSONEq(t, `{"enrollmentId":"id","firstRunId":""}`, string(p.GetData()))
	p, err = dc.ToPayload("plain")
	require.NoError(t, err)
	require.Equal(t, `"plain"`, string(p.GetData()))
}

func TestAnEncryptedValueComesBack(t *testing.T) {
	t.Parallel()
	dc, err := NewDataConverter(secret, nil)
	require.NoError(t, err)
	value := contactValue()
	for _, in := range []any{value, &value} {
		payloads, err := dc.ToPayloads(in, "second")
		require.NoError(t, err)
		var got contract.ContactValue
		var second string
		require.NoError(t, dc.FromPayloads(payloads, &got, &second))
		require.Equal(t, value, got)
		require.Equal(t, "second", second)

		var pointer *contract.ContactValue
		require.NoError(t, dc.FromPayload(payloads.GetPayloads()[0], &pointer))
		require.Equal(t, &value, pointer)
	}
	p, err := dc.ToPayload((*contract.ContactValue)(nil))
	require.NoError(t, err)
	pointer := &value
	require.NoError(t, dc.FromPayload(p, &pointer))
	require.Nil(t, pointer)

	one, err := dc.ToPayload(value)
	require.NoError(t, err)
	two, err := dc.ToPayload(value)
	require.NoError(t, err)
	require.NotEqual(t, one.GetData(), two.GetData(), "equal values must not be recognizable")
}

// A value recorded before its type was encrypted can still be read.
func TestAPlainPayloadOfAnEncryptedTypeIsRead(t *testing.T) {
	t.Parallel()
	dc, err := NewDataConverter(secret, nil)
	require.NoError(t, err)
	body, err := json.Marshal(contactValue())
	require.NoError(t, err)
	var got contract.ContactValue
	require.NoError(t, dc.FromPayload(&commonpb.Payload{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: body,
	}, &got))
	require.Equal(t, contactValue(), got)
}

// O-38: rotation breaks nothing; the new secret encrypts, previous ones still decrypt.
func TestAPreviousSecretStillOpens(t *testing.T) {
	t.Parallel()
	before, err := NewDataConverter(secret, nil)
	require.NoError(t, err)
	after, err := NewDataConverter(another, []string{secret})
	require.NoError(t, err)
	old, err := before.ToPayload(contactValue())
	require.NoError(t, err)
	var got contract.ContactValue
	require.NoError(t, after.FromPayload(old, &got))
	require.Equal(t, contactValue(), got)

	encrypted, err := after.ToPayload(contactValue())
	require.NoError(t, err)
	err = before.FromPayload(encrypted, &got)
	require.ErrorContains(t, err, "HOGSEND_SECRET_PREVIOUS")
	require.NotContains(t, err.Error(), another)
}

func TestATamperedPayloadIsRefused(t *testing.T) {
	t.Parallel()
	dc, err := NewDataConverter(secret, nil)
	require.NoError(t, err)
	p, err := dc.ToPayload(contactValue())
	require.NoError(t, err)
	p.Data[len(p.Data)-1] ^= 1
	require.ErrorContains(t, dc.FromPayload(p, &contract.ContactValue{}), "decrypt payload")
}

func TestAnEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	_, err := NewDataConverter("", nil)
	require.ErrorContains(t, err, "secret is empty")
	_, err = NewDataConverter(secret, []string{""})
	require.ErrorContains(t, err, "secret is empty")
	_, err = NewFailureConverter("", nil)
	require.ErrorContains(t, err, "secret is empty")
}

// An author's error may quote an address; neither its text nor its details are legible.
func TestFailuresAreEncrypted(t *testing.T) {
	t.Parallel()
	fc, err := NewFailureConverter(secret, nil)
	require.NoError(t, err)
	in := temporal.NewNonRetryableApplicationError("no mail for ada@example.com", "Kind", errors.New("cause: ada@example.com"), "ada@example.com", 7)
	failure := fc.ErrorToFailure(in)
	require.NotContains(t, failure.String(), "example")
	require.Equal(t, "Kind", failure.GetApplicationFailureInfo().GetType())

	var got *temporal.ApplicationError
	require.ErrorAs(t, fc.FailureToError(failure), &got)
	require.Equal(t, "no mail for ada@example.com", got.Message())
	require.Equal(t, "Kind", got.Type())
	require.True(t, got.NonRetryable())
	var text string
	var number int
	require.NoError(t, got.Details(&text, &number))
	require.Equal(t, "ada@example.com", text)
	require.Equal(t, 7, number)
	require.ErrorContains(t, got.Unwrap(), "cause: ada@example.com")
}

func FuzzEncryptedRoundTrip(f *testing.F) {
	f.Add("step", []byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		dc, err := NewDataConverter(secret, nil)
		require.NoError(t, err)
		value, err := json.Marshal(raw)
		require.NoError(t, err)
		name, err := json.Marshal(text)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(name, &text)) // as JSON can carry it
		in := contract.OnceRequest{Step: contract.Step{Key: text}, Label: text, Value: value}
		p, err := dc.ToPayload(in)
		require.NoError(t, err)
		var out contract.OnceRequest
		require.NoError(t, dc.FromPayload(p, &out))
		require.Equal(t, in, out)
	})
}

// What is in Temporal stays readable: this payload is of a build whose worker derived the keys itself.
func TestAPayloadOfAnEarlierBuildIsRead(t *testing.T) {
	t.Parallel()
	s, err := newEncrypter("an earlier build's secret of 32 b.", nil)
	require.NoError(t, err)
	data, err := base64.StdEncoding.DecodeString("Ygih/Yc+WLWnlExSTN2rJJL1BYurwHf1fkQoq6SsgBFYfi5obS5CsvNi0jo9mUW/CG2DLy84qVyVJCQO5HhzvEQ79SYjwfvtscxFgdhtILw5CeBfc7ZoLWMiL3+auhmwY1vuKq8=")
	require.NoError(t, err)
	var got contract.OnceRequest
	require.NoError(t, s.FromPayload(&commonpb.Payload{Metadata: map[string][]byte{keyIDMetadata: []byte("6275a5c476342390")}, Data: data}, &got))
	require.Equal(t, "ada@example.com", got.Label)
}

func FuzzOpenPayload(f *testing.F) {
	s, err := newEncrypter(secret, nil)
	require.NoError(f, err)
	current, _ := s.keys.Encrypt(nil)
	f.Add([]byte(current), []byte("data"))
	f.Fuzz(func(t *testing.T, key, data []byte) {
		var out contract.ContactValue
		require.Error(t, s.FromPayload(&commonpb.Payload{Metadata: map[string][]byte{
			"encoding": []byte(contract.EncryptedEncoding), keyIDMetadata: key,
		}, Data: data}, &out))
	})
}
