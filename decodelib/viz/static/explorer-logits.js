/* Arithmetic on one row of logits, sorted from the most probable token down.
 *
 * Sorted once, every set that a processor keeps is a prefix of the row, so a setting is two
 * numbers: the temperature applied and how many tokens are left. Definitions, tie rules and
 * tolerances are decodelib's, in float64; the test suite holds the two together. */
(function () {
  "use strict";

  const MASS_TOLERANCE = 1e-12; // decodelib's, for float64: sums of probabilities are rounded

  /** The row that decodelib.viz.payload.pack wrote. */
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

  /** ln m, correctly rounded. Math.log may be off by one unit in the last place, which would
   *  decide a token that stands exactly at the bound of min-p differently from decodelib. */
  function ln(m) {
    const BITS = 160;
    const one = 1n << BigInt(BITS);
    const atanh2 = (z) => { // 2 atanh z = ln((1 + z) / (1 - z)), in fixed point
      let sum = 0n;
      let power = z;
      for (let n = 1n; power !== 0n; n += 2n) {
        sum += power / n;
        power = (((power * z) >> BigInt(BITS)) * z) >> BigInt(BITS);
      }
      return 2n * sum;
    };
    if (m === 1) return 0;
    let exponent = 0;
    while (m < 0.75) { m *= 2; exponent--; }
    while (m >= 1.5) { m /= 2; exponent++; }
    const fixed = BigInt(m * 2 ** 53) << BigInt(BITS - 53);
    const z = ((fixed - one) << BigInt(BITS)) / (fixed + one);
    return Number(atanh2(z) + BigInt(exponent) * atanh2(one / 3n)) / 2 ** BITS;
  }

  /** One row, with what does not depend on the settings computed once. */
  function row(logits) {
    const cache = new Map();
    const weights = (temperature) => { // p_i / p_0, so nothing overflows
      let w = cache.get(temperature);
      if (!w) {
        w = new Float64Array(logits.length);
        const top = logits[0] / temperature;
        for (let i = 0; i < w.length; i++) w[i] = Math.exp(logits[i] / temperature - top);
        if (cache.size > 2) cache.delete([...cache.keys()][1]); // T = 1 came first and stays
        cache.set(temperature, w);
      }
      return w;
    };
    const before = summarise(logits, weights(1), 1, logits.length);
    const massOf = new Float64Array(logits.length + 1);
    for (let i = 0; i < logits.length; i++) massOf[i + 1] = massOf[i] + weights(1)[i] / before.total;
    return { logits, weights, before, massOf };
  }

  function summarise(logits, w, temperature, kept) {
    let total = 0;
    let weighted = 0;
    const top = logits[0] / temperature;
    for (let i = 0; i < kept; i++) {
      total += w[i];
      if (w[i] > 0) weighted += w[i] * (logits[i] / temperature - top);
    }
    const logTotal = Math.log(total);
    const entropy = Math.max(0, logTotal - weighted / total);
    let varentropy = 0;
    for (let i = 0; i < kept; i++) {
      if (w[i] > 0) varentropy += w[i] * (logTotal - (logits[i] / temperature - top) - entropy) ** 2;
    }
    return { total, entropy, varentropy: varentropy / total };
  }

  const cuts = { // how many of the `kept` most probable tokens stay
    top_k: (data, kept, temperature, k) => (k > 0 ? Math.min(kept, k) : kept),
    top_p(data, kept, temperature, p) {
      if (p >= 1) return kept;
      const w = data.weights(temperature);
      let total = 0;
      for (let i = 0; i < kept; i++) total += w[i];
      let mass = 0;
      let n = 0;
      while (n < kept && mass < p - MASS_TOLERANCE) mass += w[n++] / total;
      return Math.max(n, 1);
    },
    min_p(data, kept, temperature, m) {
      if (m <= 0) return kept;
      const bound = data.logits[0] / temperature + ln(m);
      let low = 1;
      let high = kept;
      while (low < high) { // the first token below the bound
        const middle = (low + high) >> 1;
        if (data.logits[middle] / temperature >= bound) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };

  /** Apply the steps in `settings.order`; returns what each left and the resulting distribution. */
  function apply(data, settings) {
    let temperature = 1;
    let kept = data.logits.length;
    const steps = settings.order.map((name) => {
      if (name === "temperature") temperature = settings.temperature;
      else kept = cuts[name](data, kept, temperature, settings[name]);
      return { name, kept };
    });
    const w = data.weights(temperature);
    const after = summarise(data.logits, w, temperature, kept);
    return {
      steps, kept, after, before: data.before,
      mass: Math.min(1, data.massOf[kept]),
      pBefore: (i) => data.weights(1)[i] / data.before.total,
      pAfter: (i) => (i < kept ? w[i] / after.total : 0),
      removedBy: (i) => (steps.find((step) => i >= step.kept) || { name: null }).name,
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
    const cumulative = new Float64Array(result.kept);
    let sum = 0;
    for (let i = 0; i < result.kept; i++) cumulative[i] = sum += result.pAfter(i);
    return Array.from(uniforms(seed, n), (u) => {
      let low = 0;
      let high = result.kept - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (cumulative[middle] > u * sum) high = middle;
        else low = middle + 1;
      }
      return low;
    });
  }

  globalThis.DecodeExplorer.logits = { unpack, ln, row, apply, uniforms, draw };
})();
