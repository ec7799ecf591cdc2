// @ts-check
/* Tokens drawn from what the processors leave, each time the same from the same seed. */
(() => {
  /** `n` numbers in [0, 1) from `seed`: the sfc32 generator, 53 bits each. Asking for more
   *  continues the same stream, so changing a setting keeps the reader's random numbers.
   * @type {Logits["uniforms"]} */
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
    return Float64Array.from(
      { length: n },
      () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
    );
  }

  /** Ranks drawn from the distribution after the steps, by inverting its cumulative sum.
   * @type {Logits["draw"]} */
  function draw(result, seed, n) {
    const ranks = result.set.flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, i) => from + i),
    );
    let total = 0;
    const cumulative = Float64Array.from(ranks, (i) => {
      total += result.after.w[i];
      return total;
    });
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

  Object.assign(globalThis.DecodeExplorer.logits, { uniforms, draw });
})();
