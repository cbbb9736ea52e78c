// Package mailkit has templates, which other packages send.
package mailkit

import "github.com/hogsend/hogsend"

// ReceiptProps are those of the receipt.
type ReceiptProps struct{ Total string }

// Receipt is transactional by its template.
var Receipt = hogsend.For[ReceiptProps](hogsend.Template{Key: "receipt", Subject: "Receipt", HTML: "<p></p>", Category: "transactional"})

// News has no category, and no props.
var News = hogsend.Template{Key: "news", Subject: "News", HTML: "<p></p>"}
