// @ts-check
/* The distribution after the reader's own prompt. */
(() => {
  const { makers } = globalThis.DecodeLive.ownParts;

  const TOP = 300; // tokens whose texts the explorer is given, as in decodelib/viz/distribution/payload.py

  makers.distribution = (/** @type {Model} */ recorded) => {
    const { contexts, bars, knobs, initial } = recorded.get("data");
    const now = contexts.find(
      (/** @type {any} */ context) => context.label === recorded.get("context"),
    );
    return {
      label: "Your own prompt",
      prompt: now?.prompt ?? "",
      fields: {},
      notes: [],
      async make(/** @type {any} */ { prompt }, /** @type {any} */ { ask }) {
        const found = await ask({ type: "next", top: TOP, prompt });
        if (!found) return null;
        const { logits, topIds, names } = found;
        const context = {
          label: "",
          prompt,
          vocab: logits.length,
          ids: topIds,
          tokens: names,
          logits: logits.slice().sort((/** @type {number} */ a, /** @type {number} */ b) => b - a),
          tail: [],
        };
        const settings = Object.fromEntries(
          Object.keys(initial).map((name) => [name, recorded.get(name)]),
        );
        return {
          data: { bars, knobs, contexts: [context] },
          settings: { ...settings, context: "" },
        };
      },
    };
  };
})();
