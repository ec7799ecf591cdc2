// @ts-check
/* Scales: what a slider's positions mean. */
(() => {
  /** @type {Parts["linear"]} */
  const linear = (min, max, step) => ({
    min,
    max,
    step,
    toValue: Number,
    fromValue: (value) => value,
  });

  /** @type {Parts["counts"]} */
  function counts(n) {
    /** @type {number[]} */
    const values = [];
    for (let k = 1; k < n; k += k < 20 ? 1 : 10 ** Math.floor(Math.log10(k / 2))) values.push(k);
    const off = values.length;
    return {
      min: 0,
      max: off,
      step: 1,
      toValue: (i) => (Number(i) >= off ? 0 : values[Number(i)]),
      fromValue(k) {
        if (k === 0 || k >= n) return off;
        const next = values.findIndex((value) => value >= k);
        return next < 0 ? off : next;
      },
    };
  }

  /** @type {Parts["stops"]} */
  function stops(values, off) {
    /** @type {(i: number, value: number) => number} */
    const distance = (i, value) => (values[i] === off ? Infinity : Math.abs(values[i] - value));
    const first = values.findIndex((value) => value !== off);
    /** @param {number} value */
    const nearest = (value) =>
      values.reduce((best, _, i) => (distance(i, value) < distance(best, value) ? i : best), first);
    return {
      min: 0,
      max: values.length - 1,
      step: 1,
      toValue: (i) => values[Number(i)],
      fromValue: (value) => (values.includes(value) ? values.indexOf(value) : nearest(value)),
    };
  }

  /** @type {Parts["squares"]} */
  const squares = (most, positions) => ({
    min: 0,
    max: positions,
    step: 1,
    toValue: (i) => Number((most * (Number(i) / positions) ** 2).toPrecision(3)),
    fromValue: (value) => Math.round(positions * Math.sqrt(value / most)),
  });

  globalThis.DecodeExplorer.parts = /** @type {Parts} */ ({ linear, counts, stops, squares });
})();
