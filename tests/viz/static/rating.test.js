const test = require("node:test");
const assert = require("node:assert/strict");
const { rating } = require("./load.js");

const text = (strategy, ...numbers) => ({ strategy, text: `text of ${strategy}`, numbers });
const DATA = {
  key: "abc123",
  strategies: [{ name: "one" }, { name: "two" }, { name: "three" }],
  measures: [
    { name: "perplexity", better: "low", digits: 1 },
    { name: "distinct-2", better: "high", digits: 2 },
  ],
  pairs: [
    { opening: "x", texts: [text(0, 3, 0.5), text(1, 9, 0.9)] },
    { opening: "y", texts: [text(0, 3, 0.5), text(2, 3, 0.4)] },
    { opening: "z", texts: [text(1, 7, 0.8), text(2, 5, 0.7)] },
  ],
};
const rater = (letters, seed = 1) => ({ seed, letters: [...letters] });
const link = (letters, seed = 1) => `https://a.book/14.html#dx=x&seed=${seed}&choices=${letters}`;
const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-3, `${found}`);

test("an order holds every pair once, is that of its seed, and turns about half of them", () => {
  let turned = 0;
  for (let seed = 0; seed < 200; seed++) {
    const order = rating.order(seed, 10);
    assert.deepEqual(order.map(({ pair }) => pair).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(order, rating.order(seed, 10));
    turned += order.filter(({ isSwapped }) => isSwapped).length;
  }
  assert.ok(Math.abs(turned - 1000) < 100, turned);
});

test("a choice changes one letter", () => {
  assert.equal(rating.choose(DATA, "", 1, "b"), "abc123.-b-");
  assert.equal(rating.choose(DATA, "abc123.-b-", 0, "t"), "abc123.tb-");
  assert.equal(rating.choose(DATA, "abc123.tb-", 1, "-"), "abc123.t--");
});

test("the interval of one reader's share is Wilson's", () => {
  const { value, low, high } = rating.share([{ won: 8, of: 10 }]);
  assert.equal(value, 0.8);
  near(low, 0.4902);
  near(high, 0.9433);
  near(rating.share([{ won: 10, of: 10 }]).low, 0.7225);
  near(rating.share([{ won: 10, of: 10 }]).high, 1);
  assert.equal(rating.share([{ won: 0, of: 0 }]), null);
  assert.equal(rating.share([]), null);
});

test("readers who differ more than chance count as fewer choices, never as more", () => {
  const alone = rating.share([{ won: 10, of: 20 }]);
  const same = rating.share(Array.from({ length: 5 }, () => ({ won: 2, of: 4 })));
  const opposed = rating.share([0, 0, 2, 4, 4].map((won) => ({ won, of: 4 })));
  assert.deepEqual([same.low, same.high], [alone.low, alone.high]);
  // The variance is 5/4 times 16 over 400, so 4 times 1/80: twenty choices count as five.
  const fewer = rating.share([{ won: 2.5, of: 5 }]);
  near(opposed.low, fewer.low);
  near(opposed.high, fewer.high);
});

test("a tie of the reader or of the measure counts for nothing", () => {
  const [perplexity, distinct] = rating.agreement(DATA, [rater("aab")]);
  assert.deepEqual([perplexity.share.won, perplexity.share.of], [2, 2]); // the second pair is equal
  assert.deepEqual([distinct.share.won, distinct.share.of], [1, 3]);
  assert.equal(rating.agreement(DATA, [rater("tat")])[0].share, null);
});

test("wins are counted for each strategy over all readers", () => {
  const plain = ({ name, share }) => [name, share?.won, share?.of];
  assert.deepEqual(rating.wins(DATA, [rater("aat"), rater("abb")]).map(plain), [
    ["one", 3, 4],
    ["two", 0, 3],
    ["three", 2, 3],
  ]);
});

test("the side is that of each reader's own order", () => {
  const readers = [1, 2, 3].map((seed) => {
    const letters = [];
    for (const { pair, isSwapped } of rating.order(seed, 3)) letters[pair] = isSwapped ? "b" : "a";
    return { seed, letters };
  });
  assert.equal(rating.firsts(DATA, readers).value, 1);
  const others = readers.map(({ seed, letters }) => ({
    seed,
    letters: letters.map((letter) => ({ a: "b", b: "a" })[letter]),
  }));
  assert.equal(rating.firsts(DATA, others).value, 0);
});

test("agreement is that of two readers, beside what guessing would give", () => {
  assert.equal(rating.alike(DATA, [rater("aaa")]), null);
  assert.deepEqual(rating.alike(DATA, [rater("aba"), rater("abb")]), {
    observed: 2 / 3,
    guessing: 0.5,
  });
  const { observed, guessing } = rating.alike(DATA, [rater("ttt"), rater("ttt")]);
  assert.deepEqual([observed, guessing], [1, 1]);
  near(rating.alike(DATA, [rater("aaa"), rater("aaa"), rater("bbb")]).observed, 1 / 3);
});

test("the pairs that divide readers most come first", () => {
  const readers = ["aab", "bab", "bat", "aab"].map((letters) => rater(letters));
  assert.deepEqual(rating.votes(DATA, readers), [
    { pair: 0, a: 2, b: 2, t: 0 },
    { pair: 1, a: 4, b: 0, t: 0 },
    { pair: 2, a: 0, b: 3, t: 1 },
  ]);
});

test("good links are pooled once each, bad ones are refused in a sentence", () => {
  const lines = [
    link("abc123.aab", 7),
    "",
    "  #choices=abc123.tbb&seed=9  ",
    "choices=abc123.tbb&seed=10",
    "hello",
    link("zzz999.aab"),
    link("abc123.aa"),
    link("abc123.axb"),
    link("abc123.a-b"),
    link("abc123.aab", "x"),
    link("abc123.aab", 2000),
    link("abc123.aab", 7),
  ];
  const { readers, refused } = rating.pool(lines.join("\n"), DATA, 1000, null);
  assert.deepEqual(readers, [rater("aab", 7), rater("tbb", 9), rater("tbb", 10)]);
  const of = (line, why) => `Line ${line} is left out: ${why}.`;
  assert.deepEqual(refused, [
    of(5, "it holds no result"),
    of(6, "its result is about other texts than those on this page"),
    of(7, "its result is damaged"),
    of(8, "its result is damaged"),
    of(9, "only 2 of its pairs are rated"),
    of(10, "its seed is damaged"),
    of(11, "its seed is damaged"),
    of(12, "it is line 1 again"),
  ]);
});

test("one's own result counts once, whether or not its link is pasted", () => {
  const own = rater("aab", 7);
  for (const text of ["", link("abc123.aab", 7)]) {
    const { readers, refused } = rating.pool(text, DATA, 1000, own);
    assert.deepEqual([readers, refused], [[own], []]);
  }
});
