package view

// Campaigns is the list of campaigns (U-29).
type Campaigns struct {
	Frame
	Create *Button
	Rows   []CampaignRow
	Empty  *Empty
	Pager  Pager
}

// CampaignRow is one of them.
type CampaignRow struct {
	URL, Name, Template string
	Audience            Link
	State               Badge
	Sent, Of            string
	Done                Rate
	At                  Time
}

// Campaign is one campaign (U-29).
type Campaign struct {
	Frame
	ID                            string
	State                         Badge
	Template, Audience            Link
	Created                       Time
	Scheduled, Started, Completed *Time
	Local, Error, Rate            string
	Counts, Engaged               []Tile
	Bar                           []BarPart // Y is where a part begins, Height how long it is, of 1,000
	BarTitle                      string
	Pause, Cancel                 *Button
	Outcomes                      []OutcomeRow
	Chips                         []Chip
	Recipients                    []RecipientRow
	Pager                         Pager
}

// OutcomeRow is how many recipients fared alike.
type OutcomeRow struct {
	State            Badge
	Why, People, URL string
	Share            Rate
}

// RecipientRow is one recipient.
type RecipientRow struct {
	Contact   Link
	State     Badge
	Why, Mail string
}

// CampaignNew is the form of a campaign.
type CampaignNew struct {
	Frame
	Name, Subject, At, Rate, Sample, Props, Zone string
	Templates, Audiences                         []Choice
	Problem                                      Problem
}

// Templates is the list of templates (U-30).
type Templates struct {
	Frame
	Rows  []TemplateRow
	Empty *Empty
}

// TemplateRow is one template.
type TemplateRow struct {
	URL, Key, Subject, Category string
	Used                        []Link
	Sent                        string
	Opened, Clicked             Rate
}

// Template is one template (U-30).
type Template struct {
	Frame
	Key, Subject, Preview, Category string
	Problem                         string // why it does not render
	Examples                        []Segment
	Schemes                         []Segment
	Dark                            bool
	Body                            string
	Text, Props                     string
	Warnings                        []string
	Used                            []Link
	Figures                         []Tile
	Test                            *Button // refused for who may not
	To                              string
	Example                         string
	TestProblem                     Problem
	Mails                           string
}

// Imports are files that came in, and the ways out (U-38).
type Imports struct {
	Frame
	Rows    []ImportRow
	May     bool
	Kinds   []Choice
	Problem Problem
	Exports []Link
}

// ImportRow is one import.
type ImportRow struct {
	URL, Kind, File string
	State           Badge
	Done, Failed    string
	At              Time
}

// Import is one import.
type Import struct {
	Frame
	ID, Kind string
	State    Badge
	Counts   []Tile
	Errors   []ImportError
	More     string
	At       Time
	Updated  Time
}

// ImportError is a row that could not be taken.
type ImportError struct{ Row, Text string }

// Erasures are the certificates (U-42).
type Erasures struct {
	Frame
	Rows  []ErasureRow
	Empty *Empty
}

// ErasureRow is one of them.
type ErasureRow struct {
	URL, Contact, Reason string
	State                Badge
	At                   Time
}

// Erasure is the certificate of one (U-42).
type Erasure struct {
	Frame
	ID, Contact, Reason, By string
	State                   Badge
	Requested               Time
	Completed               *Time
	Kept                    string
	Removed                 []Count
	Verify                  string
	Found                   []Count // what a second look found
	Looked                  *Time
	Clean                   bool
}

// Settings are the effective configuration (U-43).
type Settings struct {
	Frame
	Groups []SettingGroup
}

// SettingGroup are variables that belong together.
type SettingGroup struct {
	Title string
	Rows  []SettingRow
}

// SettingRow is one variable.
type SettingRow struct {
	Name, Value, Meaning string
	Given                bool // by the environment
}
