import unittest

from shop import discount, shipping, total


class Shop(unittest.TestCase):
    def test_discount(self):
        self.assertEqual(discount(1000, 10), 900)

    def test_shipping_below(self):
        self.assertEqual(shipping(4999), 490)

    def test_shipping_is_free_from_fifty(self):
        self.assertEqual(shipping(5000), 0)

    def test_total(self):
        self.assertEqual(total([("tea", 5000)]), 5000)
