package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMeasureCountsAnswersAndRefusalsApart(t *testing.T) {
	var asked atomic.Int64
	o := operation{name: "half", do: func(context.Context, int) error {
		time.Sleep(time.Millisecond)
		if asked.Add(1)%2 == 0 {
			return errRefused
		}
		return nil
	}}
	r, err := measure(t.Context(), o, 4, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.refused != int(asked.Load()/2) {
		t.Errorf("%d refused of %d", r.refused, asked.Load())
	}
	if r.p50 < time.Millisecond || r.p99 < r.p50 || r.perSecond <= 0 {
		t.Errorf("%+v", r)
	}
}

func TestMeasureEndsAtTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	o := operation{name: "bad", do: func(context.Context, int) error { return broken }}
	if _, err := measure(t.Context(), o, 8, time.Hour); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestMeasureOfOnlyRefusals(t *testing.T) {
	o := operation{name: "busy", do: func(context.Context, int) error { time.Sleep(time.Millisecond); return errRefused }}
	r, err := measure(t.Context(), o, 1, 5*time.Millisecond)
	if err != nil || r.refused == 0 || r.p50 != 0 || r.perSecond != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, c := range []struct {
		of   []int
		part float64
		want int
	}{
		{hundred, 0.5, 51}, {hundred, 0.99, 100}, {hundred, 1, 100}, {[]int{7}, 0.5, 7}, {[]int{7}, 0.99, 7}, {[]int{1, 9}, 0.5, 9},
	} {
		if got := quantile(c.of, c.part); got != c.want {
			t.Errorf("%v of %d values: %d, want %d", c.part, len(c.of), got, c.want)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want spread
	}{
		{[]float64{5, 1, 3}, spread{3, 1, 5}}, {[]float64{4, 1, 3, 2}, spread{2.5, 1, 4}}, {[]float64{2}, spread{2, 2, 2}},
	} {
		if got := spreadOf(c.of); got != c.want {
			t.Errorf("%v: %v, want %v", c.of, got, c.want)
		}
	}
}

func TestPartIsTakenRoundByRound(t *testing.T) {
	ours := []result{{perSecond: 10}, {perSecond: 300}, {perSecond: 40}}
	limit := []result{{perSecond: 100}, {perSecond: 1000}, {perSecond: 50}}
	if got := part(ours, limit); got != (spread{30, 10, 80}) {
		t.Errorf("got %v", got)
	}
}
