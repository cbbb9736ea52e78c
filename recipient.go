package hogsend

// Recipient is somebody else than the contact of an enrollment, who gets one of its mails:
// the manager who approves, the owner of the account, the sales desk. One field is set; the
// zero value is nobody else. Opt-outs, suppressions, caps, windows and the time zone are
// those of who gets the mail (E-83).
type Recipient struct {
	// UserID is the user id of another contact.
	UserID string
	// Property names a property of the enrollment's contact that holds the user id of another
	// contact, such as "managerId", as it is when the mail is sent.
	Property string
	// Address is a name in [Registry].Addresses.
	Address string
}

// problem says what is wrong with it; "" for nothing.
func (r Recipient) problem() string {
	set := 0
	for _, field := range []string{r.UserID, r.Property, r.Address} {
		if field != "" {
			set++
		}
		if len(field) > maxReference {
			return "must have at most 512 bytes"
		}
	}
	if set > 1 {
		return "must name a UserID, a Property or an Address, not several"
	}
	return ""
}

// maxReference bounds what names a contact (H-12).
const maxReference = 512

// Validate is nil, or a *ValidationError of field to.
func (r Recipient) Validate() error {
	if problem := r.problem(); problem != "" {
		return &ValidationError{Field: "to", Message: problem}
	}
	return nil
}
