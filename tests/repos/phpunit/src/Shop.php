<?php

class Shop
{
    public static function total(array $prices, int $discount = 0): int
    {
        return intdiv(array_sum($prices) * (100 - $discount), 100);
    }
}
