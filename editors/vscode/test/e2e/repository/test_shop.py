from shop import discount, shipping, total


def test_discount():
    assert discount(1000, 10) == 900


def test_shipping_below():
    assert shipping(4999) == 490


def test_shipping_is_free_from_fifty():
    assert shipping(5000) == 0


def test_total():
    assert total([("tea", 5000)]) == 5000
