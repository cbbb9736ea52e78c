package decide

// CommentEvent is the name of the event of a comment on an answer (E-86).
func CommentEvent(event string) string { return event + ".comment" }
