const test = require("node:test");
const assert = require("node:assert/strict");
const { logits, distribution, beams, entropy, player, race } = require("./load.js");

// ---- distribution ------------------------------------------------------------------------------

const log = (...probs) => Float64Array.from(probs, Math.log);
const OFF = { temperature: 1, top_n_sigma: 0, top_k: 0, top_p: 1, min_p: 0, typical_p: 1, eta: 0 };
const apply = (row, settings, order = Object.keys(OFF)) =>
  logits.apply(logits.row(row), { ...OFF, ...settings, order });

test("settings that are off keep every token and its probability", () => {
  const result = apply(log(0.5, 0.3, 0.2), {});
  assert.equal(result.kept, 3);
  assert.ok([0.5, 0.3, 0.2].every((p, i) => Math.abs(result.pAfter(i) - p) < 1e-12));
});

test("top-p keeps the smallest set that reaches p", () => {
  const kept = (p) => apply(log(0.5, 0.3, 0.2), { top_p: p }).kept;
  assert.deepEqual([0.4, 0.5, 0.51, 0.8, 0.81, 1].map(kept), [1, 1, 2, 2, 3, 3]);
});

test("what removed a token is the first step that left it out", () => {
  const result = apply(log(0.4, 0.3, 0.2, 0.1), { top_k: 3, top_p: 0.7 });
  assert.deepEqual([0, 1, 2, 3].map(result.removedBy), [null, null, "top_p", "top_k"]);
});

test("the order of the steps decides", () => {
  const settings = { temperature: 3, top_p: 0.6 };
  const warmFirst = apply(log(0.5, 0.3, 0.2), settings, ["temperature", "top_p"]);
  const topPFirst = apply(log(0.5, 0.3, 0.2), settings, ["top_p", "temperature"]);
  assert.deepEqual([warmFirst.kept, topPFirst.kept], [2, 2]);
  assert.equal(
    apply(log(0.5, 0.3, 0.2), { temperature: 3, top_p: 0.75 }, ["temperature", "top_p"]).kept,
    3,
  );
  assert.equal(
    apply(log(0.5, 0.3, 0.2), { temperature: 3, top_p: 0.75 }, ["top_p", "temperature"]).kept,
    2,
  );
});

test("the tally names the token with the largest gap to theory", () => {
  const share = (i) => [0.6, 0.3, 0.1][i];
  const theory = (i) => [0.5, 0.35, 0.15][i];
  const told = distribution.tallyOf({ total: 100, last: 1, share }, ["a", "b", "c"], theory);
  assert.match(
    told,
    /^100 drawn, the last “b”. The largest gap to theory is 0.100, for “a”; its standard error is 0.050/,
  );
  assert.equal(
    distribution.tallyOf({ total: 0, last: 0, share }, ["a"], theory),
    "Nothing drawn yet.",
  );
  assert.equal(
    distribution.tallyOf({ total: 3, last: 7000, share }, ["a"], theory),
    "3 drawn, the last “rank 7,001”.",
  );
});

test("the code holds the steps that do something, in their order", () => {
  const context = {
    label: "",
    prompt: 'a "b"',
    ids: [1, 0],
    tokens: ["x", "y"],
    logits: [1, 0],
    tail: [],
  };
  const settings = {
    ...OFF,
    top_p: 0.9,
    temperature: 0.7,
    order: ["top_p", "temperature", "top_k"],
  };
  const lines = logits.asCode("storybook", context, settings, 3).split("\n");
  assert.equal(lines[3], "strategy = dl.Sampling(dl.TopP(0.9), dl.Temperature(0.7))");
  assert.match(lines[4], /generate\(lm, "a \\"b\\"", strategy, max_new_tokens=40, seed=3\)/);
  assert.match(
    logits.asCode(null, context, settings, 3),
    /tokens = \["y","x"\]\nlogits = torch.tensor\(\[\[0, 1\]\]/,
  );
});

// ---- beams -------------------------------------------------------------------------------------

const TREE = beams.unpack({
  num_beams: 2,
  greedy: [0, 2],
  nodes: [
    [null, 1, " a", -0.7, -0.7, "kept"],
    [null, 1, " b", -0.9, -0.9, "kept"],
    [0, 2, " x", -1, -1.7, "pruned"],
    [1, 2, " y", -0.1, -1.0, "finished"],
    [1, 2, " z", -0.5, -1.4, "kept"],
    [4, 3, " w", -0.1, -1.5, "finished"],
  ],
});
const replay = (options) =>
  beams.replay(TREE, {
    lengthPenalty: 1,
    earlyStopping: false,
    maxNewTokens: 3,
    until: 3,
    ...options,
  });

test("a tree knows parents, children and greedy's path", () => {
  const [a, b, x, , z, w] = TREE.nodes;
  assert.deepEqual([x.parent, z.parent, w.parent, a.parent], [a, b, z, null]);
  assert.deepEqual(
    TREE.steps.map((step) => step.length),
    [2, 3, 1],
  );
  assert.equal(beams.textOf(w), " b z w");
  assert.deepEqual(
    TREE.nodes.filter((node) => node.greedy),
    [a, x],
  );
});

test("the length penalty decides which finished hypothesis is best", () => {
  const best = (lengthPenalty) => beams.textOf(replay({ lengthPenalty }).finished[0]);
  assert.deepEqual([-2, 0, 3].map(best), [" b y", " b y", " b z w"]);
  assert.equal(beams.score(TREE.nodes[5], 1), -0.5);
});

test("a search that has not been shown to its end is still running", () => {
  assert.equal(replay({ until: 1 }).stop, null);
  assert.equal(replay({ until: 2 }).finished.length, 1);
  assert.equal(replay({}).stop, 3);
});

test("greedy's story ends where its path does", () => {
  const story = (shown) => beams.greedyStory(TREE, replay({ until: shown }), shown);
  assert.deepEqual([1, 2].map(story), ["in the beam", "pruned at step 2"]);
});

// ---- the entropy map -----------------------------------------------------------------------------

const THRESHOLDS = { low_entropy: 1, high_entropy: 2, low_varentropy: 1, high_varentropy: 2 };

test("quadrants are those of entropy sampling, borders included", () => {
  const name = ([h, w]) => entropy.quadrant(h, w, THRESHOLDS);
  const points = [
    [0.5, 0.5],
    [3, 0.5],
    [0.5, 3],
    [3, 3],
    [1, 0.5],
    [2, 0.5],
    [2, 3],
    [1.5, 1.5],
  ];
  assert.deepEqual(points.map(name), [
    "certain",
    "wide",
    "forked",
    "lost",
    "between",
    "between",
    "forked",
    "between",
  ]);
});

test("a threshold pushed past its partner takes it along", () => {
  assert.deepEqual(entropy.moved("low_entropy", 3, THRESHOLDS), {
    high_entropy: 3,
    low_entropy: 3,
  });
  assert.deepEqual(entropy.moved("high_varentropy", 0.5, THRESHOLDS), {
    low_varentropy: 0.5,
    high_varentropy: 0.5,
  });
  assert.deepEqual(entropy.moved("low_entropy", 0.5, THRESHOLDS), {
    high_entropy: 2,
    low_entropy: 0.5,
  });
});

test("the adaptive temperature only sharpens, and only above its threshold", () => {
  const adaptive = { coefficients: [0.5, 1], threshold: 0.5 };
  assert.equal(entropy.temperatureAt(0.4, adaptive), 1);
  assert.equal(entropy.temperatureAt(2, adaptive), 0.5);
  assert.equal(entropy.temperatureAt(2, { coefficients: [-1, 0], threshold: 0.5 }), 1);
});

// ---- the player ----------------------------------------------------------------------------------

const steps = (...texts) => texts.map((text) => ({ id: text.charCodeAt(0), text }));
const BRANCHES = [
  { parent: null, start: 0, steps: steps("a", "b", "c"), end: "length" },
  { parent: 0, start: 1, steps: steps("x", "y"), end: "eos" },
  { parent: 1, start: 2, steps: steps("z"), end: "length" },
];
const text = (path) => path.map((step) => step.text).join("");

test("a branch shares its beginning with its parents", () => {
  assert.deepEqual(
    BRANCHES.map((_, i) => text(player.pathOf(BRANCHES, i))),
    ["abc", "axy", "axz"],
  );
  const ids = (word) => [...word].map((letter) => letter.charCodeAt(0));
  assert.deepEqual(
    ["ab", "ax", "axz", "b"].map((word) => player.findBranch(BRANCHES, ids(word))),
    [0, 1, 2, -1],
  );
});

test("forks are marked where another branch leaves the text shown", () => {
  const forks = (i) => [...player.forksOf(BRANCHES, player.pathOf(BRANCHES, i))];
  assert.deepEqual([forks(0), forks(1), forks(2)], [[1], [1, 2], [1, 2]]);
  assert.equal(player.nameOf(BRANCHES, 2), "from text 2, token 3: “z” for “y”");
});

test("the player explains its buttons only where there are any", () => {
  assert.equal(player.hintOf(false, false), "");
  assert.match(player.hintOf(false, true), /^See: /);
  assert.match(player.hintOf(true, false), /^Generate: /);
});

test("the token that ends a text is called that", () => {
  assert.ok(["<|endoftext|>", "<eos>", " <eos>"].every(player.isEndOfText));
  assert.ok(!["<", "endoftext", "<|user|>"].some(player.isEndOfText));
});

// ---- the race ------------------------------------------------------------------------------------

const strategy = (name, value) => ({
  name,
  numbers: { length: { value, low: null, high: null, text: "", note: "" } },
});
const STRATEGIES = [
  strategy("constructor", 3),
  strategy("b", null),
  strategy("c", 1),
  strategy("d", 3),
];

test("the ranking puts the smallest first, what has no value last, and equals as given", () => {
  const names = (shown, sort) => race.ranking(STRATEGIES, shown, sort).map(({ name }) => name);
  assert.deepEqual(names([], race.AS_GIVEN), ["constructor", "b", "c", "d"]);
  assert.deepEqual(names([], "length"), ["c", "constructor", "d", "b"]);
  assert.deepEqual(names(["d", "c"], "length"), ["c", "d"]);
});

test("a bar ends at the metric's end, or at the largest value", () => {
  const metrics = [{ name: "length", end: null }];
  assert.equal(race.longestOf(metrics, STRATEGIES).get("length"), 3);
  assert.equal(race.longestOf([{ name: "length", end: 1 }], STRATEGIES).get("length"), 1);
});

test("a number in the table has its range and what it counts", () => {
  const number = { value: 1, low: 0.51234, high: 2, text: "1.00", note: "" };
  assert.equal(race.cellOf(number), "1.00 (0.512 to 2)");
  assert.equal(race.cellOf({ ...number, high: number.low, note: "3 of 8" }), "1.00, 3 of 8");
  assert.equal(race.cellOf({ ...number, low: null, note: "nats" }), "1.00");
});
