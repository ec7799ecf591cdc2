// @ts-check
/* Where the distributions of the line of all texts come from: eight words, or the model. */
(() => {
  const live = globalThis.DecodeLive;

  // decodelib/models/toy.py: a test holds them together.
  const WORDS = ["mat", "floor", "chair", "roof", "table", "moon", "idea", "of"];
  const PROBS = [0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02];

  /** Where distributions come from: always the same eight words, whatever came before. */
  function toySource() {
    const logits = Float64Array.from(PROBS, Math.log);
    return {
      logitsAt: () => logits,
      name: (/** @type {number} */ id) => ` ${WORDS[id]}`,
      start: [],
      want() {},
      isReady: true,
    };
  }

  /** The model's distributions, asked for as they come into view.
   *  @param {string} prompt
   *  @param {() => void} changed */
  function modelSource(prompt, changed) {
    /** @type {Map<string, Float64Array>} */
    const known = new Map();
    /** @type {Map<number, string>} */
    const names = new Map();
    /** @type {number[]} */
    let start = [];
    let asking = false;
    /** @param {number[][]} paths */
    async function want(paths) {
      const path = paths.find((one) => !known.has(one.join()));
      if (!path || asking || live.model.state !== "ready" || live.model.isBusy) return;
      asking = true;
      const question = start.length ? { ids: [...start, ...path] } : { prompt };
      const found = await live.model.ask({ type: "next", top: 600, ...question }).catch(() => null);
      asking = false;
      if (!found) return;
      if (!start.length) start = found.ids;
      for (const [i, id] of found.topIds.entries()) names.set(id, found.names[i]);
      known.set(path.join(), found.logits);
      changed();
    }
    return {
      logitsAt: (/** @type {number[]} */ path) => known.get(path.join()) ?? null,
      name: (/** @type {number} */ id) => names.get(id) ?? "…",
      want,
      get start() {
        return start;
      },
      get isReady() {
        return known.has("");
      },
    };
  }

  Object.assign(live, { toySource, modelSource });
})();
