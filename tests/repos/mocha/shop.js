"use strict";
exports.total = (prices, discount = 0) => (prices.reduce((a, b) => a + b, 0) * (100 - discount)) / 100;
