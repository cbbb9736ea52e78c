package criteria

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hogsend/hogsend/internal/condition"
)

// node is a condition in JSON: a leaf has exactly the keys it needs (C-19).
type node struct {
	Type        string  `json:"type"`
	Property    *string `json:"property,omitempty"`
	EventName   *string `json:"eventName,omitempty"`
	TemplateKey *string `json:"templateKey,omitempty"`
	BucketID    *string `json:"bucketId,omitempty"`
	OfTrigger   string  `json:"triggerProperty,omitempty"`
	Check       string  `json:"check,omitempty"`
	Operator    string  `json:"operator,omitempty"`
	Value       any     `json:"value,omitempty"` // 0 and false are not nil
	Within      any     `json:"within,omitempty"`
	Where       []node  `json:"where,omitempty"`
	Conditions  *[]node `json:"conditions,omitempty"`
}

// duration is Dur of the API: every part but the hours is less than the next one.
type duration struct {
	Hours   int64   `json:"hours,omitempty"`
	Minutes int64   `json:"minutes,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

func parts(d time.Duration) any {
	return duration{
		Hours: int64(d / time.Hour), Minutes: int64(d % time.Hour / time.Minute),
		Seconds: float64((d % time.Minute).Milliseconds()) / 1000,
	}
}

func inMilliseconds(d time.Duration) any { return d.Milliseconds() }

// Marshal is the JSON form of a list of conditions; an empty list is [].
func Marshal(conditions []condition.Condition) (json.RawMessage, error) {
	nodes, err := encodeAll(conditions, parts)
	if err != nil {
		return nil, err
	}
	return json.Marshal(nodes)
}

// MarshalTree is the JSON form of a tree (C-19).
func MarshalTree(tree condition.Condition) (json.RawMessage, error) {
	n, err := encode(tree, parts)
	if err != nil {
		return nil, err
	}
	return json.Marshal(n)
}

func encodeAll(conditions []condition.Condition, within func(time.Duration) any) ([]node, error) {
	nodes := make([]node, 0, len(conditions))
	for _, c := range conditions {
		n, err := encode(c, within)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func encode(c condition.Condition, within func(time.Duration) any) (node, error) {
	switch n := c.(type) {
	case condition.Property:
		n, _ = condition.Plain([]condition.Condition{n})[0].(condition.Property)
		value, _ := condition.PlainValue(n.Value)
		out := node{Type: typeProperty, Property: &n.Property, Operator: string(n.Operator), Value: value}
		if n.Within != nil {
			out.Within = within(*n.Within)
		}
		return out, nil
	case condition.Event:
		value, _ := condition.PlainValue(n.Value)
		out := node{Type: typeEvent, EventName: &n.EventName, Check: string(n.Check), Operator: string(n.Operator), Value: value}
		if n.Property != "" {
			out.Property = &n.Property
		}
		if n.Within != nil {
			out.Within = within(*n.Within)
		}
		var err error
		out.Where, err = encodeAll(n.Where, within)
		return out, err
	case condition.Email:
		return node{Type: typeEmail, TemplateKey: &n.TemplateKey, Check: string(n.Check)}, nil
	case condition.InBucket:
		return node{Type: typeInBucket, BucketID: &n.BucketID}, nil
	case condition.SameAsTrigger:
		return node{Type: typeRelated, Property: &n.Property, OfTrigger: n.TriggerProperty}, nil
	case condition.Composite:
		children, err := encodeAll(n.Conditions, within)
		if err != nil {
			return node{}, err
		}
		return node{Type: typeComposite, Operator: string(n.Operator), Conditions: &children}, nil
	}
	return node{}, fmt.Errorf("encode condition: unknown node %T", c)
}

// Hash identifies a list of conditions as HashTree does a tree.
func Hash(conditions []condition.Condition) (string, error) {
	nodes, err := encodeAll(conditions, inMilliseconds)
	if err != nil {
		return "", err
	}
	return hash(nodes)
}

// HashTree identifies a tree: SHA-256 of its canonical JSON, in which keys are
// sorted, durations are whole milliseconds, numbers are shortest and the order of
// conditions is kept (C-21).
func HashTree(tree condition.Condition) (string, error) {
	n, err := encode(tree, inMilliseconds)
	if err != nil {
		return "", err
	}
	return hash(n)
}

func hash(nodes any) (string, error) {
	raw, err := json.Marshal(nodes)
	if err != nil {
		return "", fmt.Errorf("hash conditions: %w", err)
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // they are in canonical form
	if err := decoder.Decode(&tree); err != nil {
		return "", fmt.Errorf("hash conditions: %w", err)
	}
	canonical, err := json.Marshal(tree) // maps are written with sorted keys
	if err != nil {
		return "", fmt.Errorf("hash conditions: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
