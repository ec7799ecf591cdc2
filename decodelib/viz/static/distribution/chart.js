// @ts-check
/* The bars: the most probable tokens before and after the processors, and how often each was drawn. */
(() => {
  const { element, showToken, showProbability, showCount, knobs, distribution } =
    globalThis.DecodeExplorer;

  const ON_PHONE = 8; // bars: so that they stay in sight while a slider moves
  const FEW = 100; // draws: of fewer, the marks stop at the edge instead of stretching the scale

  /** @param {DistributionScene} scene */
  function chart(scene) {
    const { data } = scene;
    const count = Math.min(data.bars, ...data.contexts.map(({ tokens }) => tokens.length));
    const bars = Array.from({ length: count }, bar);
    const rest = element("p", { class: "dx-rest" });
    const phone = globalThis.matchMedia("(max-width: 600px)");
    const node = element(
      "div",
      { class: "dx-chart dx-pinned", role: "img" },
      head(),
      ...bars.map((one) => one.node),
      rest,
    );
    return {
      node,
      update() {
        const draws = scene.draws();
        const shown = phone.matches ? Math.min(count, ON_PHONE) : count;
        const after = (/** @type {number} */ i) => (scene.hidden() ? 0 : scene.result.pAfter(i));
        const marks = draws.total < FEW ? 0 : Math.max(...bars.map((_, i) => draws.share(i)));
        const longest = Math.max(scene.result.pBefore(0), after(scene.result.first), marks);
        node.classList.toggle("dx-with-draws", draws.total > 0 && !scene.hidden());
        for (const [i, one] of bars.entries()) {
          one.node.hidden = i >= shown;
          one.update(scene, draws, i, longest);
        }
        rest.hidden = scene.context.vocab === shown;
        rest.textContent = restOf(scene, shown);
        node.setAttribute("aria-label", labelOf(scene, shown));
      },
    };
  }

  const head = () =>
    element(
      "div",
      { class: "dx-row dx-head" },
      element("span", { text: "token" }),
      element(
        "span",
        { class: "dx-legend" },
        element("span", { class: "dx-key dx-key-after", text: "after" }),
        element("span", { class: "dx-key dx-key-before", text: "before" }),
        element("span", { class: "dx-key dx-key-drawn", text: "drawn" }),
      ),
      element("span", { text: "before" }),
      element("span", { text: "after" }),
      element("span", { class: "dx-drawn", text: "drawn" }),
    );

  function bar() {
    const cell = (/** @type {string} */ name) => element("span", { class: `dx-${name}` });
    const [token, before, after, drawn] = ["token", "before", "after", "drawn"].map(cell);
    const [barAfter, barBefore, mark] = ["bar-after", "bar-before", "mark"].map(cell);
    const track = element("span", { class: "dx-track" }, barAfter, barBefore, mark);
    const node = element("div", { class: "dx-row" }, token, track, before, after, drawn);

    /** @type {(scene: DistributionScene, draws: Draws, i: number, longest: number) => void} */
    function update(scene, { total, share }, i, longest) {
      const { context, result } = scene;
      const isLocked = scene.hidden();
      const by = isLocked ? null : result.removedBy(i);
      const p = isLocked ? 0 : result.pAfter(i);
      const percent = (/** @type {number} */ x) =>
        `${Math.min(100, (100 * x) / longest).toFixed(2)}%`;
      token.textContent = showToken(context.tokens[i]);
      token.title = `${JSON.stringify(context.tokens[i])}, id ${context.ids[i]}`;
      before.textContent = showProbability(result.pBefore(i));
      after.textContent = isLocked
        ? "?"
        : by
          ? `✕ ${knobs[by].label.toLowerCase()}`
          : showProbability(p);
      drawn.textContent = total && by === null ? share(i).toFixed(3) : "";
      barBefore.style.width = percent(result.pBefore(i));
      barAfter.style.width = percent(p);
      mark.hidden = share(i) === 0;
      mark.style.left = percent(share(i));
      mark.classList.toggle("dx-beyond", share(i) > longest);
      node.classList.toggle("dx-cut", by !== null);
      const isBoundary = i > 0 && !isLocked && (by === null) !== (result.removedBy(i - 1) === null);
      node.classList.toggle("dx-boundary", isBoundary);
    }
    return { node, update };
  }

  /** What the tokens without a bar add up to.
   * @type {(scene: DistributionScene, count: number) => string} */
  function restOf({ hidden, context, row, result }, count) {
    const before = `${showCount(context.vocab - count)} more tokens: mass ${(1 - row.massOf[count]).toFixed(4)} before`;
    if (hidden()) return `${before}.`;
    const kept = result.kept - result.keptAmong(count);
    if (!kept) return `${before}, none kept.`;
    let shown = 0;
    for (let i = 0; i < count; i++) shown += result.pAfter(i);
    return `${before}, ${Math.max(0, 1 - shown).toFixed(4)} after; ${showCount(kept)} of them kept.`;
  }

  /** @type {(scene: DistributionScene, count: number) => string} */
  function labelOf({ hidden, context, result, sentence }, count) {
    const first = `${showToken(context.tokens[0])} has ${showProbability(result.pBefore(0))} before`;
    const after = hidden() ? "." : ` and ${showProbability(result.pAfter(0))} after. ${sentence()}`;
    return (
      `Bar chart of the ${count} most probable tokens. ${first}${after}` +
      " The same numbers are in the table below."
    );
  }

  distribution.chart = chart;
})();
