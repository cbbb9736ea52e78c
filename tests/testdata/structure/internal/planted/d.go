package planted

func leaf() {}
