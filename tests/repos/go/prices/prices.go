package prices

// Total is the sum of prices after a discount in percent.
func Total(discount int, prices ...int) int {
	sum := 0
	for _, price := range prices {
		sum += price
	}
	return sum * (100 - discount) / 100
}
