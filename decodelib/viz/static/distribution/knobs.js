// @ts-check
/* The knobs of the distribution explorer: a processor each, the value that is off, and a slider. */
(() => {
  const { parts } = globalThis.DecodeExplorer;
  const { linear, counts, stops } = parts;

  const tenths = [4, 3, 2, 1].flatMap((e) =>
    Array.from({ length: 9 }, (_, i) => Number(`${i + 1}e-${e}`)),
  );
  const sigmas = Array.from({ length: 100 }, (_, i) => (i + 1) / 20);

  /** `usual` is where a step starts that the reader adds.
   * @type {Shell["knobs"]} */
  const knobs = {
    temperature: {
      label: "Temperature",
      processor: "Temperature",
      off: 1,
      usual: 0.7,
      slider: () => linear(0.05, 3, 0.05),
    },
    top_n_sigma: {
      label: "Top-nσ",
      processor: "TopNSigma",
      off: 0,
      usual: 1,
      slider: () => stops([...sigmas, 0], 0),
    },
    top_k: { label: "Top-k", processor: "TopK", off: 0, usual: 40, slider: counts },
    top_p: {
      label: "Top-p",
      processor: "TopP",
      off: 1,
      usual: 0.9,
      slider: () => linear(0.01, 1, 0.01),
    },
    min_p: {
      label: "Min-p",
      processor: "MinP",
      off: 0,
      usual: 0.05,
      slider: () => linear(0, 1, 0.01),
    },
    typical_p: {
      label: "Typical",
      processor: "Typical",
      off: 1,
      usual: 0.9,
      slider: () => linear(0.01, 1, 0.01),
    },
    eta: {
      label: "Eta",
      processor: "Eta",
      off: 0,
      usual: 0.002,
      slider: () => stops([0, ...tenths], 0),
    },
  };

  globalThis.DecodeExplorer.knobs = knobs;
  globalThis.DecodeExplorer.distribution = /** @type {Distribution} */ ({});
})();
