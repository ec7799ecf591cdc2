// @ts-check
/* One row of logits, sorted from the most probable token down, and the sets of ranks that are kept.
 *
 * Sorted once, every set that a processor keeps is one or two ranges of ranks [from, to): typical
 * may remove the most probable tokens, and stop within a run of equal ones; everything else keeps
 * the first so many of the tokens left. */
(() => {
  /** @type {Logits["size"]} */
  const size = (set) => set.reduce((total, [from, to]) => total + to - from, 0);
  /** @type {Logits["has"]} */
  const has = (set, i) => set.some(([from, to]) => i >= from && i < to);

  /** The first `n` ranks of a set.
   * @type {Logits["take"]} */
  function take(set, n) {
    /** @type {Ranks} */
    const taken = [];
    let left = n;
    for (const [from, to] of set) {
      if (left > 0) taken.push([from, Math.min(to, from + left)]);
      left -= to - from;
    }
    return taken;
  }

  /** How many ranks of a set come before the first that fails the test.
   * @type {Logits["countWhile"]} */
  function countWhile(set, passes) {
    let n = 0;
    for (const [from, to] of set) {
      for (let i = from; i < to; i++, n++) if (!passes(i)) return n;
    }
    return n;
  }

  /** One row, with what does not depend on the settings computed once.
   * @type {Logits["row"]} */
  function row(logits) {
    const weights = weightsOf(logits);
    const before = summarise({ logits, weights }, [[0, logits.length]], 1);
    const massOf = new Float64Array(logits.length + 1);
    for (let i = 0; i < logits.length; i++) massOf[i + 1] = massOf[i] + before.w[i] / before.total;
    return { logits, weights, before, massOf };
  }

  /** The weights of a row, of which the last few are remembered.
   * @type {(logits: Float64Array) => Weighted["weights"]} */
  function weightsOf(logits) {
    /** @type {Map<string, Float64Array>} */
    const known = new Map();
    return (temperature, first = 0) => {
      const key = `${temperature} ${first}`;
      const found = known.get(key);
      if (found) return found;
      const w = new Float64Array(logits.length);
      const top = logits[first] / temperature;
      for (let i = first; i < w.length; i++) w[i] = Math.exp(logits[i] / temperature - top);
      if (known.size > 2) known.delete([...known.keys()][1]); // T = 1 came first and stays
      known.set(key, w);
      return w;
    };
  }

  /** The distribution over a set of ranks at a temperature.
   * @type {Logits["summarise"]} */
  function summarise({ logits, weights }, set, temperature) {
    const first = set[0][0];
    const w = weights(temperature, first);
    const top = logits[first] / temperature;
    let total = 0;
    let weighted = 0;
    for (const [from, to] of set) {
      for (let i = from; i < to; i++) {
        total += w[i];
        if (w[i] > 0) weighted += w[i] * (logits[i] / temperature - top);
      }
    }
    const logTotal = Math.log(total);
    const entropy = Math.max(0, logTotal - weighted / total);
    const surprisal = (/** @type {number} */ i) => logTotal - (logits[i] / temperature - top);
    let varentropy = 0;
    for (const [from, to] of set) {
      for (let i = from; i < to; i++)
        if (w[i] > 0) varentropy += w[i] * (surprisal(i) - entropy) ** 2;
    }
    return { w, total, top, logTotal, entropy, varentropy: varentropy / total, surprisal };
  }

  Object.assign(globalThis.DecodeExplorer.logits, { row, summarise, size, has, take, countWhile });
})();
