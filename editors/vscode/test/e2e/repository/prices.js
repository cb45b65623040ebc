// @ts-check

/** @param {string} name @returns {number} */
export function price(name) {
  return name.length > 3 ? "490" : 0;
}
