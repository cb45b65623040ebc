import unittest

from shop import total


class ShopTest(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(total([1, 2]), 3)

    def test_discount(self):
        self.assertEqual(total([100], discount=10), 95)

    @unittest.skip("no tax yet")
    def test_tax(self):
        pass

    @unittest.expectedFailure
    def test_cents(self):
        self.assertEqual(total([1], discount=50), 0.5)

    def test_many(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)


class StockTest(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("the warehouse is closed")

    def test_stock(self):
        pass


class StreetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no street")

    def test_street(self):
        pass
