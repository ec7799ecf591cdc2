// @ts-check
/* The logits processors that the explorers do not have, and the chain of all: decodelib/processors. */
(() => {
  const { Row, Generator, greenList } = globalThis.DecodeEngine;
  const { cuts, countWhile, roundingOf } = globalThis.DecodeExplorer.logits;

  const BIT = Math.log(2);
  const [LEAST, MOST] = [2 ** -126, (2 - 2 ** -23) * 2 ** 127]; // of float32, as decodelib clamps

  /** @param {number} value
   *  @param {number} low
   *  @param {number} high */
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // ---- penalties: they change logits by id, in place --------------------------------------------

  /** @param {number} strength */
  const repetitionPenalty =
    (strength) => (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
      const r = clamp(strength, LEAST, MOST);
      for (const id of new Set(ids)) logits[id] = logits[id] > 0 ? logits[id] / r : logits[id] * r;
    };

  /** Removes what would make `size` tokens in a row occur again, unless nothing would be left.
   *  @param {number} size */
  const noRepeatNGram =
    (size) => (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
      if (ids.length < size) return;
      const start = ids.length - size + 1;
      const banned = new Set();
      for (let at = 0; at < start; at++) {
        let same = 0;
        while (same < size - 1 && ids[at + same] === ids[start + same]) same++;
        if (same === size - 1) banned.add(ids[at + same]);
      }
      if (logits.every((logit, id) => logit === -Infinity || banned.has(id))) return;
      for (const id of banned) logits[id] = -Infinity;
    };

  /** A penalty on how often each token occurs behind the prompt, which is what the first call is given.
   *  @param {(count: number) => number} cost */
  const onCounts = (cost) => {
    let start = -1;
    return (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
      if (start < 0) start = ids.length;
      const counts = new Map();
      for (const id of ids.slice(start)) counts.set(id, (counts.get(id) ?? 0) + 1);
      for (const [id, count] of counts) logits[id] -= cost(count);
    };
  };

  const presencePenalty = (/** @type {number} */ strength) => onCounts(() => strength);

  const frequencyPenalty = (/** @type {number} */ strength) =>
    onCounts((count) => strength * count);

  const DRY = { base: 1.75, allowedLength: 2, largest: 1e4 };

  /** @param {number} multiplier */
  const dry = (multiplier) => (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
    for (const [id, length] of repetitions(ids)) {
      const exponent = (length - DRY.allowedLength) * Math.log(DRY.base);
      logits[id] -= Math.min(multiplier * Math.exp(Math.min(exponent, 50)), DRY.largest);
    }
  };

  /** For each token that would extend a repetition, the length of the longest that it would.
   *  @param {number[]} ids */
  function repetitions(ids) {
    const longest = new Map();
    for (let end = 1; end < ids.length; end++) {
      let length = 0; // that ids[..end] and all of ids end with in common
      while (length < end && ids[end - 1 - length] === ids[ids.length - 1 - length]) length++;
      if (length >= DRY.allowedLength)
        longest.set(ids[end], Math.max(length, longest.get(ids[end]) ?? 0));
    }
    return longest;
  }

  // ---- steps: each takes a row and returns another ------------------------------------------------

  /** @typedef {{ids: number[], seed: bigint}} Context The tokens so far, and the sequence's seed. */

  const divided = (/** @type {any} */ row, /** @type {number} */ divisor) =>
    row.map((/** @type {number} */ logit) => logit / divisor);

  /** @param {string} name One of the explorers' truncations. */
  const cut = (name) => (/** @type {any} */ value) => (/** @type {any} */ row) => {
    const ranked = row.ranked();
    return ranked.keep(cuts[name](ranked.data, [[0, ranked.ids.length]], 1, value));
  };

  const temperature = (/** @type {number} */ value) => (/** @type {any} */ row) =>
    divided(row, clamp(value, LEAST, MOST));

  const dynamicTemperature =
    (/** @type {[number, number]} */ [low, high]) =>
    (/** @type {any} */ row) => {
      const ranked = row.ranked();
      const count = ranked.ids.length;
      if (count < 2) return row;
      const share = clamp(ranked.data.before.entropy / Math.log(count), 0, 1);
      return divided(ranked, clamp(low + (high - low) * share, LEAST, MOST));
    };

  const POLYNOMIAL = [-0.037, 0.481, -2.3, 4.917, -1.791];

  const entropyTemperature = () => (/** @type {any} */ row) => {
    const ranked = row.ranked();
    const { entropy } = ranked.data.before;
    if (entropy <= 0.5) return row;
    const beta = POLYNOMIAL.reduce((value, coefficient) => value * entropy + coefficient, 0);
    return ranked.map((/** @type {number} */ logit) => logit * Math.max(beta, 1));
  };

  /** How many ranks of a row have ln p >= logCutoff, up to the rounding of the logits themselves.
   *  @param {any} data
   *  @param {number} logCutoff */
  function reaching(data, logCutoff) {
    const all = data.before.top + data.before.logTotal;
    const bound = all + logCutoff;
    const slack = roundingOf(all, bound);
    return countWhile(
      [[0, data.logits.length]],
      (/** @type {number} */ i) => data.logits[i] >= bound - slack,
    );
  }

  const topH = (/** @type {number} */ share) => (/** @type {any} */ row) => {
    if (share === 1) return row;
    const ranked = row.ranked();
    const probs = Array.from(ranked.logits, (/** @type {number} */ logit) =>
      Math.exp(logit - ranked.logits[0]),
    );
    const total = probs.reduce((sum, p) => sum + p, 0);
    const surprises = probs.map((p) => (p > 0 ? -(p / total) * Math.log(p / total) : 0));
    const bound = share * surprises.reduce((sum, s) => sum + s, 0) + 1e-12;
    let [mass, surprise, count] = [0, 0, 0];
    do {
      mass += probs[count] / total;
      surprise += surprises[count];
      count++;
    } while (
      count < probs.length &&
      (surprise + surprises[count]) / (mass + probs[count] / total) +
        Math.log(mass + probs[count] / total) <=
        bound
    );
    return ranked.keep([[0, count]]);
  };

  const pLess = () => (/** @type {any} */ row) => {
    const ranked = row.ranked();
    const { data } = ranked;
    let agree = 0;
    for (const logit of ranked.logits)
      agree += Math.exp(2 * (logit - ranked.logits[0] - data.before.logTotal));
    const equals = countWhile(
      [[0, ranked.ids.length]],
      (/** @type {number} */ i) => ranked.logits[i] === ranked.logits[0],
    );
    return ranked.keep([[0, Math.max(equals, reaching(data, Math.log(agree)))]]);
  };

  const xtc =
    (/** @type {[number, number]} */ [probability, threshold]) =>
    (/** @type {any} */ row, /** @type {Context} */ { ids, seed }) => {
      const low = (seed * 1000003n + BigInt(ids.length)) % 2n ** 32n;
      const mixed = (seed >> 32n) * 2n ** 32n + low;
      if (threshold > 0.5 || new Generator(mixed).uniform() >= probability) return row;
      const ranked = row.ranked();
      const count = reaching(ranked.data, Math.log(threshold));
      if (count < 2) return row;
      const least = ranked.logits.indexOf(ranked.logits[count - 1]); // of equals the lowest id stays
      return ranked.keep([
        [least, least + 1],
        [count, ranked.ids.length],
      ]);
    };

  /** Mirostat remembers the surprisals of the step before, so each sequence needs its own. */
  const mirostat = (/** @type {number} */ tau) => {
    let mu = 2 * tau;
    /** @type {((id: number) => number) | null} */
    let bitsOf = null;
    return (/** @type {any} */ row, /** @type {Context} */ { ids }) => {
      if (bitsOf) mu -= 0.1 * (bitsOf(ids[ids.length - 1]) - tau);
      const ranked = row.ranked();
      const { data } = ranked;
      bitsOf = (id) => data.before.surprisal(ranked.ids.indexOf(id)) / BIT;
      const equals = countWhile(
        [[0, ranked.ids.length]],
        (/** @type {number} */ i) => ranked.logits[i] === ranked.logits[0],
      );
      return ranked.keep([[0, Math.max(equals, reaching(data, -mu * BIT))]]);
    };
  };

  /** By the command line's names, in the order in which sampling applies them. */
  const PENALTIES = {
    repetition_penalty: repetitionPenalty,
    no_repeat_ngram_size: noRepeatNGram,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    dry,
    green_list: greenList, // no knob of the command line: { key, gamma, delta }
  };
  const STEPS = {
    temperature,
    dynamic_temperature: dynamicTemperature,
    entropy_temperature: entropyTemperature,
    top_n_sigma: cut("top_n_sigma"),
    top_h: topH,
    p_less: pLess,
    top_k: cut("top_k"),
    top_p: cut("top_p"),
    min_p: cut("min_p"),
    typical_p: cut("typical_p"),
    epsilon: cut("epsilon"),
    eta: cut("eta"),
    xtc,
    mirostat,
  };

  /** The processors of one sequence, as a function of its tokens so far and the model's logits.
   *  @param {Record<string, any>} given The values by the command line's names.
   *  @param {bigint} seed
   *  @returns {(ids: number[], logits: Float64Array) => Float64Array} */
  function chain(given, seed) {
    const made = (/** @type {Record<string, (value: any) => any>} */ table) =>
      Object.keys(table)
        .filter((name) => name in given)
        .map((name) => table[name](given[name]));
    const penalties = made(PENALTIES);
    const steps = made(STEPS);
    return (ids, logits) => {
      const changed = penalties.length ? logits.slice() : logits;
      for (const penalise of penalties) penalise(ids, changed);
      if (!steps.length) return changed;
      let row = Row.of(changed);
      for (const step of steps) row = step(row, { ids, seed });
      return row.byId(logits.length);
    };
  }

  Object.assign(globalThis.DecodeEngine, {
    chain,
    PROCESSORS: [...Object.keys(PENALTIES), ...Object.keys(STEPS)],
  });
})();
