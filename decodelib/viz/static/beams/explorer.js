// @ts-check
/* The beam explorer: the tree of a beam search, one step after the other, with what it pruned. */
(() => {
  const { element, showToken, parts, beams } = globalThis.DecodeExplorer;
  const { digits, isLate, replay, score, textOf } = beams;

  const FITTING = 6; // steps: of more, the tree is wider than a column of text
  const RULES = ["num_beams", "length_penalty", "early_stopping"];
  const STOPPING = [
    { value: "false", setting: false, label: "False" },
    { value: "true", setting: true, label: "True" },
    { value: "never", setting: "never", label: '"never"' },
  ];
  const KEY =
    "Numbers: sum of ln p. ✕ and dashed: pruned. ■ finished. ★ the best finished. ◆ and dotted: " +
    "greedy's path.";

  /** @param {Page<BeamData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const { data } = page;
    const prompt = element("p", { class: "dx-prompt", text: data.prompt, hidden: !data.prompt });
    const answer = () => ({ value: data.predict?.answer, text: String(data.predict?.answer) });
    const views = [
      parts.header({ page, source: () => `${scene.last} new tokens`, below: [prompt] }),
      parts.prediction({ page, answer, depends: RULES, next: "Now walk through the steps." }),
      readout(scene),
      controls(scene),
      beams.diagram(scene),
      parts.note(KEY),
      ranking(scene),
      parts.table({
        summary: "The tree as a table",
        rowHeader: 1,
        rows: () => rowsOfTable(scene),
        columns: ["step", "text", "ln p of the last", "sum of ln p", "score", "what became of it"],
      }),
      parts.sharing({
        model: page.model,
        code: () =>
          beams.asCode({
            data,
            width: scene.tree.width,
            lengthPenalty: scene.lengthPenalty,
            earlyStopping: page.get("early_stopping"),
            returned: scene.now.stop === null ? 1 : Math.max(1, scene.now.finished.length),
          }),
      }),
    ];
    return { views, look: scene.look, isWide: scene.last > FITTING };
  }

  /** The page, and what its settings make of the recorded search.
   * @param {Page<BeamData>} page */
  function sceneOf(page) {
    const { data, get, hidden } = page;
    const trees = new Map(data.trees.map((packed) => [packed.num_beams, beams.unpack(packed)]));
    const last = data.max_new_tokens;
    const scene = /** @type {BeamScene} */ (Object.create(page));
    const outcome = (/** @type {number} */ until) =>
      replay(scene.tree, {
        lengthPenalty: scene.lengthPenalty,
        earlyStopping: get("early_stopping"),
        maxNewTokens: last,
        until,
      });
    const look = () => {
      scene.tree = trees.get(get("num_beams")) ?? [...trees.values()][0];
      scene.shown = hidden() ? Math.min(1, last) : get("step");
      scene.lengthPenalty = get("length_penalty");
      scene.now = outcome(scene.shown);
      scene.end = hidden() ? { stop: null, finished: [] } : outcome(last);
    };
    return Object.assign(scene, { last, look });
  }

  /** @param {BeamScene} scene */
  function controls({ data, get, set, hidden, last }) {
    const widths = parts.choice({
      legend: "Beams",
      options: data.trees.map(({ num_beams: k }) => ({ value: k, label: String(k) })),
      get: () => get("num_beams"),
      set: (k) => set({ num_beams: k }),
    });
    widths.node.hidden = data.trees.length < 2;
    const step = parts.knob({
      name: "step",
      label: "Steps shown",
      scale: parts.linear(0, last, 1),
      min: 0,
      max: last,
      integer: true,
      get: () => get("step"),
      set: (value) => set({ step: value }),
      valueText: (value) => `${value} of ${last}`,
    });
    const penalty = parts.knob({
      name: "length_penalty",
      label: "Length penalty",
      scale: parts.linear(-2, 3, 0.1),
      min: -10,
      max: 10,
      get: () => get("length_penalty"),
      set: (value) => set({ length_penalty: value }),
    });
    const rule = parts.choice({
      legend: "Early stopping",
      options: STOPPING,
      get: () => String(get("early_stopping")),
      set: (value) => set({ early_stopping: STOPPING.find((one) => one.value === value)?.setting }),
    });
    const move = (/** @type {number} */ by, /** @type {string} */ text) =>
      parts.button(text, () => set({ step: Math.min(last, Math.max(0, get("step") + by)) }));
    const reset = parts.button("Reset", () => set(data.initial), { class: "dx-reset" });
    const buttons = [move(-1, "Step back"), move(1, "Next step"), reset];
    return {
      node: element(
        "div",
        { class: "dx-controls dx-beam-controls" },
        widths.node,
        penalty.node,
        rule.node,
        step.node, // next to the tree that it grows

        element("div", { class: "dx-buttons" }, ...buttons),
      ),
      update() {
        for (const part of [widths, step, penalty, rule]) part.update({ disabled: hidden() });
        for (const button of buttons) button.disabled = hidden();
      },
    };
  }

  /** @param {BeamScene} scene */
  function readout(scene) {
    const facts = {
      returned: parts.fact("returned", "Best finished"),
      score: parts.fact("score", "Its score"),
      state: parts.fact("state", "The search"),
      greedy: parts.fact("greedy", "◆ Greedy's path"),
    };
    return {
      node: element(
        "div",
        { class: "dx-readout dx-beam-facts" },
        ...Object.values(facts).map(({ node }) => node),
      ),
      update() {
        const { now, shown, lengthPenalty, tree } = scene;
        const [best] = now.finished;
        const value = best ? digits(score(best, lengthPenalty)) : "none yet";
        const state =
          now.stop === null
            ? `still running after step ${shown}`
            : `stopped after step ${now.stop}`;
        const show = (/** @type {string} */ text) => (scene.hidden() ? "?" : text);
        facts.returned.value.textContent = show(best ? textOf(best) : "none yet");
        facts.score.value.textContent = show(value);
        facts.state.value.textContent = show(state);
        facts.greedy.value.textContent = show(beams.greedyStory(tree, now, shown));
        const found = best
          ? `Best finished: ${textOf(best)}, score ${value}.`
          : "Nothing has finished.";
        scene.announce(
          scene.hidden()
            ? "The answer is hidden until you predict it."
            : `${tree.width} beams, ${state}. ${found}`,
        );
      },
    };
  }

  /** Every hypothesis that has finished so far, best score first, and what the search does with it.
   * @param {BeamScene} scene */
  function ranking(scene) {
    const list = element("ol", { class: "dx-finished", "data-dx": "finished" });
    const greedy = element("p", { class: "dx-rest" });
    const { text, total } = scene.data.greedy;
    return {
      node: element(
        "div",
        { class: "dx-beam-ranking" },
        element("p", {
          class: "dx-beam-title",
          text: "Finished hypotheses: score = sum of ln p / length^length penalty",
        }),
        list,
        greedy,
      ),
      update() {
        const { tree, shown, lengthPenalty } = scene;
        const all = tree.nodes
          .filter(({ fate, length }) => fate === "finished" && length <= shown)
          .sort((a, b) => score(b, lengthPenalty) - score(a, lengthPenalty));
        list.replaceChildren(...(scene.hidden() ? [] : all).map((node) => finisher(scene, node)));
        greedy.textContent = scene.hidden()
          ? "Hidden until you predict."
          : `${all.length ? "" : "None yet. "}◆ Greedy decoding returns “${text}”, sum of ln p ${digits(total)}.`;
      },
    };
  }

  /** @type {(scene: BeamScene, node: BeamNode) => HTMLElement} */
  function finisher(scene, node) {
    const { lengthPenalty } = scene;
    const sum = `${digits(node.total)} / ${node.length}^${lengthPenalty}${node.greedy ? ", ◆ greedy" : ""}`;
    return element(
      "li",
      {},
      element("b", { class: "dx-beam-score", text: digits(score(node, lengthPenalty)) }),
      element("span", { class: "dx-beam-text", text: textOf(node) }),
      element("span", { class: "dx-quiet", text: sum }),
      element("span", { class: "dx-badge", text: stateOf(scene, node) }),
    );
  }

  /** @type {(scene: BeamScene, node: BeamNode) => string} */
  function stateOf({ now, end, tree }, node) {
    if (node === now.finished[0]) return now.stop === null ? "★ best so far" : "★ returned";
    if (now.finished.includes(node)) return "held";
    return isLate(node, end)
      ? "not reached: the search has stopped"
      : `not among the best ${tree.width}`;
  }

  /** @param {BeamScene} scene */
  function rowsOfTable({ tree, shown, lengthPenalty, end }) {
    return tree.nodes
      .filter(({ length }) => length <= shown)
      .map((node) => [
        node.length,
        showToken(textOf(node)),
        node.logprob.toFixed(4),
        node.total.toFixed(4),
        node.fate === "finished" ? score(node, lengthPenalty).toFixed(4) : "",
        [node.fate, node.greedy ? "greedy's path" : "", isLate(node, end) ? "not reached" : ""]
          .filter(Boolean)
          .join(", "),
      ]);
  }

  parts.explorer("beams", ["step", ...RULES], create);
})();
