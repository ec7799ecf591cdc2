// @ts-check
/* The tree of a beam search after the reader's own prompt. */
(() => {
  const { makers, LOAD } = globalThis.DecodeLive.ownParts;

  const PRUNED = 3; // shown of each step, as in explore_beams

  makers.beams = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    return {
      label: "Your own prompt",
      prompt: data.prompt,
      notes: ["Beam search alone: diverse and stochastic beams stay recorded."],
      fields: {
        width: { label: "Beams", value: recorded.get("num_beams"), min: 1, max: 6 },
        length: {
          label: "Steps",
          value: Math.min(Math.max(data.max_new_tokens, 4), 12),
          min: 1,
          max: 12,
        },
      },
      async make(/** @type {any} */ { prompt, width, length }, /** @type {any} */ { ask }) {
        const settings = { width, steps: length, pruned: PRUNED };
        const found = await ask({ type: "tree", prompt, ...settings });
        return (
          found && {
            data: {
              source: LOAD,
              prompt,
              max_new_tokens: length,
              greedy: found.greedy,
              trees: [found.tree],
            },
            settings: {
              num_beams: width,
              step: length,
              length_penalty: recorded.get("length_penalty"),
              early_stopping: recorded.get("early_stopping"),
            },
          }
        );
      },
    };
  };
})();
