package worker

import (
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
	"github.com/hogsend/hogsend/internal/seal"
)

const keyIDMetadata = "key"

// NewDataConverter turns values into Temporal payloads: plain JSON, except that
// types with a method Encrypted() are encrypted by AES-256-GCM under a key derived from
// secret (invariant 9). Payloads encrypted under one of the previous secrets can still
// be read. secret is required.
func NewDataConverter(secret string, previous []string) (converter.DataConverter, error) {
	s, err := newEncrypter(secret, previous)
	if err != nil {
		return nil, err
	}
	return converter.MakeTransferAware(converter.NewCompositeDataConverter(
		converter.NewNilPayloadConverter(),
		converter.NewByteSlicePayloadConverter(),
		s,
		converter.NewProtoJSONPayloadConverter(),
		converter.NewProtoPayloadConverter(),
		converter.NewJSONPayloadConverter(),
	)), nil
}

// NewFailureConverter encrypts the message, stack and details of every failure: they may
// carry an author's text and with it an address. The kind of a failure stays legible;
// its text is in the log and, for an enrollment, in Postgres (J-94).
func NewFailureConverter(secret string, previous []string) (converter.FailureConverter, error) {
	s, err := newEncrypter(secret, previous)
	if err != nil {
		return nil, err
	}
	s.all = true
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          converter.NewCompositeDataConverter(converter.NewNilPayloadConverter(), s, converter.NewJSONPayloadConverter()),
		EncodeCommonAttributes: true,
	}), nil
}

// encrypter is the payload converter of encrypted values.
type encrypter struct {
	keys *seal.Keys
	all  bool // encrypt values of every type
}

func newEncrypter(secret string, previous []string) (*encrypter, error) {
	keys, err := seal.New("temporal payload", secret, previous)
	if err != nil {
		return nil, fmt.Errorf("payload key: %w", err)
	}
	return &encrypter{keys: keys}, nil
}

// Encoding is the name under which encrypted payloads are recognized.
func (e *encrypter) Encoding() string { return contract.EncryptedEncoding }

// ToPayload encrypts value, or returns nil for a value that need not be.
func (e *encrypter) ToPayload(value any) (*commonpb.Payload, error) {
	if _, ok := value.(contract.Encrypted); !ok && !e.all {
		return nil, nil //nolint:nilnil // the contract of converter.PayloadConverter
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encrypt payload: %w: %w", converter.ErrUnableToEncode, err)
	}
	key, sealed := e.keys.Encrypt(plain)
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(contract.EncryptedEncoding),
			keyIDMetadata:              []byte(key),
		},
		Data: sealed,
	}, nil
}

// FromPayload decrypts a payload into valuePtr.
func (e *encrypter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	id := string(payload.GetMetadata()[keyIDMetadata])
	plain, err := e.keys.Decrypt(id, payload.GetData())
	if errors.Is(err, seal.ErrSealed) {
		return fmt.Errorf("decrypt payload: %w: it was encrypted under a secret that this process does not have (key %.32q); add the former HOGSEND_SECRET to HOGSEND_SECRET_PREVIOUS",
			converter.ErrUnableToDecode, id)
	}
	if err != nil {
		return fmt.Errorf("decrypt payload: %w: %w", converter.ErrUnableToDecode, err)
	}
	if err := json.Unmarshal(plain, valuePtr); err != nil {
		return fmt.Errorf("decrypt payload: %w: %w", converter.ErrUnableToDecode, err)
	}
	return nil
}

// ToString tells that there is something without telling what.
func (e *encrypter) ToString(*commonpb.Payload) string { return "(encrypted)" }
