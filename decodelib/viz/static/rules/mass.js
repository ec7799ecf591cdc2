// @ts-check
/* Feasible mass: how much of the model's probability a constraint leaves, along a text. */
(() => {
  const { element, showToken, quoted, showProbability, showCount, parts } =
    globalThis.DecodeExplorer;

  const DEEPEST = 9.2; // nats: a mass of 0.0001 fills a bar
  const NOTE =
    "A bar is -ln Z: nothing where the constraint forbids nothing that the model wants, full at a feasible " +
    "mass of 0.0001 or less.";

  /** @param {Page<MassData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const answer = () => ({
      value: page.data.predict?.answer,
      text: String(page.data.predict?.answer),
    });
    const below = [
      element("p", { class: "dx-prompt", text: page.data.prompt }),
      element("p", { class: "dx-rest", text: page.data.constraint }),
    ];
    const views = [
      parts.header({ page, source: () => `${scene.record.tokens.length} tokens`, below }),
      textPicker(scene),
      parts.prediction({ page, answer, next: "Now walk along the text." }),
      strip(scene),
      walk(scene),
      facts(scene),
      parts.note(NOTE),
      parts.table({
        summary: "The tokens as a table",
        rowHeader: 1,
        columns: ["place", "token", "allowed", "Z", "p", "p / Z"],
        rows: () => rowsOfTable(scene),
      }),
      parts.sharing({ model: page.model, code: () => asCode(scene) }),
    ];
    return { views, look: scene.look };
  }

  /** @param {Page<MassData>} page */
  function sceneOf(page) {
    const { data, get } = page;
    const scene = /** @type {MassScene} */ (Object.create(page));
    const look = () => {
      scene.record = data.texts.find(({ label }) => label === get("text")) ?? data.texts[0];
      scene.at = Math.min(get("position"), scene.record.tokens.length);
    };
    look();
    return Object.assign(scene, { look });
  }

  /** @param {MassScene} scene */
  function textPicker(scene) {
    const picker = parts.choice({
      legend: "Text",
      options: scene.data.texts.map(({ label }) => ({ value: label, label })),
      get: () => scene.record.label,
      set: (text) => {
        scene.set({ text });
        scene.announce(`${text}: ${told(scene)}`);
      },
    });
    picker.node.hidden = scene.data.texts.length < 2;
    return picker;
  }

  /** The tokens, each over its bar.
   * @param {MassScene} scene */
  function strip(scene) {
    const node = element("div", { class: "dx-masses", role: "img" });
    /** @type {MassText | null} */
    let written = null;
    /** @type {Array<{cell: HTMLElement, bar: HTMLElement}>} */
    let cells = [];
    return {
      node,
      update() {
        const { record, at } = scene;
        const isHidden = scene.hidden();
        if (written !== record) {
          cells = record.tokens.map((token) => {
            const bar = element("span", { class: "dx-mass-bar" });
            const rail = element("span", { class: "dx-mass-rail" }, bar);
            const word = element("span", { class: "dx-mass-token", text: showToken(token) });
            return { cell: element("span", { class: "dx-mass-cell" }, rail, word), bar };
          });
          node.replaceChildren(...cells.map(({ cell }) => cell));
          written = record;
        }
        for (const [i, { cell, bar }] of cells.entries()) {
          const share = Math.min(1, -Math.log(record.mass[i]) / DEEPEST);
          bar.style.height = isHidden ? "0" : `${(100 * share).toFixed(1)}%`;
          cell.classList.toggle("dx-mass-at", i + 1 === at);
        }
        node.setAttribute("aria-label", `The text ${record.tokens.join("")}. ${told(scene)}`);
      },
    };
  }

  /** @param {MassScene} scene */
  function walk(scene) {
    const last = () => scene.record.tokens.length;
    const scales = new Map();
    const scale = () => {
      if (!scales.has(last())) scales.set(last(), parts.linear(1, last(), 1));
      return scales.get(last());
    };
    return parts.knob({
      name: "position",
      label: "Token",
      min: 1,
      max: last,
      integer: true,
      scale,
      get: () => scene.at,
      set: (position) => {
        scene.set({ position });
        scene.announce(told(scene));
      },
      valueText: (value) => `${value} of ${last()}, ${quoted(scene.record.tokens[value - 1])}`,
    });
  }

  /** @param {MassScene} scene */
  function told({ record, at, hidden }) {
    const token = `token ${at}, ${quoted(record.tokens[at - 1])}`;
    return hidden()
      ? `${token}: the masses are hidden until you predict`
      : `${token}: feasible mass ${showProbability(record.mass[at - 1])}`;
  }

  /** @type {(values: number[]) => number} */
  const product = (values) => values.reduce((all, value) => all * value, 1);

  /** @param {MassScene} scene */
  function facts(scene) {
    const mass = parts.fact("mass", "Feasible mass here", "b");
    const all = parts.fact("product", "Product so far", "b");
    const allowed = parts.fact("allowed", "Tokens allowed");
    const own = parts.fact("chosen", "p, and after the mask");
    const best = element("p", { class: "dx-rest", "data-dx": "best" });
    const node = element(
      "div",
      { class: "dx-mass-facts" },
      element("div", { class: "dx-facts" }, ...[mass, all, allowed, own].map((one) => one.node)),
      best,
    );
    return {
      node,
      update() {
        const { record, at } = scene;
        const show = (/** @type {string} */ text) => (scene.hidden() ? "?" : text);
        const here = record.mass[at - 1];
        const p = record.p[at - 1];
        mass.value.textContent = show(showProbability(here));
        all.value.textContent = show(product(record.mass.slice(0, at)).toPrecision(3));
        allowed.value.textContent = showCount(record.allowed[at - 1]);
        own.value.textContent = show(`${showProbability(p)} → ${showProbability(p / here)}`);
        best.textContent = show(
          `The most probable allowed: ${record.top[at - 1]
            .map(([token, chance]) => `${quoted(token)} ${showProbability(chance)}`)
            .join(", ")}.`,
        );
      },
    };
  }

  /** @param {MassScene} scene */
  function rowsOfTable({ record, hidden }) {
    const show = (/** @type {string} */ text) => (hidden() ? "?" : text);
    return record.tokens.map((token, i) => [
      i + 1,
      showToken(token),
      showCount(record.allowed[i]),
      show(showProbability(record.mass[i])),
      show(showProbability(record.p[i])),
      show(showProbability(record.p[i] / record.mass[i])),
    ]);
  }

  /** @param {MassScene} scene */
  const asCode = ({ data, record }) =>
    [
      "import torch",
      "",
      "import decodelib as dl",
      "",
      data.load ? `lm = ${data.load}` : "# lm is the table of this page",
      `constraint = ${data.source}`,
      `prompt = lm.prompt_ids(${JSON.stringify(data.prompt)}).tolist()`,
      `ids = ${JSON.stringify(record.ids)}`,
      "following = dl.Constraint(constraint.automaton, skip=len(prompt))",
      "for place, token_id in enumerate(ids):",
      "    before = [*prompt, *ids[:place]]",
      "    allowed = following.allowed(torch.tensor([before]))[0]",
      "    p = lm.next_logits(before).double().softmax(-1).cpu()",
      '    print(f"{float(p[allowed].sum()):.4f} {lm.decode([token_id])!r}")',
    ].join("\n");

  parts.explorer("mass", ["text", "position"], create);
})();
