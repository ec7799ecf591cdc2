const test = require("node:test");
const assert = require("node:assert/strict");
const { rules } = require("./load.js");

test("bits are read from the first on, four in a digit", () => {
  const bits = [0, 1, 2, 3, 4, 5, 6, 7].map((place) => rules.isGreen("91", place));
  assert.deepEqual(bits, [true, false, false, true, false, false, false, true]);
});

test("edits replace tokens or take them out", () => {
  const record = { ids: [0, 1, 2], swaps: [3, 4, 5] };
  const words = (length, edits, how) =>
    rules.edited(record, length, edits, how).map(({ place, word }) => [place, word]);
  assert.deepEqual(words(3, [2], "replaced"), [
    [1, 0],
    [2, 4],
    [3, 2],
  ]);
  assert.deepEqual(words(3, [2], "struck out"), [
    [1, 0],
    [3, 2],
  ]);
  assert.deepEqual(words(2, [3], "replaced"), [
    [1, 0],
    [2, 1],
  ]);
});

test("a binomial tail adds up what is at least as extreme", () => {
  assert.equal(rules.binomialTail(0, 5, 0.3), 1);
  assert.ok(Math.abs(rules.binomialTail(2, 2, 0.25) - 0.0625) < 1e-12);
  assert.ok(Math.abs(rules.binomialTail(1, 2, 0.5) - 0.75) < 1e-12);
});

test("a pair of neighbours counts once, and the first token never", () => {
  const record = { green: ["4", "0"] }; // 1 is green after 0
  const left = [0, 1, 0, 1].map((word, i) => ({ place: i + 1, word }));
  const found = rules.detect(record, left, 0.25);
  assert.deepEqual(
    found.map(({ isScored }) => isScored),
    [false, true, true, false],
  );
  assert.deepEqual([found[3].scored, found[3].green], [2, 1]);
  assert.ok(Math.abs(found[3].z - 0.5 / Math.sqrt(2 * 0.25 * 0.75)) < 1e-12);
});
