/* Arithmetic on one row of logits, sorted from the most probable token down.
 *
 * Sorted once, every set that a processor keeps is one or two ranges of ranks [from, to): typical
 * may remove the most probable tokens, and stop within a run of equal ones; everything else keeps
 * the first so many of the tokens left. Definitions, tie rules and tolerances are decodelib's, in
 * float64; the test suite holds the two together. */
(function () {
  "use strict";

  const MASS_TOLERANCE = 1e-12; // decodelib's, for float64: sums of probabilities are rounded
  const TIE = 2 ** -36; // surprisals that differ by less are equal, up to rounding

  /** The row that decodelib.viz.distribution.payload.pack wrote. */
  function unpack(record) {
    const logits = new Float64Array(record.vocab);
    logits.set(record.logits);
    let i = record.logits.length;
    for (const [exponent, count, text] of record.tail) {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const step = 2 ** -exponent;
      let at = 0;
      let level = 0;
      for (const end = i + count; i < end; i++) {
        let scale = 1;
        let byte;
        do {
          byte = bytes[at++];
          level += (byte & 127) * scale;
          scale *= 128;
        } while (byte & 128);
        logits[i] = -level * step;
      }
    }
    return logits;
  }

  // ---- sets of ranks -----------------------------------------------------------------------------

  const size = (set) => set.reduce((total, [from, to]) => total + to - from, 0);
  const has = (set, i) => set.some(([from, to]) => i >= from && i < to);

  /** The first `n` ranks of a set. */
  function take(set, n) {
    const taken = [];
    for (const [from, to] of set) {
      if (n > 0) taken.push([from, Math.min(to, from + n)]);
      n -= to - from;
    }
    return taken;
  }

  /** How many ranks of a set come before the first that fails the test. */
  function countWhile(set, passes) {
    let n = 0;
    for (const [from, to] of set) {
      for (let i = from; i < to; i++, n++) if (!passes(i)) return n;
    }
    return n;
  }

  // ---- distributions -----------------------------------------------------------------------------

  /** One row, with what does not depend on the settings computed once. */
  function row(logits) {
    const cache = new Map();
    /** p_i / p_first, so nothing overflows, and with the first token left nothing vanishes. */
    const weights = (temperature, first = 0) => {
      const key = `${temperature} ${first}`;
      let w = cache.get(key);
      if (!w) {
        w = new Float64Array(logits.length);
        const top = logits[first] / temperature;
        for (let i = first; i < w.length; i++) w[i] = Math.exp(logits[i] / temperature - top);
        if (cache.size > 2) cache.delete([...cache.keys()][1]); // T = 1 came first and stays
        cache.set(key, w);
      }
      return w;
    };
    const data = { logits, weights };
    data.before = summarise(data, [[0, logits.length]], 1);
    data.massOf = new Float64Array(logits.length + 1);
    const { w, total } = data.before;
    for (let i = 0; i < logits.length; i++) data.massOf[i + 1] = data.massOf[i] + w[i] / total;
    return data;
  }

  /** The distribution over a set of ranks at a temperature. */
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
    const surprisal = (i) => logTotal - (logits[i] / temperature - top);
    let varentropy = 0;
    for (const [from, to] of set) {
      for (let i = from; i < to; i++) if (w[i] > 0) varentropy += w[i] * (surprisal(i) - entropy) ** 2;
    }
    return { w, total, top, logTotal, entropy, varentropy: varentropy / total, surprisal };
  }

  // ---- processors: the set that is left of a set -------------------------------------------------

  const cuts = {
    top_k: (data, set, temperature, k) => (k > 0 ? take(set, k) : set),
    top_p(data, set, temperature, p) {
      if (p >= 1) return set;
      const { w, total } = summarise(data, set, temperature);
      let mass = 0;
      return take(set, Math.max(1, countWhile(set, (i) => {
        const more = mass < p - MASS_TOLERANCE;
        mass += w[i] / total;
        return more;
      })));
    },
    min_p(data, set, temperature, m) {
      if (m <= 0) return set;
      const best = data.logits[set[0][0]] / temperature;
      const bound = best + Math.log(m);
      const slack = m < 1 ? roundingOf(best, bound) : 0;
      return take(set, countWhile(set, (i) => data.logits[i] / temperature >= bound - slack));
    },
    typical_p(data, set, temperature, tau) {
      if (tau >= 1) return set;
      const [[start, end]] = set; // nothing else leaves two ranges, and typical applies once
      const { w, total, entropy, surprisal } = summarise(data, set, temperature);
      const shift = (i) => Math.round(Math.abs(surprisal(i) - entropy) / TIE);
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
        do mass += w[to++] / total; while (to < left && !enough());
        if (to < left) return left < right ? [[from, to], [left, right]] : [[from, to]];
        left = from;
      }
      return [[left, right]];
    },
    epsilon: (data, set, temperature, epsilon) =>
      (epsilon > 0 ? belowCutoff(data, set, temperature, () => Math.log(epsilon)) : set),
    eta: (data, set, temperature, epsilon) => (epsilon > 0 ? belowCutoff(data, set, temperature,
      (entropy) => Math.min(Math.log(epsilon), Math.log(epsilon) / 2 - entropy)) : set),
    top_n_sigma(data, set, temperature, n) {
      if (n <= 0) return set;
      const [first, last] = [set[0][0], set.at(-1)[1] - 1].map((i) => data.logits[i] / temperature);
      const unit = Math.max(Math.abs(first), Math.abs(last), 2 ** -1022);
      const value = (i) => data.logits[i] / temperature / unit;
      const count = size(set);
      const mean = sum(set, value) / count;
      const sigma = Math.sqrt(sum(set, (i) => (value(i) - mean) ** 2) / count);
      const bound = first / unit - n * sigma - 2 * Number.EPSILON;
      return take(set, countWhile(set, (i) => value(i) >= bound));
    },
  };

  /** The tokens with ln p >= a cut-off that may depend on the entropy, and the most probable one. */
  function belowCutoff(data, set, temperature, logCutoff) {
    const { top, logTotal, entropy } = summarise(data, set, temperature);
    const all = top + logTotal;
    const bound = all + logCutoff(entropy);
    const slack = roundingOf(all, bound);
    return take(set, countWhile(set, (i) => {
      const logit = data.logits[i] / temperature;
      return logit >= bound - slack || logit === top;
    }));
  }

  const roundingOf = (a, b) => 2 * Number.EPSILON * Math.max(Math.abs(a), Math.abs(b));

  function sum(set, value) {
    let total = 0;
    for (const [from, to] of set) for (let i = from; i < to; i++) total += value(i);
    return total;
  }

  /** Apply the steps in `settings.order`; returns what each left and the resulting distribution. */
  function apply(data, settings) {
    let temperature = 1;
    let set = [[0, data.logits.length]];
    const steps = settings.order.map((name) => {
      if (name === "temperature") temperature = settings.temperature;
      else set = cuts[name](data, set, temperature, settings[name]);
      return { name, set, kept: size(set) };
    });
    const after = summarise(data, set, temperature);
    const mass = set.reduce((total, [from, to]) => total + data.massOf[to] - data.massOf[from], 0);
    return {
      steps, set, after, before: data.before,
      kept: size(set),
      first: set[0][0], // the most probable token that is left
      mass: Math.min(1, mass),
      pBefore: (i) => data.before.w[i] / data.before.total,
      pAfter: (i) => (has(set, i) ? after.w[i] / after.total : 0),
      keptAmong: (n) => size(set.map(([from, to]) => [Math.min(from, n), Math.min(to, n)])),
      removedBy: (i) => (steps.find((step) => !has(step.set, i)) || { name: null }).name,
    };
  }

  /** `n` numbers in [0, 1) from `seed`: the sfc32 generator, 53 bits each. Asking for more
   *  continues the same stream, so changing a setting keeps the reader's random numbers. */
  function uniforms(seed, n) {
    let a = seed | 0;
    let b = Math.floor(seed / 2 ** 32) | 0;
    let c = 0x9e3779b9;
    let counter = 1;
    const next = () => {
      const t = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (c << 21) | (c >>> 11);
      c = (c + t) | 0;
      return t >>> 0;
    };
    for (let i = 0; i < 16; i++) next();
    return Float64Array.from({ length: n }, () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53);
  }

  /** Ranks drawn from the distribution after the steps, by inverting its cumulative sum. */
  function draw(result, seed, n) {
    const ranks = result.set.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
    let total = 0;
    const cumulative = Float64Array.from(ranks, (i) => (total += result.after.w[i]));
    return Array.from(uniforms(seed, n), (u) => {
      let low = 0;
      let high = ranks.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (cumulative[middle] > u * total) high = middle;
        else low = middle + 1;
      }
      return ranks[low];
    });
  }

  globalThis.DecodeExplorer.logits = { unpack, row, apply, uniforms, draw, cuts, countWhile, roundingOf };
})();
