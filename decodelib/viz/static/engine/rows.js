// @ts-check
/* A row of tokens to choose from: what processors make smaller and sharper, and what draws take.
 *
 * The truncations are the explorers' (../distribution/processors.js), which work on rows sorted from the most
 * probable token down; here each token keeps its id besides. */
(() => {
  const arithmetic = globalThis.DecodeExplorer.logits;

  /** The tokens that are left and their logits. */
  class Row {
    /** @param {Uint32Array} ids
     *  @param {Float64Array} logits
     *  @param {boolean} isRanked Whether the most probable token comes first; of equals, the lower id. */
    constructor(ids, logits, isRanked) {
      this.ids = ids;
      this.logits = logits;
      this.isRanked = isRanked;
      /** @type {LogitsRow | undefined} */
      this.known = undefined;
    }

    /** The row of a whole vocabulary; tokens at -Infinity have been removed.
     *  @param {Float64Array} logits By id. */
    static of(logits) {
      const ids = Uint32Array.from(logits, (_, id) => id).filter((id) => logits[id] > -Infinity);
      return new Row(ids, ids.length === logits.length ? logits : take(logits, ids), false);
    }

    /** @returns {Row} */
    ranked() {
      if (this.isRanked) return this;
      const { ids, logits } = this;
      const places = Uint32Array.from(ids, (_, place) => place);
      places.sort((i, j) => logits[j] - logits[i] || i - j);
      return new Row(
        Uint32Array.from(places, (place) => ids[place]),
        take(logits, places),
        true,
      );
    }

    /** The arithmetic of the explorers on this row, which must be ranked. */
    get data() {
      this.known ||= arithmetic.row(this.logits);
      return this.known;
    }

    /** The row with all logits changed by a function that leaves their order alone.
     *  @param {(logit: number) => number} change */
    map(change) {
      return new Row(this.ids, this.logits.map(change), this.isRanked);
    }

    /** The ranked row's tokens whose ranks lie in one of the ranges [from, to).
     *  @param {[number, number][]} ranges */
    keep(ranges) {
      const join = (/** @type {any} */ array) => {
        const parts = ranges.map(([from, to]) => array.subarray(from, to));
        const all = new array.constructor(parts.reduce((n, part) => n + part.length, 0));
        let at = 0;
        for (const part of parts) {
          all.set(part, at);
          at += part.length;
        }
        return all;
      };
      return new Row(join(this.ids), join(this.logits), true);
    }

    /** The logits by id again, -Infinity for what is removed.
     *  @param {number} vocabSize */
    byId(vocabSize) {
      const logits = new Float64Array(vocabSize).fill(-Infinity);
      for (const [i, id] of this.ids.entries()) logits[id] = this.logits[i];
      return logits;
    }
  }

  /** @param {Float64Array} values
   *  @param {Uint32Array} places */
  const take = (values, places) => Float64Array.from(places, (place) => values[place]);

  /** The id of the largest logit; of equals, the lowest.
   *  @param {Float64Array} logits By id. */
  function argmax(logits) {
    let best = 0;
    for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
    return best;
  }

  /** The token into whose interval a number falls when the probabilities are laid end to end by id.
   *  @param {Float64Array} logits By id.
   *  @param {number} uniform In [0, 1). */
  function draw(logits, uniform) {
    const best = logits[argmax(logits)];
    const sums = new Float64Array(logits.length);
    let total = 0;
    for (let id = 0; id < logits.length; id++) {
      total += Math.exp(logits[id] - best);
      sums[id] = total;
    }
    const target = uniform * total;
    let [low, high] = [0, logits.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > target) high = middle;
      else low = middle + 1;
    }
    // A number near 1 may round up to the total: the last token with any probability is meant.
    while (logits[low] === -Infinity) low--;
    return low;
  }

  /** ln of the sum of exp over all logits.
   *  @param {Float64Array} logits */
  function logSumExp(logits) {
    const best = logits[argmax(logits)];
    let total = 0;
    for (const logit of logits) total += Math.exp(logit - best);
    return best + Math.log(total);
  }

  /** Entropy in nats and varentropy in square nats.
   *  @param {Float64Array} logits */
  function entropies(logits) {
    const all = logSumExp(logits);
    let entropy = 0;
    for (const logit of logits)
      if (logit > -Infinity) entropy -= Math.exp(logit - all) * (logit - all);
    let varentropy = 0;
    for (const logit of logits) {
      if (logit > -Infinity) varentropy += Math.exp(logit - all) * (all - logit - entropy) ** 2;
    }
    return { entropy, varentropy };
  }

  Object.assign(globalThis.DecodeEngine, { Row, argmax, draw, logSumExp, entropies });
})();
