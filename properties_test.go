package hogsend_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hogsend/hogsend"
)

func propertiesOf(t *testing.T, raw string) hogsend.Properties {
	t.Helper()
	var p hogsend.Properties
	require.NoError(t, json.Unmarshal([]byte(raw), &p))
	return p
}

// J-167, C-27
func TestNumbersOfPropertiesAreExact(t *testing.T) {
	t.Parallel()
	const raw = `{"id":1234567890123456789,"low":-1234567890123456789,"price":1.50,"sum":0.30000000000000004,"huge":1e400,"nested":{"id":[9007199254740993]}}`
	p := propertiesOf(t, raw)
	require.Equal(t, json.Number("1234567890123456789"), p["id"])
	require.Equal(t, map[string]any{"id": []any{json.Number("9007199254740993")}}, p["nested"])
	again, err := json.Marshal(p)
	require.NoError(t, err)
	require.Equal(t, p, propertiesOf(t, string(again)))
	require.Contains(t, string(again), `"price":1.50`, "as it was written")

	var none hogsend.Properties
	require.NoError(t, json.Unmarshal([]byte(`null`), &none))
	require.Nil(t, none)
	require.Error(t, json.Unmarshal([]byte(`[1]`), &none))
}

// J-167
func TestPropertiesAreReadByTheirType(t *testing.T) {
	t.Parallel()
	p := propertiesOf(t, `{"text":"5","one":1,"three":3.0,"half":3.5,"exp":12e2,"max":9223372036854775807,"min":-9223372036854775808,"over":9223372036854775808,
		"huge":1e400,"yes":true,"nothing":null,"list":[1],"object":{},"at":"2026-03-01T10:00:00+01:00","day":"2026-03-01"}`)
	p["go"], p["float"], p["nan"], p["number"] = 7, 2.0, math.NaN(), json.Number("1.25")
	ints, floats, texts, bools, times := map[string]int64{}, map[string]float64{}, map[string]string{}, map[string]bool{}, map[string]time.Time{}
	for _, name := range append([]string{"missing"}, keysOf(p)...) {
		if v, ok := p.Int(name); ok {
			ints[name] = v
		}
		if v, ok := p.Float(name); ok {
			floats[name] = v
		}
		if v, ok := p.String(name); ok {
			texts[name] = v
		}
		if v, ok := p.Bool(name); ok {
			bools[name] = v
		}
		if v, ok := p.Time(name); ok {
			times[name] = v.UTC()
		}
	}
	require.Equal(t, map[string]int64{"one": 1, "three": 3, "exp": 1200, "max": math.MaxInt64, "min": math.MinInt64, "go": 7, "float": 2}, ints)
	require.Equal(t, map[string]float64{
		"one": 1, "three": 3, "half": 3.5, "exp": 1200, "max": math.MaxInt64, "min": math.MinInt64, "over": math.MaxInt64, "go": 7, "float": 2, "number": 1.25,
	}, floats)
	require.Equal(t, map[string]string{"text": "5", "at": "2026-03-01T10:00:00+01:00", "day": "2026-03-01"}, texts)
	require.Equal(t, map[string]bool{"yes": true}, bools)
	require.Equal(t, map[string]time.Time{"at": time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, times)
}

func keysOf(p hogsend.Properties) (keys []string) {
	for key := range p {
		keys = append(keys, key)
	}
	return keys
}

// J-167
func TestPropertiesAreDecodedIntoAStruct(t *testing.T) {
	t.Parallel()
	p := propertiesOf(t, `{"orderId":1234567890123456789,"total":19.99,"items":[{"sku":"a"}],"unknown":1,"any":9007199254740993}`)
	var order struct {
		ID    int64   `json:"orderId"`
		Total float64 `json:"total"`
		Items []struct{ SKU string }
		Any   any
	}
	require.NoError(t, p.Decode(&order))
	require.Equal(t, int64(1234567890123456789), order.ID)
	require.InDelta(t, 19.99, order.Total, 0)
	require.Equal(t, "a", order.Items[0].SKU)
	require.Equal(t, json.Number("9007199254740993"), order.Any)

	var small struct {
		ID int8 `json:"orderId"`
	}
	require.ErrorContains(t, p.Decode(&small), "decode properties: ")
	var text struct{ Total string }
	require.ErrorContains(t, p.Decode(&text), "decode properties: ")
	require.ErrorContains(t, hogsend.Properties{"c": make(chan int)}.Decode(&order), "decode properties: ")
}

func ExampleProperties_Decode() {
	// As of run.Event().Properties.
	var paid hogsend.Properties
	if err := json.Unmarshal([]byte(`{"orderId": 1234567890123456789, "total": 19.99, "gift": true}`), &paid); err != nil {
		panic(err)
	}
	var order struct {
		ID    int64 `json:"orderId"`
		Total float64
	}
	fmt.Println(paid.Decode(&order), order)
	fmt.Println(paid.Int("orderId"))
	fmt.Println(paid.Int("total")) // no whole number
	// Output:
	// <nil> {1234567890123456789 19.99}
	// 1234567890123456789 true
	// 0 false
}
