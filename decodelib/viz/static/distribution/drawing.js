// @ts-check
/* Drawing from the distribution: a seed, buttons, and how the draws compare with theory. */
(() => {
  const { element, showToken, showCount, parts, logits, distribution } = globalThis.DecodeExplorer;

  const MAX_DRAWS = 10_000;
  const MAX_SEED = 2 ** 32 - 1;
  const FEW = 10; // draws: of fewer, a gap to theory says nothing

  /** Draw anew only when something that matters has changed.
   * @type {Distribution["drawer"]} */
  function drawer(scene) {
    let key = "";
    /** @type {Draws} */
    let drawn = { total: 0, last: 0, share: () => 0 };
    return () => {
      const total = scene.hidden() ? 0 : Math.min(scene.get("draws"), MAX_DRAWS);
      const now = JSON.stringify([scene.context.label, scene.settings(), scene.get("seed"), total]);
      if (key === now) return drawn;
      key = now;
      const ranks = total ? logits.draw(scene.result, scene.get("seed"), total) : [];
      const tally = new Map();
      for (const rank of ranks) tally.set(rank, (tally.get(rank) ?? 0) + 1);
      drawn = {
        total,
        last: ranks[total - 1],
        share: (i) => (total ? (tally.get(i) ?? 0) / total : 0),
      };
      return drawn;
    };
  }

  /** The draws in a sentence: how many, the last, and the largest gap to theory.
   * @type {Distribution["tallyOf"]} */
  function tallyOf({ total, last, share }, tokens, pAfter) {
    if (!total) return "Nothing drawn yet.";
    const name = last < tokens.length ? showToken(tokens[last]) : `rank ${showCount(last + 1)}`;
    const start = `${showCount(total)} drawn, the last “${name}”.`;
    if (total < FEW) return start;
    const gaps = tokens.map((_, i) => Math.abs(share(i) - pAfter(i)));
    const at = gaps.indexOf(Math.max(...gaps));
    const error = Math.sqrt((pAfter(at) * (1 - pAfter(at))) / total);
    return (
      `${start} The largest gap to theory is ${gaps[at].toFixed(3)}, for “${showToken(tokens[at])}”; ` +
      `its standard error is ${error.toFixed(3)}.`
    );
  }

  /** @param {DistributionScene} scene */
  function drawing(scene) {
    const seed = element("input", {
      type: "number",
      min: 0,
      max: MAX_SEED,
      step: 1,
      "data-dx": "seed",
      ...parts.SUPPRESS,
      onchange: () => {
        const value = Math.min(Math.max(Math.round(seed.valueAsNumber || 0), 0), MAX_SEED);
        scene.set({ seed: value });
        seed.value = String(value);
      },
    });
    const add = (/** @type {number} */ n) => () =>
      scene.set({ draws: Math.min(MAX_DRAWS, scene.get("draws") + n) });
    const buttons = [
      parts.button("Draw 1", add(1)),
      parts.button("Draw 100", add(100)),
      parts.button("Clear", () => scene.set({ draws: 0 })),
    ];
    const tally = element("p", { class: "dx-tally", "data-dx": "tally", "aria-live": "polite" });
    return {
      node: element(
        "div",
        { class: "dx-draws" },
        element("label", {}, element("span", { text: "Seed" }), seed),
        ...buttons,
        tally,
      ),
      update() {
        if (document.activeElement !== seed) seed.value = scene.get("seed");
        for (const control of [seed, ...buttons]) control.disabled = scene.hidden();
        tally.textContent = tallyOf(scene.draws(), scene.context.tokens, scene.result.pAfter);
      },
    };
  }

  Object.assign(distribution, { drawer, tallyOf, drawing });
})();
