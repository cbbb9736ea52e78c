package contract

// Of names the enrollment of a step.
func (s Step) Of() string { return s.EnrollmentID }

// Of names the enrollment that it is about.
func (r BeginCallRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r BeginWaitRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r CaptureRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r CollectRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r EndCallRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r EndWaitRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r ExitRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r IdentifyRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r OnceRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r SendRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r ThrottleRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r TriggerRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r VariantRequest) Of() string { return r.Step.EnrollmentID }

// Of names the enrollment that it is about.
func (r ClaimRequest) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r FinishRequest) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r HistoryRequest) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r InstantRequest) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r MatchesRequest) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r PausedEffect) Of() string { return r.EnrollmentID }

// Of names the enrollment that it is about.
func (r SubscribedRequest) Of() string { return r.EnrollmentID }
