// @ts-check
/* The distribution after a prompt: the model's own and what the knobs leave of it. */
(() => {
  const { element, showToken, announcer } = globalThis.DecodeExplorer;
  const live = globalThis.DecodeLive;
  const engine = globalThis.DecodeEngine;

  const BARS = 10;

  /** Both distributions of a row of logits, by id.
   *  @param {Float64Array} logits
   *  @param {number[]} ids The tokens so far, which penalties look at.
   *  @param {Record<string, any>} given
   *  @param {string} seed */
  function distributions(logits, ids, given, seed) {
    const greedy = given.temperature === 0;
    const after = greedy
      ? logits.map((_, id) => (id === engine.argmax(logits) ? 0 : -Infinity))
      : engine.chain(given, BigInt(seed))(ids, logits);
    const probability = (/** @type {Float64Array} */ row) => {
      const all = engine.logSumExp(row);
      return (/** @type {number} */ id) => Math.exp(row[id] - all);
    };
    return { after, before: probability(logits), changed: probability(after) };
  }

  /** The piece of the page. `show` gives it a row; `update` new knobs.
   *  @param {() => {given: Record<string, any>, seed: string, strategy: string}} settings */
  function nextTokens(settings) {
    /** @type {{logits: Float64Array, ids: number[], names: string[]} | null} */
    let row = null;
    const bars = element("div", { class: "live-bars" });
    const message = element("p", { class: "live-note" });
    const heard = element("p", { class: "dx-live", "aria-live": "polite" });
    const tell = announcer(heard);
    const node = element(
      "section",
      { class: "live-next", hidden: true, "aria-label": "What may come next" },
      element(
        "p",
        { class: "live-legend" },
        element("span", { class: "live-key-before", text: "the model" }),
        element("span", { class: "live-key-after", text: "after the knobs" }),
      ),
      bars,
      message,
      heard,
    );

    function update() {
      node.hidden = row === null;
      if (!row) return;
      const { logits, ids, names } = row;
      let made;
      try {
        const { given, seed, strategy } = settings();
        const known =
          strategy === "sampling" ? given : strategy === "greedy" ? { temperature: 0 } : {};
        made = distributions(logits, ids, known, seed);
      } catch (error) {
        message.textContent = `${/** @type {Error} */ (error).message}.`;
        return;
      }
      const { after, before, changed } = made;
      const top = engine.largest(logits, BARS);
      bars.replaceChildren(
        ...top.map((/** @type {number} */ id, /** @type {number} */ i) =>
          bar(names[i], before(id), changed(id)),
        ),
      );
      const { entropy } = engine.entropies(logits);
      const then = engine.entropies(after).entropy;
      const kept = after.reduce(
        (/** @type {number} */ n, /** @type {number} */ l) => n + (l > -Infinity ? 1 : 0),
        0,
      );
      message.textContent =
        `${kept.toLocaleString("en-US")} of ${logits.length.toLocaleString("en-US")} tokens are left; ` +
        `entropy ${entropy.toFixed(2)} → ${then.toFixed(2)} nats.`;
      tell(
        `Most probable: ${showToken(names[0])}, ${live.parts.percent(changed(top[0]))}. ${message.textContent}`,
      );
    }

    /** @param {string} name
     *  @param {number} before
     *  @param {number} after */
    function bar(name, before, after) {
      const width = (/** @type {number} */ p) => `width:${(100 * p).toFixed(2)}%`;
      return element(
        "div",
        { class: after ? "live-bar" : "live-bar live-removed" },
        element("span", { class: "dx-token", text: showToken(name) }),
        element(
          "span",
          { class: "live-track", "aria-hidden": "true" },
          element("span", { class: "live-bar-before", style: width(before) }),
          element("span", { class: "live-bar-after", style: width(after) }),
        ),
        element(
          "span",
          { class: "live-number" },
          element("span", { class: "dx-was", text: `${live.parts.percent(before)} → ` }),
          element("b", { text: after ? live.parts.percent(after) : "removed" }),
        ),
      );
    }

    return {
      node,
      update,
      /** @param {{logits: Float64Array, ids: number[], names: string[]} | null} given */
      show(given) {
        row = given;
        update();
      },
    };
  }

  Object.assign(live, { nextTokens, distributions });
})();
