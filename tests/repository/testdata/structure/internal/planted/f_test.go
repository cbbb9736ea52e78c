package planted

func tested() { first() }
