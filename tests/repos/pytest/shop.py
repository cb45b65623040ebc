"""A small thing to test."""


def total(prices: list[int], discount: int = 0) -> int:
    """The sum of prices after a discount in percent."""
    return sum(prices) * (100 - discount) // 100
