// Package seal encrypts what is kept, payloads in Temporal and secrets in the database, under
// keys derived from HOGSEND_SECRET.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Keys seal texts for one purpose. What was sealed under a previous secret can be opened.
type Keys struct {
	current string
	keys    map[string]cipher.AEAD // by key id
}

// New derives the keys; secret is required. Keys of another purpose open nothing.
func New(purpose, secret string, previous []string) (*Keys, error) {
	k := &Keys{keys: map[string]cipher.AEAD{}}
	for i, text := range append([]string{secret}, previous...) {
		if text == "" {
			return nil, errors.New("derive key: secret is empty")
		}
		key, err := hkdf.Key(sha256.New, []byte(text), nil, "hogsend "+purpose+" key v1", 32)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		id, err := hkdf.Key(sha256.New, []byte(text), nil, "hogsend "+purpose+" key id v1", 8)
		if err != nil {
			return nil, fmt.Errorf("derive key id: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("prepare key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("prepare key: %w", err)
		}
		if name := hex.EncodeToString(id); i == 0 {
			k.current, k.keys[name] = name, aead
		} else {
			k.keys[name] = aead
		}
	}
	return k, nil
}

// Encrypt encrypts under the current key, each time differently, and names that key.
func (k *Keys) Encrypt(plain []byte) (key string, sealed []byte) {
	return k.current, k.keys[k.current].Seal(nil, nil, plain, []byte(k.current)) //nolint:gosec // the cipher makes a random nonce itself
}

// Decrypt decrypts what Encrypt made. For a key that is none of these it is ErrSealed.
func (k *Keys) Decrypt(key string, sealed []byte) ([]byte, error) {
	aead, known := k.keys[key]
	if !known {
		return nil, ErrSealed
	}
	return aead.Open(nil, nil, sealed, []byte(key))
}

// Seal encrypts a text; the same text is sealed differently each time.
func (k *Keys) Seal(plain []byte) string {
	key, sealed := k.Encrypt(plain)
	return key + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// ErrSealed is for what these keys cannot open.
var ErrSealed = errors.New("sealed under a secret that this process does not have; add the former HOGSEND_SECRET to HOGSEND_SECRET_PREVIOUS")

// Open decrypts what Seal made.
func (k *Keys) Open(sealed string) ([]byte, error) {
	id, text, _ := strings.Cut(sealed, ".")
	if _, known := k.keys[id]; !known {
		return nil, ErrSealed
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("open sealed text: %w", err)
	}
	plain, err := k.Decrypt(id, data)
	if err != nil {
		return nil, fmt.Errorf("open sealed text: %w", err)
	}
	return plain, nil
}
