package courier_test

import (
	"testing"

	"github.com/hogsend/hogsend/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
