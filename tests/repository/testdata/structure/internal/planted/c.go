package planted

func (c clock) third(seconds int64) {
	if seconds > 0 {
		leaf()
	}
	first()
}
