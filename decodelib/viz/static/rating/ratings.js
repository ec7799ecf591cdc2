// @ts-check
/* What follows from choices between pairs of texts: pure functions, without a page. */
(() => {
  const MODULUS = 2 ** 31 - 1;
  const MULTIPLIER = 48_271;
  const SKIPPED = 3; // the first draws of neighbouring seeds are alike
  const Z = 1.959963984540054; // of 95%

  /** The order and the sides of the pairs, as decodelib/viz/rating/pairs.py draws them.
   * @type {Ratings["order"]} */
  function order(seed, count) {
    let state = seed + 1;
    const below = (/** @type {number} */ bound) => {
      state = (state * MULTIPLIER) % MODULUS;
      return Math.floor((state * bound) / MODULUS);
    };
    for (let i = 0; i < SKIPPED; i++) below(1);
    const pairs = Array.from({ length: count }, (_, i) => i);
    for (let last = count - 1; last > 0; last--) {
      const other = below(last + 1);
      [pairs[last], pairs[other]] = [pairs[other], pairs[last]];
    }
    return pairs.map((pair) => ({ pair, isSwapped: below(2) === 1 }));
  }

  /** The letter of each pair.
   * @type {Ratings["letters"]} */
  const letters = (choices, count) => [...(choices.split(".")[1] ?? "-".repeat(count))];

  /** The choices with one of them made or taken back.
   * @type {Ratings["choose"]} */
  const choose = ({ key, pairs }, choices, pair, letter) =>
    `${key}.${letters(choices, pairs.length)
      .map((old, i) => (i === pair ? letter : old))
      .join("")}`;

  /** The text that a measure prefers, or null of two equal numbers.
   * @type {Ratings["preferred"]} */
  function preferred({ texts }, measure, better) {
    const [a, b] = texts.map(({ numbers }) => (better === "high" ? 1 : -1) * numbers[measure]);
    if (a === b) return null;
    return a > b ? "a" : "b";
  }

  /** A share with its Wilson score interval. Choices of one reader have something in common, so a
   * reader counts as fewer choices where readers differ by more than chance would make them: the
   * number of choices is divided by the ratio of the two variances, which is at least 1.
   * @type {Ratings["share"]} */
  function share(counts) {
    const of = counts.reduce((sum, one) => sum + one.of, 0);
    if (!of) return null;
    const won = counts.reduce((sum, one) => sum + one.won, 0);
    const value = won / of;
    const readers = counts.length;
    const byChance = (value * (1 - value)) / of;
    const squares = counts.reduce((sum, one) => sum + (one.won - value * one.of) ** 2, 0);
    const found = readers > 1 ? ((readers / (readers - 1)) * squares) / of ** 2 : byChance;
    const n = of / Math.max(1, byChance ? found / byChance : 1);
    const middle = value + Z ** 2 / (2 * n);
    const half = Z * Math.sqrt((value * (1 - value)) / n + Z ** 2 / (4 * n ** 2));
    const whole = 1 + Z ** 2 / n;
    return {
      won,
      of,
      value,
      low: Math.max(0, (middle - half) / whole),
      high: Math.min(1, (middle + half) / whole),
    };
  }

  /** How often each strategy's text was chosen, of the pairs in which one was.
   * @type {Ratings["wins"]} */
  const wins = ({ strategies, pairs }, readers) =>
    strategies.map(({ name }, strategy) => ({
      name,
      share: share(
        readers.map((reader) => {
          const own = pairs.flatMap(({ texts }, pair) => {
            const side = texts.findIndex((text) => text.strategy === strategy);
            return side < 0 || !"ab".includes(reader.letters[pair])
              ? []
              : [reader.letters[pair] === "ab"[side]];
          });
          return { won: own.filter(Boolean).length, of: own.length };
        }),
      ),
    }));

  /** With how many of the choices each measure agrees, of those where it prefers a text too.
   * @type {Ratings["agreement"]} */
  const agreement = ({ measures, pairs }, readers) =>
    measures.map(({ name, better }, measure) => ({
      name,
      share: share(
        readers.map((reader) => {
          const own = pairs.flatMap((pair, i) => {
            const letter = preferred(pair, measure, better);
            return letter && "ab".includes(reader.letters[i]) ? [reader.letters[i] === letter] : [];
          });
          return { won: own.filter(Boolean).length, of: own.length };
        }),
      ),
    }));

  /** How often the text that was called A was chosen.
   * @type {Ratings["firsts"]} */
  const firsts = ({ pairs }, readers) =>
    share(
      readers.map((reader) => {
        const chosen = order(reader.seed, pairs.length).flatMap(({ pair, isSwapped }) => {
          const letter = reader.letters[pair];
          return "ab".includes(letter) ? [letter === (isSwapped ? "b" : "a")] : [];
        });
        return { won: chosen.filter(Boolean).length, of: chosen.length };
      }),
    );

  /** How many readers gave each answer to each pair, those that divide them most first.
   * @type {Ratings["votes"]} */
  const votes = ({ pairs }, readers) =>
    pairs
      .map((_, pair) => {
        const count = (/** @type {string} */ letter) =>
          readers.filter((reader) => reader.letters[pair] === letter).length;
        return { pair, a: count("a"), b: count("b"), t: count("t") };
      })
      .sort((one, other) => Math.min(other.a, other.b) - Math.min(one.a, one.b));

  /** How often two readers give one answer to a pair, and how often they would by guessing: with
   * as many that cannot tell, and a coin for the rest. Null of fewer than two readers.
   * @type {Ratings["alike"]} */
  function alike(data, readers) {
    const n = readers.length;
    if (n < 2) return null;
    const all = votes(data, readers);
    const sum = (/** @type {(one: RatingVotes) => number} */ f) =>
      all.reduce((total, one) => total + f(one), 0) / all.length;
    const pairsOf = (/** @type {number} */ count) => (count * (count - 1)) / (n * (n - 1));
    const tied = sum(({ t }) => t / n);
    return {
      observed: sum(({ a, b, t }) => pairsOf(a) + pairsOf(b) + pairsOf(t)),
      guessing: tied ** 2 + (1 - tied) ** 2 / 2,
    };
  }

  /** The result in a link, or why there is none.
   * @type {Ratings["read"]} */
  function read(line, data, most) {
    const given = new URLSearchParams(line.slice(line.indexOf("#") + 1));
    const [key, made] = (given.get("choices") ?? "").split(".");
    const seed = Number(given.get("seed") ?? "0");
    if (!made) return "it holds no result";
    if (key !== data.key) return "its result is about other texts than those on this page";
    if (made.length !== data.pairs.length || /[^abt-]/.test(made)) return "its result is damaged";
    if (made.includes("-")) return `only ${made.replace(/-/g, "").length} of its pairs are rated`;
    if (!Number.isInteger(seed) || seed < 0 || seed > most) return "its seed is damaged";
    return { seed, letters: [...made] };
  }

  /** The results in the lines of a text, each once, and a sentence for every line without one.
   * @type {Ratings["pool"]} */
  function pool(text, data, most, own) {
    const nameOf = (/** @type {Rater} */ one) => `${one.seed} ${one.letters.join("")}`;
    /** @type {Map<string, Rater>} */
    const readers = new Map(own ? [[nameOf(own), own]] : []);
    /** @type {Map<string, number>} */
    const lines = new Map();
    /** @type {string[]} */
    const refused = [];
    for (const [i, line] of text.split("\n").entries()) {
      if (!line.trim()) continue;
      const found = read(line.trim(), data, most);
      const again = typeof found === "string" ? undefined : lines.get(nameOf(found));
      if (typeof found === "string") refused.push(`Line ${i + 1} is left out: ${found}.`);
      else if (again) refused.push(`Line ${i + 1} is left out: it is line ${again} again.`);
      else {
        lines.set(nameOf(found), i + 1);
        readers.set(nameOf(found), found);
      }
    }
    return { readers: [...readers.values()], refused };
  }

  globalThis.DecodeExplorer.rating = /** @type {Ratings} */ ({
    order,
    letters,
    choose,
    preferred,
    share,
    wins,
    agreement,
    firsts,
    votes,
    alike,
    read,
    pool,
  });
})();
