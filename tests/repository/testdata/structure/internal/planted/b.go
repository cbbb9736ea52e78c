package planted

func second(c clock) {
	c.third(c.now.Unix())
}
