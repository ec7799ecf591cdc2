// @ts-check
/* The entropy map: the steps of a text as points, entropy against varentropy, in quadrants. */
(() => {
  const { element, showToken, parts, entropy } = globalThis.DecodeExplorer;
  const { actions, thresholds: THRESHOLDS, shapes, temperatureAt, quadrant, glyph } = entropy;

  const POSITIONS = 200; // of a threshold's slider
  const NAMES = /** @type {Quadrant[]} */ (Object.keys(shapes));

  /** @param {Page<EntropyData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const answer = () => ({
      value: page.data.predict?.answer,
      text: String(page.data.predict?.answer),
    });
    const views = [
      parts.header({ page, source: () => `${scene.last} steps` }),
      textPicker(scene),
      parts.prediction({
        page,
        answer,
        depends: ["text", ...Object.keys(THRESHOLDS)],
        next: "Now select points and move the thresholds.",
      }),
      both(entropy.map(scene), entropy.selected(scene)),
      tally(scene),
      controls(scene),
      reading(scene),
      parts.table({
        summary: "The steps as a table",
        rowHeader: 1,
        rows: () => rowsOfTable(scene),
        columns: ["step", "token", "surprisal", "entropy", "varentropy", "quadrant", "adaptive T"],
      }),
      parts.sharing({
        model: page.model,
        code: () => entropy.asCode(parts.loadOf(page.data), scene),
      }),
    ];
    return { views, look: scene.look };
  }

  /** The page, and what its thresholds make of the text shown.
   * @param {Page<EntropyData>} page */
  function sceneOf(page) {
    const { data, get, set, announce, hidden } = page;
    const scene = /** @type {EntropyScene} */ (Object.create(page));
    const counts = () =>
      NAMES.map(
        (name) =>
          /** @type {const} */ ([name, scene.names.filter((other) => other === name).length]),
      );
    const sentence = () =>
      hidden()
        ? "the answer is hidden until you predict it"
        : counts()
            .map(([name, n]) => `${n} ${name}`)
            .join(", ");
    const read = () =>
      /** @type {Thresholds} */ (
        Object.fromEntries(Object.keys(THRESHOLDS).map((name) => [name, get(name)]))
      );
    /** @type {EntropyScene["move"]} */
    const move = (name, value) => {
      set(entropy.moved(name, value, read()));
      announce(`Now ${sentence()}.`);
    };
    const told = () => {
      const { record, at, last, names } = scene;
      const numbers = `entropy ${record.entropy[at - 1].toFixed(2)}, varentropy ${record.varentropy[at - 1].toFixed(2)}`;
      return `${at} of ${last}: ${showToken(record.tokens[at])}, ${names[at - 1]}, ${numbers}`;
    };
    const look = () => {
      for (const name of ["low_entropy", "low_varentropy"]) {
        // a link may ask for a pair that makes no sense
        if (get(name) > get(name.replace("low", "high"))) move(name, get(name));
      }
      const record = data.texts.find(({ label }) => label === get("text")) ?? data.texts[0];
      const thresholds = read();
      const last = record.tokens.length - 1;
      const names = record.entropy.map((x, i) => quadrant(x, record.varentropy[i], thresholds));
      Object.assign(scene, {
        record,
        thresholds,
        last,
        names,
        at: Math.min(get("position"), last),
      });
    };
    return Object.assign(scene, entropy.scalesOf(data.axes), { counts, move, told, look });
  }

  /** @param {EntropyScene} scene */
  function textPicker(scene) {
    const { texts } = scene.data;
    const lengthOf = (/** @type {string} */ wanted) =>
      (texts.find(({ label }) => label === wanted) ?? texts[0]).tokens.length - 1;
    const picker = parts.choice({
      legend: "Text",
      options: texts.map(({ label }) => ({ value: label, label })),
      get: () => scene.record.label,
      set: (label) => scene.set({ text: label, position: Math.min(scene.at, lengthOf(label)) }),
    });
    picker.node.hidden = texts.length < 2;
    return { node: picker.node, update: () => picker.update({ disabled: scene.hidden() }) };
  }

  /** Two views beside each other.
   * @type {(a: View, b: View) => View} */
  const both = (a, b) => ({
    node: element("div", { class: "dx-main" }, a.node, b.node),
    update() {
      a.update();
      b.update();
    },
  });

  /** @param {EntropyScene} scene */
  function tally(scene) {
    const values = new Map(
      NAMES.map((name) => [name, element("b", { "data-dx": `count-${name}` })]),
    );
    const facts = [...values].map(([name, value]) =>
      element(
        "p",
        { class: "dx-fact", title: `Entropy sampling ${actions[name]} here` },
        element("span", { class: "dx-fact-name" }, glyph(name), name),
        " ",
        value,
      ),
    );
    return {
      node: element("div", { class: "dx-tally-row" }, ...facts),
      update() {
        for (const [name, n] of scene.counts()) {
          const value = values.get(name);
          if (value) value.textContent = scene.hidden() ? "?" : String(n);
        }
      },
    };
  }

  /** @param {EntropyScene} scene */
  function controls(scene) {
    const { data, get, set, move, hidden } = scene;
    const short = (/** @type {number} */ value) => String(Number(value.toPrecision(3)));
    const knobs = Object.entries(THRESHOLDS).map(([name, label]) => {
      const isEntropy = name.endsWith("_entropy");
      const most = isEntropy ? data.axes.entropy : data.axes.varentropy;
      return parts.knob({
        name,
        label,
        scale: parts.squares(most, POSITIONS),
        min: 0,
        max: most,
        get: () => get(name),
        set: (value) => move(name, value),
        boxText: short,
        valueText: (value) => `${short(value)} ${isEntropy ? "nats" : "square nats"}`,
      });
    });
    const reset = parts.button("Reset", () => set(data.initial), { class: "dx-reset" });
    return {
      node: element(
        "div",
        { class: "dx-controls dx-thresholds" },
        ...knobs.map(({ node }) => node),
        reset,
      ),
      update() {
        for (const knob of knobs) knob.update({ disabled: hidden() });
        reset.disabled = hidden();
      },
    };
  }

  /** The whole text; each word wears the line of its quadrant. A click selects, as in the map.
   * @param {EntropyScene} scene */
  function reading(scene) {
    /** @type {HTMLElement[]} */
    let words = [];
    /** @type {EntropyText | null} */
    let written = null;
    const node = element("p", {
      class: "dx-reading",
      onclick: (/** @type {MouseEvent} */ event) => {
        const position = words.indexOf(/** @type {HTMLElement} */ (event.target));
        if (position > 0 && !scene.hidden()) scene.set({ position });
      },
    });
    return {
      node,
      update() {
        const { record, names, at, hidden } = scene;
        if (written !== record) {
          words = record.tokens.map((token) => element("span", { text: token }));
          node.replaceChildren(...words);
          written = record;
        }
        for (const [i, word] of words.entries()) {
          const here = i === at ? " dx-here" : "";
          word.className = i === 0 || hidden() ? "" : `dx-read dx-${names[i - 1]}${here}`;
        }
      },
    };
  }

  /** @param {EntropyScene} scene */
  function rowsOfTable({ names, record, data, hidden }) {
    return names.map((name, i) => {
      const values = [
        record.surprisal[i].toFixed(3),
        record.entropy[i].toFixed(3),
        record.varentropy[i].toFixed(3),
        name,
        temperatureAt(record.entropy[i], data.temperature).toFixed(3),
      ];
      return [
        i + 1,
        showToken(record.tokens[i + 1]),
        ...(hidden() ? values.map(() => "?") : values),
      ];
    });
  }

  parts.explorer("entropy", ["text", "position", ...Object.keys(THRESHOLDS)], create);
})();
