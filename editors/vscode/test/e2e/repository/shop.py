"""What a basket costs."""


def discount(total, percent):
    """The total after a discount, in whole cents."""
    return total - total * percent // 100


def shipping(total):
    """Free from 50.00 on."""
    return 0 if total > 5000 else 490


def lines(basket):
    """The basket as text, one article a line."""
    # every article on its own line
    return "\n".join(f"{name}: {cents / 100:.2f}" for name, cents in basket)


def total(basket, percent=0):
    """Everything, with discount and shipping, in cents."""
    goods = discount(sum(cents for _, cents in basket), percent)
    return goods + shipping(goods)
