package criteria

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hogsend/hogsend"
)

// node is a condition in JSON: a leaf has exactly the keys it needs (C-19).
type node struct {
	Type       string          `json:"type"`
	Property   *string         `json:"property,omitempty"`
	Operator   string          `json:"operator"`
	Value      json.RawMessage `json:"value,omitempty"` // null is not absent
	Conditions *[]node         `json:"conditions,omitempty"`
}

// Marshal is the JSON form of a list of conditions; an empty list is [].
func Marshal(conditions []hogsend.Condition) (json.RawMessage, error) {
	nodes, err := encode(conditions)
	if err != nil {
		return nil, err
	}
	return json.Marshal(nodes)
}

func encode(conditions []hogsend.Condition) ([]node, error) {
	nodes := make([]node, 0, len(conditions))
	for _, c := range conditions {
		switch n := c.(type) {
		case hogsend.PropertyCondition:
			out := node{Type: "property", Property: &n.Property, Operator: string(n.Operator)}
			if value, ok := hogsend.ConditionValue(n.Value); ok {
				raw, err := json.Marshal(value)
				if err != nil {
					return nil, fmt.Errorf("encode condition on %q: %w", n.Property, err)
				}
				out.Value = raw
			}
			nodes = append(nodes, out)
		case hogsend.CompositeCondition:
			children, err := encode(n.Conditions)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, node{Type: "composite", Operator: string(n.Operator), Conditions: &children})
		default:
			return nil, fmt.Errorf("encode condition: unknown node %T", c)
		}
	}
	return nodes, nil
}

// Unmarshal reads the JSON form of a list. It is strict: an unknown key, type or
// operator is an error, and so is whatever registration would refuse, all of it
// together (C-18).
func Unmarshal(raw json.RawMessage) ([]hogsend.Condition, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var nodes []node
	if err := d.Decode(&nodes); err != nil {
		return nil, fmt.Errorf("decode conditions: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode conditions: more than one value")
	}
	conditions, err := decode(nodes)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, p := range hogsend.CheckConditions(conditions) {
		problems = append(problems, fmt.Errorf("decode conditions: %s: %s", p.Path, p.Message))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return conditions, nil
}

func decode(nodes []node) ([]hogsend.Condition, error) {
	var conditions []hogsend.Condition
	for _, n := range nodes {
		switch {
		case n.Type == "property" && n.Conditions == nil && n.Property != nil:
			c := hogsend.PropertyCondition{Property: *n.Property, Operator: hogsend.PropertyOperator(n.Operator)}
			if string(n.Value) == "null" {
				return nil, fmt.Errorf("decode conditions: value of %q is null", *n.Property)
			}
			if n.Value != nil {
				if err := json.Unmarshal(n.Value, &c.Value); err != nil {
					return nil, fmt.Errorf("decode conditions: value of %q: %w", *n.Property, err)
				}
			}
			conditions = append(conditions, c)
		case n.Type == "composite" && n.Property == nil && n.Value == nil && n.Conditions != nil:
			children, err := decode(*n.Conditions)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, hogsend.CompositeCondition{Operator: hogsend.CompositeOperator(n.Operator), Conditions: children})
		default:
			return nil, fmt.Errorf("decode conditions: malformed node of type %q", n.Type)
		}
	}
	return conditions, nil
}

// Hash identifies a list of conditions: SHA-256 of its canonical JSON, in which
// keys are sorted, numbers are shortest and the order of conditions is kept (C-21).
func Hash(conditions []hogsend.Condition) (string, error) {
	raw, err := Marshal(conditions)
	if err != nil {
		return "", err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return "", fmt.Errorf("hash conditions: %w", err)
	}
	canonical, err := json.Marshal(tree) // maps are written with sorted keys
	if err != nil {
		return "", fmt.Errorf("hash conditions: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
