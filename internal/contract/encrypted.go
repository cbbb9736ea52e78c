package contract

// Encrypted marks the types that carry what people said or are: their payloads are
// encrypted in Temporal's history. The others carry ids only, and stay legible in
// Temporal's tools (invariant 9).
type Encrypted interface{ Encrypted() }

// EncryptedEncoding is the encoding of encrypted payloads, as histories have had it from
// the beginning.
const EncryptedEncoding = "json/sealed"

func (BeginWaitRequest) Encrypted() {}
func (CallInput) Encrypted()        {}
func (CallResult) Encrypted()       {}
func (CaptureRequest) Encrypted()   {}
func (CheckCallRequest) Encrypted() {}
func (Claim) Encrypted()            {}
func (CollectRequest) Encrypted()   {}
func (CollectResult) Encrypted()    {}
func (ContactValue) Encrypted()     {}
func (FinishRequest) Encrypted()    {}
func (IdentifyRequest) Encrypted()  {}
func (InstantRequest) Encrypted()   {}
func (MatchesRequest) Encrypted()   {}
func (OnceRequest) Encrypted()      {}
func (OnceValue) Encrypted()        {}
func (SendRequest) Encrypted()      {}
func (TriggerRequest) Encrypted()   {}
func (WaitState) Encrypted()        {}
func (ZoneValue) Encrypted()        {}
