/** For how long after its last touch a page's visitor counts as present, in milliseconds; 0 where touches do not count. */
export function activeWithin(keepAlive = "always") {
  const within = keepAlive === "always" || keepAlive === "visible" ? 0 : keepAlive?.activeWithin || -1;
  if (!(within >= 0 && within < 2 ** 31)) {
    throw new TypeError('keepAlive must be "always", "visible" or { activeWithin: milliseconds }.');
  }
  return within;
}
