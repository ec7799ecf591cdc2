const test = require("node:test");
const assert = require("node:assert/strict");
const { votes } = require("./load.js");

const said = (answer, ...tokens) => ({ tokens, answer });
const TEXTS = [said("b", "x", "y"), said("a", "z"), said(null, "x", "y", "w"), said("a", "x", "v")];

test("votes are counted, most first, of equals the first given, and no answer has none", () => {
  assert.deepEqual(votes.tally(TEXTS), [
    ["a", 2],
    ["b", 1],
  ]);
  assert.deepEqual(votes.tally(TEXTS.slice(0, 2)), [
    ["b", 1],
    ["a", 1],
  ]);
});

test("texts share a branch as far as they go on alike", () => {
  const plain = ({ tokens, texts, branches }) => [
    tokens.join(""),
    texts.length,
    branches.map(plain),
  ];
  assert.deepEqual(votes.branches(TEXTS).map(plain), [
    [
      "x",
      3,
      [
        ["y", 2, [["w", 1, []]]],
        ["v", 1, []],
      ],
    ],
    ["z", 1, []],
  ]);
});

test("of the texts counted, those with the answer picked are shown", () => {
  assert.equal(votes.shown(TEXTS, 3, votes.ALL).length, 3);
  assert.deepEqual(votes.shown(TEXTS, 3, "a"), [TEXTS[1]]);
});

test("the answer is the last match, or its first group, by Python's flags", () => {
  assert.equal(votes.answerOf("[0-9]+", "12 and 345"), "345");
  assert.equal(votes.answerOf("(a|b) [ab]", "b a"), "b");
  assert.equal(votes.answerOf("x", "none"), null);
  assert.equal(votes.answerOf("(x)|y", "y"), null);
  assert.equal(votes.answerOf("(?s)^.*?(she|he)", "there\nshe saw he"), "he");
  assert.equal(votes.answerOf("(?s)^.*?\\b(she|he)\\b", "there\nshe saw he"), "she");
});
