// @ts-check
/* The knobs of the distribution explorer: what the library's table says of each, and a slider. */
(() => {
  const { parts, table } = globalThis.DecodeExplorer;
  const { linear, counts, stops } = parts;

  const tenths = [4, 3, 2, 1].flatMap((e) =>
    Array.from({ length: 9 }, (_, i) => Number(`${i + 1}e-${e}`)),
  );
  const sigmas = Array.from({ length: 100 }, (_, i) => (i + 1) / 20);

  /** @type {Record<string, Knob["slider"]>} */
  const sliders = {
    temperature: () => linear(0.05, 3, 0.05),
    top_n_sigma: () => stops([...sigmas, 0], 0),
    top_k: counts,
    top_p: () => linear(0.01, 1, 0.01),
    min_p: () => linear(0, 1, 0.01),
    typical_p: () => linear(0.01, 1, 0.01),
    eta: () => stops([0, ...tenths], 0),
  };

  globalThis.DecodeExplorer.knobs = Object.fromEntries(
    Object.entries(sliders).map(([name, slider]) => [name, { ...table[name], slider }]),
  );
  globalThis.DecodeExplorer.distribution = /** @type {Distribution} */ ({});
})();
