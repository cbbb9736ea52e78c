package server

import "container/list"

// lru keeps the entries that were used last, at most a number of them. Each use costs the
// same, however many there are. It is not safe for concurrent use.
type lru[V any] struct {
	most    int
	order   *list.List // of *lruEntry[V], used last first
	entries map[string]*list.Element
}

type lruEntry[V any] struct {
	key   string
	value V
}

func newLRU[V any](most int) *lru[V] {
	return &lru[V]{most: most, order: list.New(), entries: map[string]*list.Element{}}
}

// get finds an entry, which counts as a use.
func (l *lru[V]) get(key string) (value V, ok bool) {
	e, ok := l.entries[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*lruEntry[V]).value, true //nolint:forcetypeassert // nothing else is in the list
}

// put adds or replaces an entry; the one that was not used for longest makes way.
func (l *lru[V]) put(key string, value V) {
	if e, ok := l.entries[key]; ok {
		e.Value.(*lruEntry[V]).value = value //nolint:forcetypeassert // nothing else is in the list
		l.order.MoveToFront(e)
		return
	}
	if l.order.Len() >= l.most {
		oldest := l.order.Back()
		delete(l.entries, l.order.Remove(oldest).(*lruEntry[V]).key) //nolint:forcetypeassert // nothing else is in the list
	}
	l.entries[key] = l.order.PushFront(&lruEntry[V]{key, value})
}

func (l *lru[V]) remove(key string) {
	if e, ok := l.entries[key]; ok {
		l.order.Remove(e)
		delete(l.entries, key)
	}
}
