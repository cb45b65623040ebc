"use strict";
const assert = require("node:assert");
const { describe, it, test, before } = require("node:test");
const { total } = require("../shop.js");

test("sum", () => {
  assert.strictEqual(total([1, 2]), 3);
});

describe("prices", () => {
  it("take a discount", () => {
    assert.strictEqual(total([100], 10), 95);
  });
  it.skip("have tax", () => {});
  describe("of two (2) things", () => {
    it("are added", () => {
      assert.strictEqual(total([2, 2]), 4);
    });
  });
});

describe("stock", () => {
  before(() => {
    throw new Error("the warehouse is closed");
  });
  it("is there", () => {});
});
