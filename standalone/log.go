package standalone

import (
	"context"
	"log/slog"

	"go.temporal.io/server/common/log/tag"
)

// serverLogger passes what the server says on as slog records, one level lower than
// the server means it: a worker that goes away is an error to the server and
// ordinary to whoever stops it.
type serverLogger struct{ log *slog.Logger }

func (l serverLogger) Debug(string, ...tag.Tag) {}
func (l serverLogger) Info(string, ...tag.Tag)  {}

func (l serverLogger) Warn(msg string, tags ...tag.Tag)   { l.write(slog.LevelDebug, msg, tags) }
func (l serverLogger) Error(msg string, tags ...tag.Tag)  { l.write(slog.LevelInfo, msg, tags) }
func (l serverLogger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }
func (l serverLogger) Panic(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal is called when the server cannot go on. It must not end the process, which
// has more to stop than this server: the panic is seen by whoever runs it.
func (l serverLogger) Fatal(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	panic(msg)
}

func (l serverLogger) write(level slog.Level, msg string, tags []tag.Tag) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	attributes := make([]any, 0, 2*len(tags)+2)
	attributes = append(attributes, "component", "temporal")
	for _, t := range tags {
		attributes = append(attributes, t.Key(), t.Value())
	}
	l.log.Log(context.Background(), level, msg, attributes...)
}
