package providertest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend/provider"
)

// planted is a provider with one fault.
type planted struct {
	fault    string
	lifetime time.Duration
	mu       sync.Mutex
	ids      map[string]string
	subjects map[string]string
	mails    int
}

func (p *planted) KeyLifetime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == "lifetime" {
		p.lifetime += time.Minute
	}
	return p.lifetime
}

func (p *planted) Send(ctx context.Context, m provider.Message) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.fault == "refuses what is over" && ctx.Err() != nil:
		return "", &provider.Error{Kind: provider.Permanent, Reason: "over"}
	case ctx.Err() != nil && p.fault != "goes on":
		return "", &provider.Error{Kind: provider.Transient, Reason: "over"}
	case p.fault == "no id":
		return "", nil
	case p.fault == "same id":
		p.mails++
		return "id", nil
	case p.fault == "writes" && m.Headers != nil:
		m.Headers["X-Mine"] = "1"
	}
	id, ok := p.ids[m.Key]
	if ok && p.subjects[m.Key] != m.Subject && p.fault != "any content" {
		return "", &provider.Error{Kind: provider.Permanent, Reason: provider.ReasonConflict}
	}
	if !ok || p.fault == "twice" || p.fault == "other id" {
		id = fmt.Sprint("id", len(p.ids), "-", p.mails)
		p.ids[m.Key], p.subjects[m.Key] = id, m.Subject
		if !ok || p.fault == "twice" {
			p.mails++
		} else {
			id += "b"
		}
	}
	return id, nil
}

// heard keeps what a check says.
type heard struct {
	testing.TB
	mu   sync.Mutex
	said int
}

func (h *heard) Errorf(string, ...any) { h.mu.Lock(); h.said++; h.mu.Unlock() }
func (h *heard) Error(...any)          { h.Errorf("") }
func (h *heard) Fatalf(string, ...any) { h.Errorf(""); runtime.Goexit() }
func (h *heard) Fatal(...any)          { h.Fatalf("") }

// E-35: each fault is found by the check that is there for it, and what keeps the contract passes.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][]string{
		"":                     nil,
		"no id":                {"a mail is accepted and has an id"},
		"same id":              {"mails of different keys are different", "one key is one mail, with the first id"},
		"twice":                {"at the same moment as well", "one key is one mail, with the first id"},
		"other id":             {"one key is one mail, with the first id"},
		"any content":          {"another content under a used key is refused"},
		"goes on":              {"what is over is given up, and not refused"},
		"refuses what is over": {"what is over is given up, and not refused"},
		"lifetime":             {"the lifetime of keys is sensible and the same"},
		"writes":               {"a mail is accepted and has an id"},
	} {
		found := map[string]bool{}
		for name, check := range checks() {
			p := &planted{fault: fault, lifetime: provider.KeysForever, ids: map[string]string{}, subjects: map[string]string{}}
			if fault == "lifetime" {
				p.lifetime = time.Hour
			}
			h := &heard{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				check(h, Rig{Provider: p, Delivered: func() int { p.mu.Lock(); defer p.mu.Unlock(); return p.mails }})
			}()
			<-done
			found[name] = h.said > 0
		}
		maps.DeleteFunc(found, func(_ string, failed bool) bool { return !failed })
		names := slices.Sorted(maps.Keys(found))
		for _, name := range want {
			require.Contains(t, names, name, fault)
		}
		if fault == "" {
			require.Empty(t, names)
		}
	}
}
