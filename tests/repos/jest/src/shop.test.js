const { total } = require("./shop");

test("sum", () => {
  expect(total([1, 2])).toBe(3);
});

describe("prices", () => {
  it("take a discount", () => {
    expect(total([100], 10)).toBe(95);
  });
  it.skip("have tax", () => {});
  it("of two (2) things", () => {
    expect(total([2, 2])).toBe(4);
  });
});

describe("stock", () => {
  beforeEach(() => {
    throw new Error("the warehouse is closed");
  });
  it("is there", () => {});
});
