package hogsend

// OnEnterOf triggers when a contact enters the bucket. Other than a [Reaction] the
// journey has an id, an entry limit and a switch of its own.
func OnEnterOf(b Bucket) Trigger { return On(b.Entered()) }

// OnLeaveOf triggers when a contact leaves the bucket.
func OnLeaveOf(b Bucket) Trigger { return On(b.Left()) }

// OnSchedule triggers at every instant of a recurrence, once for each contact that is in
// the bucket then. It begins with the first instant after a worker with the journey
// started. If no worker ran for a while, the newest instant that was missed is made up
// for, and no other. The trigger's event has the instant as its property dueAt.
func OnSchedule(r Recurrence, b Bucket) Trigger {
	return Trigger{Event: Due(b.ID, r.Label()), Recurrence: &r, BucketID: b.ID}
}
