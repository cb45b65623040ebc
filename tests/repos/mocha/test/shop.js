"use strict";
const assert = require("node:assert");

it("sum", () => {
  assert.strictEqual(shop.total([1, 2]), 3);
});

describe("prices", () => {
  it("take a discount", () => {
    assert.strictEqual(shop.total([100], 10), 95);
  });
  it("have tax");
  it("of two (2) things", () => {
    assert.strictEqual(shop.total([2, 2]), 4);
  });
});

describe("stock", () => {
  before(() => {
    throw new Error("the warehouse is closed");
  });
  it("is there", () => {});
});
