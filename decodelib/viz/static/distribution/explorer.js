// @ts-check
/* The next-token distribution explorer: sliders on the processors, bars before and after. */
(() => {
  const { element, showToken, showCount, parts, knobs, logits, distribution } =
    globalThis.DecodeExplorer;

  const SETTINGS = ["context", ...Object.keys(knobs), "order", "seed", "draws"];
  const TABLE_ROWS = 50;

  /** @param {Page<DistributionData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const steps = distribution.steps(scene);
    const reset = () => {
      scene.set(scene.data.initial);
      steps.forget();
      scene.update();
    };
    const views = [
      header(scene),
      contextPicker(scene),
      parts.prediction({
        page,
        answer: () => answer(scene),
        depends: ["context", ...Object.keys(knobs), "order"],
        next: "Now move the sliders.",
      }),
      steps,
      readout(scene, reset),
      distribution.chart(scene),
      distribution.drawing(scene),
      parts.table({
        summary: "The numbers as a table",
        rowHeader: 1,
        columns: ["rank", "token", "id", "before", "after", "drawn"],
        rows: () => rowsOfTable(scene),
      }),
      parts.sharing({
        model: page.model,
        code: () =>
          logits.asCode(
            parts.loadOf(scene.data),
            scene.context,
            scene.settings(),
            page.get("seed"),
          ),
      }),
    ];
    return { views, look: scene.look };
  }

  /** The page, and what its settings make of the distribution shown.
   * @param {Page<DistributionData>} page */
  function sceneOf(page) {
    /** @type {Map<string, LogitsRow>} */
    const rows = new Map();
    const rowOf = (/** @type {Context} */ context) => {
      const row = rows.get(context.label) ?? logits.row(logits.unpack(context));
      rows.set(context.label, row);
      return row;
    };
    const { contexts } = page.data;
    const contextOf = (/** @type {string} */ label) =>
      contexts.find((context) => context.label === label) ?? contexts[0];
    const settings = () =>
      /** @type {Settings} */ (
        Object.fromEntries([...Object.keys(knobs), "order"].map((name) => [name, page.get(name)]))
      );
    const scene = /** @type {DistributionScene} */ (Object.create(page));
    const look = () => {
      scene.context = contextOf(page.get("context"));
      scene.row = rowOf(scene.context);
      scene.result = logits.apply(scene.row, settings());
    };
    const atStart = () => {
      const initial = /** @type {any} */ (page.data.initial);
      return logits.apply(rowOf(contextOf(initial.context)), initial);
    };
    const sentence = () => {
      const { kept, mass, before, after } = scene.result;
      return (
        `${showCount(kept)} of ${showCount(scene.context.vocab)} tokens kept, mass ${mass.toFixed(4)}, ` +
        `entropy ${before.entropy.toFixed(3)} before and ${after.entropy.toFixed(3)} nats after.`
      );
    };
    return Object.assign(scene, {
      settings,
      look,
      atStart,
      sentence,
      draws: distribution.drawer(scene),
    });
  }

  /** The value at the settings at the start that the prediction is about.
   * @param {DistributionScene} scene */
  function answer(scene) {
    const outcome = scene.atStart();
    const {
      kept,
      mass,
      after: { entropy, varentropy },
    } = outcome;
    const values = new Map(
      Object.entries({
        kept,
        mass,
        entropy,
        varentropy,
        top_probability: outcome.pAfter(outcome.first),
      }),
    );
    const value = values.get(String(scene.data.predict?.answer)) ?? NaN;
    return { value, text: Number.isInteger(value) ? showCount(value) : value.toFixed(4) };
  }

  /** @param {DistributionScene} scene */
  function header(scene) {
    const prompt = element("p", { class: "dx-prompt" });
    const top = parts.header({
      page: scene,
      source: () => `${showCount(scene.context.vocab)} tokens`,
      below: [prompt],
    });
    return {
      node: top.node,
      update() {
        top.update();
        prompt.hidden = !scene.context.prompt;
        prompt.replaceChildren(
          scene.context.prompt ?? "",
          element("span", { class: "dx-blank", text: "?" }),
        );
      },
    };
  }

  /** @param {DistributionScene} scene */
  function contextPicker(scene) {
    const { contexts } = scene.data;
    const picker = parts.choice({
      legend: "Context",
      options: contexts.map(({ label }) => ({ value: label, label })),
      get: () => scene.context.label,
      set: (label) => scene.set({ context: label }),
    });
    picker.node.hidden = contexts.length < 2;
    return { node: picker.node, update: () => picker.update({ disabled: scene.hidden() }) };
  }

  /** @type {(scene: DistributionScene, reset: () => void) => View} */
  function readout(scene, reset) {
    const facts = {
      kept: parts.fact("kept", "Tokens kept"),
      mass: parts.fact("mass", "Mass kept"),
      entropy: parts.fact("entropy", "Entropy (nats)"),
      varentropy: parts.fact("varentropy", "Varentropy (nats²)"),
    };
    const button = parts.button("Reset", reset, { class: "dx-reset" });
    const was = (/** @type {string} */ text) => element("span", { class: "dx-was", text });
    const secret = (/** @type {string} */ text) =>
      element("b", { text: scene.hidden() ? "?" : text });
    return {
      node: element(
        "div",
        { class: "dx-readout" },
        element("div", { class: "dx-facts" }, ...Object.values(facts).map(({ node }) => node)),
        button,
      ),
      update() {
        const { kept, mass, before, after } = scene.result;
        button.disabled = scene.hidden();
        facts.kept.value.replaceChildren(
          secret(showCount(kept)),
          was(` of ${showCount(scene.context.vocab)}`),
        );
        facts.mass.value.replaceChildren(secret(mass.toFixed(4)));
        for (const name of /** @type {const} */ (["entropy", "varentropy"])) {
          facts[name].value.replaceChildren(
            was(before[name].toFixed(3)),
            " → ",
            secret(after[name].toFixed(3)),
          );
        }
        scene.announce(
          scene.hidden() ? "The answer is hidden until you predict it." : scene.sentence(),
        );
      },
    };
  }

  /** @param {DistributionScene} scene */
  function rowsOfTable({ context, result, draws, hidden }) {
    const { total, share } = draws();
    const after = (/** @type {number} */ i) => {
      if (hidden()) return "?";
      const by = result.removedBy(i);
      return by ? `removed by ${knobs[by].label.toLowerCase()}` : result.pAfter(i).toPrecision(6);
    };
    return context.tokens
      .slice(0, TABLE_ROWS)
      .map((token, i) => [
        i + 1,
        showToken(token),
        context.ids[i],
        result.pBefore(i).toPrecision(6),
        after(i),
        Math.round(total * share(i)),
      ]);
  }

  parts.explorer("distribution", SETTINGS, create);
})();
