package shop;

/** A small thing to test. */
public final class Shop {
    private Shop() {}

    public static int total(int discount, int... prices) {
        int sum = 0;
        for (int price : prices) sum += price;
        return sum * (100 - discount) / 100;
    }
}
