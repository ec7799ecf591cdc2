// @ts-check
/* Quadrants and the adaptive temperature: the arithmetic of EntropySampling and EntropyTemperature. */
(() => {
  /** @type {Entropy["quadrant"]} */
  function quadrant(
    entropy,
    varentropy,
    { low_entropy, high_entropy, low_varentropy, high_varentropy },
  ) {
    if (varentropy > high_varentropy) return entropy > high_entropy ? "lost" : "forked";
    if (varentropy < low_varentropy && entropy < low_entropy) return "certain";
    if (varentropy < low_varentropy && entropy > high_entropy) return "wide";
    return "between";
  }

  /** What EntropyTemperature divides logits of this entropy by.
   * @type {Entropy["temperatureAt"]} */
  function temperatureAt(entropy, { coefficients, threshold }) {
    const value = coefficients.reduce((sum, coefficient) => sum * entropy + coefficient, 0);
    return entropy > threshold ? 1 / Math.max(value, 1) : 1;
  }

  /** What a threshold and its partner become when it is moved: pushed past, the partner goes along.
   * @type {Entropy["moved"]} */
  function moved(name, value, thresholds) {
    const [end, kind] = name.split("_");
    const partner = `${end === "low" ? "high" : "low"}_${kind}`;
    const other =
      end === "low" ? Math.max(thresholds[partner], value) : Math.min(thresholds[partner], value);
    return { [partner]: other, [name]: value };
  }

  const parts = {
    quadrant,
    temperatureAt,
    moved,
    shapes: {
      // around (0, 0), so that colour is not all that tells them apart
      certain: "M-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
      wide: "M-3.8,-3.8h7.6v7.6h-7.6z",
      forked: "M0,-4.8L4.6,3.6H-4.6z",
      lost: "M0,-5.4L5.4,0L0,5.4L-5.4,0z",
      between: "M-4,0H4M0,-4V4",
    },
    actions: {
      certain: "takes the most probable token",
      wide: "pauses, or samples hotter",
      forked: "follows several branches",
      lost: "samples much hotter",
      between: "samples",
    },
    thresholds: {
      low_entropy: "Low entropy",
      high_entropy: "High entropy",
      low_varentropy: "Low varentropy",
      high_varentropy: "High varentropy",
    },
  };
  globalThis.DecodeExplorer.entropy = /** @type {Entropy} */ (/** @type {unknown} */ (parts));
})();
