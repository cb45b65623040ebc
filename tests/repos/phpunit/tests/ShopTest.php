<?php

use PHPUnit\Framework\TestCase;

class ShopTest extends TestCase
{
    public function testSum(): void
    {
        $this->assertSame(3, Shop::total([1, 2]));
    }

    public function testDiscount(): void
    {
        $this->assertSame(95, Shop::total([100], 10));
    }

    public function testTax(): void
    {
        $this->markTestSkipped('no tax yet');
    }

    public function testStock(): void
    {
        throw new RuntimeException("the warehouse is closed [it's Sunday]");
    }

    /** @dataProvider names */
    public function testNames(string $name): void
    {
        $this->assertNotSame('', $name);
    }

    public static function names(): array
    {
        return ['a b' => ['x'], 'c/d' => ['y']];
    }
}
