package worker

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/hogsend/hogsend/internal/contract"
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
	current string
	keys    map[string]cipher.AEAD // by key id
	all     bool                   // encrypt values of every type
}

func newEncrypter(secret string, previous []string) (*encrypter, error) {
	e := &encrypter{keys: map[string]cipher.AEAD{}}
	for i, text := range append([]string{secret}, previous...) {
		if text == "" {
			return nil, errors.New("derive payload key: secret is empty")
		}
		key, err := hkdf.Key(sha256.New, []byte(text), nil, "hogsend temporal payload key v1", 32)
		if err != nil {
			return nil, fmt.Errorf("derive payload key: %w", err)
		}
		id, err := hkdf.Key(sha256.New, []byte(text), nil, "hogsend temporal payload key id v1", 8)
		if err != nil {
			return nil, fmt.Errorf("derive payload key id: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("prepare payload key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("prepare payload key: %w", err)
		}
		name := hex.EncodeToString(id)
		if i == 0 {
			e.current = name
		}
		e.keys[name] = aead
	}
	return e, nil
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
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(contract.EncryptedEncoding),
			keyIDMetadata:              []byte(e.current),
		},
		Data: e.keys[e.current].Seal(nil, nil, plain, []byte(e.current)), //nolint:gosec // the cipher makes a random nonce itself
	}, nil
}

// FromPayload decrypts a payload into valuePtr.
func (e *encrypter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	id := string(payload.GetMetadata()[keyIDMetadata])
	key, ok := e.keys[id]
	if !ok {
		return fmt.Errorf("decrypt payload: %w: it was encrypted under a secret that this process does not have (key %.32q); add the former HOGSEND_SECRET to HOGSEND_SECRET_PREVIOUS",
			converter.ErrUnableToDecode, id)
	}
	plain, err := key.Open(nil, nil, payload.GetData(), []byte(id))
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
