package stock

import "testing"

func TestStock(t *testing.T) {
	var shelves []int
	_ = shelves[3]
}

func TestNever(t *testing.T) {}
