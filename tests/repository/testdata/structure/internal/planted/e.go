// Code generated for a test. DO NOT EDIT.

package planted

func generated() { first() }
