package hogsend

// Registry is everything an author defines. API and worker are built from the
// same one; only what is in it exists (J-9).
type Registry struct {
	Journeys  []Journey
	Buckets   []Bucket
	Templates []Template
	// Layout is the HTML layout of templates that have none of their own. It prints
	// the body with {{template "content" .}}; "" means no layout.
	Layout string
}
