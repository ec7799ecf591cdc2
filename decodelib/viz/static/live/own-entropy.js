// @ts-check
/* The entropy map of the reader's own text. */
(() => {
  const { makers } = globalThis.DecodeLive.ownParts;

  const TOP = 5; // most probable tokens at each place, as in decodelib/viz/entropy/record.py

  makers.entropy = (/** @type {Model} */ recorded) => {
    const { axes, temperature, initial } = recorded.get("data");
    return {
      label: "Your own text",
      prompt: "",
      fields: {},
      notes: [],
      async make(/** @type {any} */ { prompt }, /** @type {any} */ { ask }) {
        const found = await ask({ type: "map", prompt, top: TOP });
        if (!found) return null;
        const end = (/** @type {"entropy" | "varentropy"} */ kind) =>
          Math.max(axes[kind], Math.floor(Math.max(...found[kind])) + 1);
        const { tokens, surprisal, entropy, varentropy, top } = found;
        const settings = Object.fromEntries(
          Object.keys(initial).map((name) => [name, recorded.get(name)]),
        );
        return {
          data: {
            texts: [{ label: "", tokens, surprisal, entropy, varentropy, top }],
            axes: { entropy: end("entropy"), varentropy: end("varentropy") },
            temperature,
          },
          settings: { ...settings, text: "", position: 1 },
        };
      },
    };
  };
})();
