// @ts-check
/* The numbers of a race: decodelib/experiments/metrics.py and decodelib/viz/race/scores.py again. */
(() => {
  /** The different pairs of neighbours as a share of all pairs.
   *  @param {number[]} ids At least two. */
  function distinct2(ids) {
    const pairs = ids.slice(1).map((id, i) => `${ids[i]},${id}`);
    return new Set(pairs).size / pairs.length;
  }

  /** Whether a text ends in a phrase of two tokens or more, three times in a row.
   *  @param {number[]} ids */
  function endsInRepetition(ids) {
    for (let length = 2; length <= Math.floor(ids.length / 3); length++) {
      const end = ids.slice(-3 * length);
      if (end.every((id, i) => i < length || id === end[i - length])) return true;
    }
    return false;
  }

  // ---- self-BLEU, with sacrebleu's tokenizer (mteval 13a) and exponential smoothing ----------------

  /** @param {string} text */
  function words(text) {
    const entities = { "&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">" };
    let line = text
      .trimEnd()
      .replaceAll("<skipped>", "")
      .replaceAll("-\n", "")
      .replaceAll("\n", " ");
    for (const [name, character] of Object.entries(entities))
      line = line.replaceAll(name, character);
    return ` ${line} `
      .replace(/([{-~[-` -&(-+:-@/])/gu, " $1 ")
      .replace(/([^0-9])([.,])/gu, "$1 $2 ")
      .replace(/([.,])([^0-9])/gu, " $1 $2")
      .replace(/([0-9])(-)/gu, "$1 $2 ")
      .split(/\p{White_Space}+/u)
      .filter(Boolean);
  }

  const ORDER = 4;

  /** How often each run of one to four words occurs.
   *  @param {string[]} all */
  function grams(all) {
    /** @type {Map<string, number>[]} */
    const counts = Array.from({ length: ORDER }, () => new Map());
    for (let n = 1; n <= ORDER; n++) {
      for (let i = 0; i + n <= all.length; i++) {
        const gram = all.slice(i, i + n).join(" ");
        counts[n - 1].set(gram, (counts[n - 1].get(gram) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** @typedef {{length: number, counts: Map<string, number>[]}} Counted */

  /** @param {Counted} one
   *  @param {Counted[]} others
   *  @returns {number} In [0, 1]. */
  function bleu(one, others) {
    const logs = [];
    let halved = 1; // a length of run without a match counts as half a match, then as a quarter
    let anyMatch = false;
    for (let n = 1; n <= ORDER; n++) {
      const total = one.length - n + 1;
      if (total <= 0) break;
      let matches = 0;
      for (const [gram, count] of one.counts[n - 1])
        matches += Math.min(
          count,
          Math.max(0, ...others.map((other) => other.counts[n - 1].get(gram) ?? 0)),
        );
      anyMatch ||= matches > 0;
      if (!matches) halved *= 2;
      logs.push(Math.log((matches || 1 / halved) / total));
    }
    if (!anyMatch) return 0;
    const gap = (/** @type {number} */ length) => Math.abs(length - one.length);
    const closest = Math.min(...others.map(({ length }) => gap(length)));
    const reference = Math.min(
      ...others.map(({ length }) => length).filter((length) => gap(length) === closest),
    );
    const brevity = one.length < reference ? Math.exp(1 - reference / one.length) : 1;
    return brevity * Math.exp(logs.reduce((sum, x) => sum + x, 0) / logs.length);
  }

  /** The mean BLEU of each text against all the others.
   *  @param {string[]} texts At least two. */
  function selfBleu(texts) {
    const counted = texts.map((text) => {
      const all = words(text);
      return { length: all.length, counts: grams(all) };
    });
    return mean(
      counted.map((one) =>
        bleu(
          one,
          counted.filter((other) => other !== one),
        ),
      ),
    );
  }

  // ---- as a race shows them -------------------------------------------------------------------------

  const mean = (/** @type {number[]} */ values) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;

  /** @param {number | null} value
   *  @param {number[]} [each] The value of each text.
   *  @param {string} [note]
   *  @param {number} [digits] */
  const score = (value, each = [], note = "", digits = 2) => ({
    value,
    low: each.length ? Math.min(...each) : null,
    high: each.length ? Math.max(...each) : null,
    text: value === null ? "none" : value.toFixed(digits),
    note,
  });

  /** The numbers of one strategy.
   *  @param {{text: string, tokenIds: number[], surprisal: number[], entropy: number[]}[]} texts
   *  @param {number} samples How many texts these stand for: a strategy without chance is asked once. */
  function raceScores(texts, samples) {
    const ids = texts.map(({ tokenIds }) => tokenIds);
    const pairs = ids.filter((own) => own.length > 1).map(distinct2);
    const loops = ids.filter(endsInRepetition).length;
    const nats = mean(texts.flatMap(({ surprisal }) => surprisal));
    const lengths = ids.map((own) => own.length);
    const alike =
      samples < 2 ? null : texts.length === 1 ? 1 : selfBleu(texts.map(({ text }) => text));
    return {
      surprisal: score(
        nats,
        texts.map(({ surprisal }) => mean(surprisal)),
        `perplexity ${Number(Math.exp(nats).toPrecision(3))}`,
      ),
      entropy: score(
        mean(texts.flatMap(({ entropy }) => entropy)),
        texts.map(({ entropy }) => mean(entropy)),
        "nats",
      ),
      repetition: score(loops / ids.length, [], `${loops} of ${ids.length}`),
      distinct_2: score(pairs.length ? mean(pairs) : null, pairs),
      self_bleu: score(alike),
      length: score(mean(lengths), lengths, "tokens", 1),
    };
  }

  Object.assign(globalThis.DecodeEngine, { raceScores, selfBleu, distinct2, endsInRepetition });
})();
