// Command hogsend is the stock binary: the product with the example application's
// registry. An author's own main looks the same with a registry of their own.
package main

import (
	"github.com/hogsend/hogsend/app"
	"github.com/hogsend/hogsend/examples/saas"
	"github.com/hogsend/hogsend/standalone"
	"github.com/hogsend/hogsend/vet"
)

func main() {
	app.Main(app.Options{Registry: saas.Registry(), Embedded: standalone.Embedded{}, Vet: vet.Check, ReadFlow: vet.Flow, Flow: saas.Flow()})
}
