// @ts-check
/* The feasible mass along a masked text after the reader's own prompt. */
(() => {
  const { makers } = globalThis.DecodeLive.ownParts;
  const { readConstraint } = globalThis.DecodeEngine;

  const TOP = 5; // most probable allowed tokens, as in decodelib/viz/rules/mass.py

  makers.mass = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    const dfa = readConstraint(data.source);
    return {
      label: "Your own prompt",
      prompt: data.prompt,
      notes: [
        dfa
          ? "Under the same constraint, by masking; texts drawn in other ways stay recorded."
          : "Recorded only: this constraint is compiled by a Python package that the page does not have.",
      ],
      fields: {
        length: { label: "New tokens", value: data.texts[0].ids.length, min: 1, max: 100 },
        seed: { label: "Seed", value: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
      },
      async make(/** @type {any} */ { prompt, length, seed }, /** @type {any} */ { ask, tell }) {
        if (!dfa) throw new Error("the constraint must be a DFA or a list of choices to run here");
        tell("Drawing a text under the mask …");
        const settings = { dfa, length, seed: String(seed), top: TOP };
        const found = await ask({ type: "masses", prompt, settings }, { onReading() {} });
        if (!found) return null;
        const { ids, tokens, mass, p, allowed, top } = found;
        return {
          data: {
            prompt,
            constraint: data.constraint,
            source: data.source,
            texts: [{ label: "masked", ids, tokens, mass, p, allowed, top }],
          },
          settings: { text: "masked", position: 1 },
        };
      },
    };
  };
})();
