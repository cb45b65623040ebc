package prices

import "testing"

func TestSum(t *testing.T) {
	if Total(0, 1, 2) != 3 {
		t.Fatal("wrong sum")
	}
}

func TestDiscount(t *testing.T) {
	t.Log("the discount is wrong")
	if got := Total(10, 100); got != 95 {
		t.Errorf("got %d, want 95", got)
	}
}

func TestTax(t *testing.T) {
	t.Skip("no tax yet")
}

func TestMany(t *testing.T) {
	for _, name := range []string{"one", "two words"} {
		t.Run(name, func(t *testing.T) {})
	}
}
