// @ts-check
/* The candidates of one token: their probabilities before and after, and where each one led. */
(() => {
  const { element, quoted, showToken, showProbability, parts, player } = globalThis.DecodeExplorer;

  const PATIENCE = 20_000; // milliseconds until a kernel that says nothing is mentioned

  /** @param {PlayerScene} scene */
  function candidates(scene) {
    /** @type {Array<ReturnType<typeof candidateRow>>} */
    const rows = [];
    const list = element("ol", {
      class: "dx-options",
      "aria-label": "Candidates: probability before and after the strategy’s changes",
    });
    const hint = element("p", { class: "dx-rest", "data-dx": "hint" });
    const node = element("div", { class: "dx-chart" }, head(), list, hint);
    let counted = 0;
    let isChanging = false; // whether the strategy changes any probability at all
    return {
      node,
      update() {
        node.hidden = scene.hidden();
        if (node.hidden) return;
        const { step, data } = scene;
        if (counted !== data.branches.length) {
          counted = data.branches.length;
          isChanging = data.branches.some(({ steps }) =>
            steps.some((one) => one.candidates.some(([, , before, after]) => before !== after)),
          );
          node.classList.toggle("dx-unchanged", !isChanging);
        }
        while (rows.length < step.candidates.length) rows.push(candidateRow(scene));
        const shown = rows.slice(0, step.candidates.length);
        if (list.children.length !== shown.length)
          list.replaceChildren(...shown.map((row) => row.node));
        const longest = Math.max(
          ...step.candidates.flatMap(([, , before, after]) => [before, after]),
        );
        const ways = step.candidates.map((candidate, i) =>
          shown[i].update(candidate, longest, isChanging),
        );
        hint.textContent = hintOf(scene.isLive, ways.includes("See"));
        hint.hidden = !hint.textContent;
      },
    };
  }

  /** What the buttons beside the candidates do, where there are any.
   * @type {Player["hintOf"]} */
  function hintOf(isLive, canSee) {
    if (isLive)
      return "Generate: take this candidate instead, and let the strategy go on from there.";
    return canSee ? "See: show the text that was generated with this candidate instead." : "";
  }

  const head = () =>
    element(
      "div",
      { class: "dx-row dx-option dx-head", "aria-hidden": "true" },
      element("span", { text: "candidate" }),
      element(
        "span",
        { class: "dx-legend" },
        element("span", { class: "dx-key dx-key-after", text: "after" }),
        element("span", { class: "dx-key dx-key-before", text: "before" }),
      ),
      element("span", { text: "before" }),
      element("span", { text: "after" }),
      element("span"),
    );

  /** @param {PlayerScene} scene */
  function candidateRow(scene) {
    const cell = (/** @type {string} */ name) => element("span", { class: `dx-${name}` });
    const [token, before, after, taken] = ["token", "before", "after", "taken"].map(cell);
    const [barAfter, barBefore] = ["bar-after", "bar-before"].map(cell);
    let take = () => {};
    const button = parts.button("", () => take(), { class: "dx-take" });
    const node = element(
      "li",
      { class: "dx-row dx-option", "data-dx": "candidate" },
      token,
      element("span", { class: "dx-track", "aria-hidden": "true" }, barAfter, barBefore),
      before,
      after,
      element("span", { class: "dx-way" }, taken, button),
    );

    /** Show a candidate; returns what its button says, or nothing where it has none.
     * @type {(candidate: Candidate, longest: number, isChanging: boolean) => string} */
    function update([id, text, was, is, remover], longest, isChanging) {
      const { step, data } = scene;
      const percent = (/** @type {number} */ p) => `${((100 * p) / longest).toFixed(2)}%`;
      const isChosen = id === step.id;
      const isCut = isChanging && is === 0 && was > 0;
      const removal = remover === null ? "removed" : data.processors[remover];
      node.classList.toggle("dx-cut", isCut);
      node.classList.toggle("dx-picked", isChosen);
      token.textContent = isEndOfText(text) ? "end of text" : showToken(text);
      token.title = JSON.stringify(text);
      barAfter.style.width = percent(is);
      barBefore.style.width = percent(was);
      before.textContent = showProbability(was);
      after.textContent = isCut ? `✕ ${removal}` : showProbability(is);
      taken.textContent = isChosen ? "● chosen" : "";
      const recorded = isChosen ? -1 : scene.branchWith(id);
      button.hidden = isChosen || (recorded < 0 && !scene.isLive);
      if (button.hidden) return "";
      button.textContent = recorded < 0 ? "Generate" : "See";
      button.setAttribute(
        "aria-label",
        recorded < 0 ? `Generate from ${quoted(text)}` : `See the text with ${quoted(text)}`,
      );
      button.setAttribute("aria-disabled", String(recorded < 0 && scene.isWaiting()));
      take = () => (recorded < 0 ? scene.ask(id, text) : scene.see(recorded));
      return button.textContent;
    }
    return { node, update };
  }

  /** A model's own name for the token that ends a text says little, and is too long for its column.
   * @param {string} text */
  const isEndOfText = (text) => /^<\|?(endoftext|end_of_text|eos)\|?>$/.test(text.trim());

  /** What the kernel that was asked for a branch is doing.
   * @param {PlayerScene} scene */
  function status(scene) {
    const node = element("p", { class: "dx-status", "data-dx": "status" });
    let wasWaiting = false;
    let isLate = false; // the kernel has been silent for long
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    function update() {
      const waiting = isLate
        ? "Still waiting for the kernel. If it is not busy, run this cell again."
        : "Generating…";
      node.textContent = scene.isWaiting() ? waiting : (scene.get("message") ?? "");
      node.hidden = !node.textContent;
      if (wasWaiting && !scene.isWaiting()) {
        clearTimeout(timer);
        const branch = scene.get("branch");
        scene.announce(
          scene.get("message") ||
            `Text ${branch + 1}: ${player.nameOf(scene.data.branches, branch)}.`,
        );
      }
      wasWaiting = scene.isWaiting();
    }
    return {
      node,
      update,
      stop: () => clearTimeout(timer),
      wait() {
        isLate = false;
        clearTimeout(timer);
        timer = setTimeout(() => {
          isLate = true;
          update();
        }, PATIENCE);
      },
    };
  }

  Object.assign(player, { candidates, hintOf, isEndOfText, status });
})();
