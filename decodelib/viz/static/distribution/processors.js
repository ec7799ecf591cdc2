// @ts-check
/* The processors: what each leaves of a set of ranks. Definitions, tie rules and tolerances are
 * decodelib's, in float64; the test suite holds the two together. The engine of the book's pages
 * takes its truncations from here. */
(() => {
  const { logits } = globalThis.DecodeExplorer;
  const { summarise, size, has, take, countWhile } = logits;

  const MASS_TOLERANCE = 1e-12; // decodelib's, for float64: sums of probabilities are rounded
  const TIE = 2 ** -36; // surprisals that differ by less are equal, up to rounding

  /** @type {Logits["cuts"]} */
  const cuts = {
    top_k: (_data, set, _temperature, k) => (k > 0 ? take(set, k) : set),
    top_p(data, set, temperature, p) {
      if (p >= 1) return set;
      const { w, total } = summarise(data, set, temperature);
      let mass = 0;
      return take(
        set,
        Math.max(
          1,
          countWhile(set, (i) => {
            const more = mass < p - MASS_TOLERANCE;
            mass += w[i] / total;
            return more;
          }),
        ),
      );
    },
    min_p(data, set, temperature, m) {
      if (m <= 0) return set;
      const best = data.logits[set[0][0]] / temperature;
      const bound = best + Math.log(m);
      const slack = m < 1 ? roundingOf(best, bound) : 0;
      return take(
        set,
        countWhile(set, (i) => data.logits[i] / temperature >= bound - slack),
      );
    },
    typical_p(data, set, temperature, tau) {
      if (tau >= 1) return set;
      const [[start, end]] = set; // nothing else leaves two ranges, and typical applies once
      const { w, total, entropy, surprisal } = summarise(data, set, temperature);
      const shift = (/** @type {number} */ i) => Math.round(Math.abs(surprisal(i) - entropy) / TIE);
      let mass = 0;
      const enough = () => mass >= tau - MASS_TOLERANCE;
      let right = start + countWhile(set, (i) => surprisal(i) < entropy);
      let left = right; // the tokens taken are [left, right)
      while ((left > start || right < end) && !enough()) {
        if (right < end && (left === start || shift(right) < shift(left - 1))) {
          mass += w[right++] / total;
          continue;
        }
        let from = left - 1; // of equals, the lower ranks come first
        while (from > start && shift(from - 1) === shift(left - 1)) from--;
        let to = from;
        do mass += w[to++] / total;
        while (to < left && !enough());
        if (to < left)
          return left < right
            ? [
                [from, to],
                [left, right],
              ]
            : [[from, to]];
        left = from;
      }
      return [[left, right]];
    },
    epsilon: (data, set, temperature, epsilon) =>
      epsilon > 0 ? aboveCutoff(data, set, temperature, () => Math.log(epsilon)) : set,
    eta: (data, set, temperature, epsilon) =>
      epsilon > 0
        ? aboveCutoff(data, set, temperature, (entropy) =>
            Math.min(Math.log(epsilon), Math.log(epsilon) / 2 - entropy),
          )
        : set,
    top_n_sigma(data, set, temperature, n) {
      if (n <= 0) return set;
      const [first, last] = [set[0][0], set[set.length - 1][1] - 1].map(
        (i) => data.logits[i] / temperature,
      );
      const unit = Math.max(Math.abs(first), Math.abs(last), 2 ** -1022);
      const value = (/** @type {number} */ i) => data.logits[i] / temperature / unit;
      const count = size(set);
      const mean = sum(set, value) / count;
      const sigma = Math.sqrt(sum(set, (i) => (value(i) - mean) ** 2) / count);
      const bound = first / unit - n * sigma - 2 * Number.EPSILON;
      return take(
        set,
        countWhile(set, (i) => value(i) >= bound),
      );
    },
  };

  /** The tokens with ln p >= a cut-off that may depend on the entropy, and the most probable one.
   * @type {(data: Weighted, set: Ranks, temperature: number, logCutoff: (entropy: number) => number) => Ranks} */
  function aboveCutoff(data, set, temperature, logCutoff) {
    const { top, logTotal, entropy } = summarise(data, set, temperature);
    const all = top + logTotal;
    const bound = all + logCutoff(entropy);
    const slack = roundingOf(all, bound);
    return take(
      set,
      countWhile(set, (i) => {
        const logit = data.logits[i] / temperature;
        return logit >= bound - slack || logit === top;
      }),
    );
  }

  /** @type {Logits["roundingOf"]} */
  const roundingOf = (a, b) => 2 * Number.EPSILON * Math.max(Math.abs(a), Math.abs(b));

  /** @type {(set: Ranks, value: (i: number) => number) => number} */
  function sum(set, value) {
    let total = 0;
    for (const [from, to] of set) for (let i = from; i < to; i++) total += value(i);
    return total;
  }

  /** Apply the steps in `settings.order`; returns what each left and the resulting distribution.
   * @type {Logits["apply"]} */
  function apply(data, settings) {
    let temperature = 1;
    /** @type {Ranks} */
    let set = [[0, data.logits.length]];
    const steps = settings.order.map((name) => {
      if (name === "temperature") temperature = settings.temperature;
      else set = cuts[name](data, set, temperature, settings[name]);
      return { name, set, kept: size(set) };
    });
    const { before } = data;
    const after = summarise(data, set, temperature);
    const mass = set.reduce((total, [from, to]) => total + data.massOf[to] - data.massOf[from], 0);
    /** @type {(n: number) => Ranks} */
    const amongFirst = (n) => set.map(([from, to]) => [Math.min(from, n), Math.min(to, n)]);
    return {
      steps,
      set,
      after,
      before,
      kept: size(set),
      first: set[0][0],
      mass: Math.min(1, mass),
      pBefore: (i) => before.w[i] / before.total,
      pAfter: (i) => (has(set, i) ? after.w[i] / after.total : 0),
      keptAmong: (n) => size(amongFirst(n)),
      removedBy: (i) => steps.find((step) => !has(step.set, i))?.name ?? null,
    };
  }

  Object.assign(logits, { cuts, roundingOf, apply });
})();
