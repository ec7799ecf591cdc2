const test = require("node:test");
const assert = require("node:assert/strict");
const {
  links,
  memory,
  guess,
  parts,
  localModel,
  showToken,
  showProbability,
  showCount,
} = require("./load.js");

const INITIAL = {
  temperature: 1,
  top_k: 0,
  order: ["top_k", "top_p"],
  context: "one, two",
  name: null,
};
const LIMITS = {
  temperature: { type: "number", min: 0.01, max: 10 },
  top_k: { type: "integer", min: 0 },
  order: { type: "list", choices: ["top_k", "top_p"], all: true },
  context: { type: "choice", choices: ["one, two", "50%", true] },
  name: { type: "string", nullable: true },
};
const read = (fragment) => links.read(fragment, INITIAL, LIMITS);

test("a link that is written reads back as the same settings", () => {
  const settings = {
    temperature: 0.7,
    top_k: 5,
    order: ["top_p", "top_k"],
    context: "50%",
    name: "a & b=c",
  };
  const written = links.write("toy", INITIAL, (name) => settings[name], false);
  assert.deepEqual(read(written), { settings, isShown: true });
  assert.equal(links.target(written), "toy");
});

test("text that does not match its pattern as a whole is left as at the start", () => {
  const limits = { made: { type: "string", pattern: "(?:k\\.[ab]{2})?" } };
  const made = (text) => links.read(`made=${text}`, { made: "" }, limits).settings.made;
  assert.equal(made("k.ab"), "k.ab");
  assert.equal(made(""), "");
  for (const wrong of ["k.a", "k.abb", "xk.ab", "k-ab"]) assert.equal(made(wrong), "");
});

test("a link names only what differs from the start", () => {
  const settings = { ...INITIAL, order: ["top_k", "top_p"], top_k: 3 };
  assert.equal(
    links.write("toy", INITIAL, (name) => settings[name], false),
    "dx=toy&top_k=3",
  );
});

test("a link shows an answer if it was shown, or if its settings could not be reached without", () => {
  assert.equal(read("dx=toy").isShown, false);
  assert.equal(read("dx=toy&temperature=1").isShown, false);
  assert.equal(read("dx=toy&temperature=99").isShown, false); // not a setting: out of range
  assert.equal(read("dx=toy&temperature=2").isShown, true);
  assert.equal(read(links.write("toy", INITIAL, (name) => INITIAL[name], true)).isShown, true);
});

test("what a setting's limits rule out leaves it as at the start", () => {
  const nonsense = [
    "temperature=0",
    "temperature=NaN",
    "temperature=",
    "temperature=Infinity",
    "top_k=1.5",
    "top_k=-1",
    "order=top_k",
    "order=top_k,top_k",
    "order=top_k,x",
    "context=three",
    "no_such=1",
    "__proto__=x",
  ];
  for (const one of nonsense) assert.deepEqual(read(one).settings, INITIAL, one);
  assert.equal(read("context=true").settings.context, true);
  assert.equal(read("name=").settings.name, null);
});

test("slugs are words of the title, and differ", () => {
  const taken = new Set(["flat-or-peaked", "explorer"]);
  const slugOf = (title) => links.slugOf(title, (slug) => taken.has(slug));
  assert.equal(slugOf("Flat, or peaked?"), "flat-or-peaked-2");
  assert.equal(slugOf("Top-nσ: the 2nd"), "top-n-the-2nd");
  assert.equal(slugOf("東京"), "explorer-2");
});

test("predictions are remembered for their question until they are forgotten", () => {
  const items = new Map();
  globalThis.localStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
    key: (i) => [...items.keys()][i],
    get length() {
      return items.size;
    },
  };
  const asked = memory.of("/ch1.html", "toy", "How many?");
  assert.equal(asked.recall(), undefined);
  for (const made of [3, "wide", null]) {
    asked.remember(made);
    assert.deepEqual(asked.recall(), { guess: made });
  }
  assert.equal(memory.of("/ch1.html", "toy", "How much?").recall(), undefined);
  assert.equal(memory.of("/ch2.html", "toy", "How many?").recall(), undefined);
  asked.forget();
  assert.equal(asked.recall(), undefined);
  asked.remember(3);
  items.set("another site's", "kept");
  memory.forgetAll();
  assert.deepEqual([...items.keys()], ["another site's"]);
  for (const broken of ["", "{", "3", '{"guess":{}}', "null"]) {
    asked.remember(3);
    items.set(
      [...items.keys()].find((key) => key.endsWith("toy")),
      broken,
    );
    assert.equal(asked.recall(), undefined, broken);
  }
});

test("a browser that refuses its store is taken as one that remembers nothing", () => {
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("denied", "SecurityError");
    },
  });
  const asked = memory.of("/", "toy", "How many?");
  asked.remember(3);
  asked.forget();
  memory.forgetAll();
  assert.equal(asked.recall(), undefined);
  delete globalThis.localStorage;
});

test("a guess is right to the digits shown", () => {
  assert.ok(guess.isRight(5, { value: 5, text: "5" }));
  assert.ok(guess.isRight(0.36, { value: 0.3601, text: "0.36" }));
  assert.ok(!guess.isRight(0.3, { value: 0.3601, text: "0.3601" }));
  assert.ok(!guess.isRight(4, { value: 5, text: "5" }));
  assert.ok(guess.isRight("wide", { value: "wide", text: "wide" }));
  assert.ok(!guess.isRight(null, { value: "wide", text: "wide" }));
});

test("a verdict is in the past once the settings it is about are left", () => {
  const answer = { value: 1175, text: "1,175" };
  assert.equal(guess.verdict(3000, answer, false), "You predicted 3,000; it is 1,175.");
  assert.equal(guess.verdict(1175, answer, false), "1,175, as you predicted.");
  assert.equal(guess.verdict(null, answer, false), "The answer: 1,175.");
  for (const made of [3000, 1175, null]) {
    assert.match(guess.verdict(made, answer, true), /1,175 with the settings at the start/);
  }
});

test("scales lead from positions to values and back", () => {
  const scales = [
    parts.counts(50_257),
    parts.counts(8),
    parts.stops([0.1, 0.5, 2, 0], 0),
    parts.squares(7, 200),
  ];
  for (const scale of scales) {
    for (let i = scale.min; i <= scale.max; i++) {
      assert.equal(scale.toValue(scale.fromValue(scale.toValue(i))), scale.toValue(i), i);
    }
  }
  const counts = parts.counts(50_257);
  assert.deepEqual([0, 1, 19, counts.max].map(counts.toValue), [1, 2, 20, 0]);
  assert.equal(counts.fromValue(50_257), counts.max); // all of them: off
  assert.equal(parts.stops([0.1, 0.5, 2, 0], 0).fromValue(0.02), 0); // never at off by being near
});

test("tokens and numbers are shown so that they can be told apart", () => {
  assert.equal(showToken(" a\n\t\r"), "␣a↵⇥␍");
  assert.equal(showToken(""), "∅");
  assert.deepEqual([0, 0.00004, 0.00005, 0.25].map(showProbability), [
    "0",
    "4e-5",
    "0.0001",
    "0.2500",
  ]);
  assert.equal(showCount(50257), "50,257");
});

test("a model without a kernel tells its listeners of changes, whatever its settings are called", () => {
  const model = localModel({ constructor: 1, context: "a" });
  const heard = [];
  const listener = () => heard.push(model.get("constructor"));
  model.on("change:constructor", listener);
  model.set("constructor", 2);
  model.set("constructor", 2);
  model.set("context", "b");
  model.off("change:constructor", listener);
  model.set("constructor", 3);
  assert.deepEqual(heard, [2]);
  assert.equal(model.get("toString"), undefined);
});
