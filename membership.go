package hogsend

// Membership is what a reaction knows of the membership that started it.
type Membership struct {
	BucketID string
	// EntryCount numbers the memberships of the contact in the bucket, from 1.
	EntryCount int
	// Reason says why it ended. It belongs to leave reactions.
	Reason LeaveReason
	// DwellCount belongs to dwell reactions: 1 for After, n for the n-th multiple of Every.
	DwellCount int
}

// LeaveReason says why a membership ended.
type LeaveReason string
