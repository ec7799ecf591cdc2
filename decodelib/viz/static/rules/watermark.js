// @ts-check
/* A green-list watermark under edits: strike out or replace tokens, and watch z. */
(() => {
  const { element, svg, showToken, quoted, parts, rules } = globalThis.DecodeExplorer;

  const WIDTH = 600;
  const HEIGHT = 120;
  const SETTINGS = ["text", "length", "edits", "how", "position"];
  const KEY =
    "Underlined: green after the token before it. Crossed out: edited. Dashed: not counted, the first token or " +
    "a pair of neighbours that has been counted before.";

  /** @param {Page<WatermarkData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const answer = () => ({
      value: page.data.predict?.answer,
      text: String(page.data.predict?.answer),
    });
    const views = [
      parts.header({ page, source: () => `key ${page.data.key}, gamma ${page.data.gamma}` }),
      textPicker(scene),
      parts.prediction({
        page,
        answer,
        depends: ["text", "length", "how"],
        next: "Now edit the text.",
      }),
      facts(scene),
      chart(scene),
      words(scene),
      parts.note(KEY),
      tools(scene),
      parts.table({
        summary: "The tokens as a table",
        rowHeader: 1,
        columns: ["place", "token", "counted", "green", "z so far"],
        rows: () => rowsOfTable(scene),
      }),
      parts.sharing({ model: page.model, code: () => asCode(scene) }),
    ];
    return { views, look: scene.look };
  }

  /** @param {Page<WatermarkData>} page */
  function sceneOf(page) {
    const { data, get, set, announce, hidden } = page;
    const scene = /** @type {WatermarkScene} */ (Object.create(page));
    const look = () => {
      const record = data.texts.find(({ label }) => label === get("text")) ?? data.texts[0];
      const length = Math.min(get("length"), record.ids.length);
      const left = rules.edited(record, length, get("edits"), get("how"));
      const found = rules.detect(record, left, data.gamma);
      const end = found.at(-1) ?? { scored: 0, green: 0, z: 0 };
      const at = Math.min(get("position"), record.ids.length);
      Object.assign(scene, { record, length, left, found, end, at });
    };
    const told = () =>
      hidden()
        ? "z is hidden until you predict"
        : `${scene.end.green} of ${scene.end.scored} green, z ${scene.end.z.toFixed(2)}`;
    /** @type {WatermarkScene["change"]} */
    const change = (values) => {
      set(values);
      announce(`Now ${told()}.`);
    };
    /** @type {WatermarkScene["toggle"]} */
    const toggle = (place) => {
      const edits = get("edits").includes(place)
        ? get("edits").filter((/** @type {number} */ other) => other !== place)
        : [...get("edits"), place].sort((a, b) => a - b);
      change({ edits, position: place });
    };
    look();
    return Object.assign(scene, { look, told, change, toggle });
  }

  /** @param {WatermarkScene} scene */
  function textPicker(scene) {
    const picker = parts.choice({
      legend: "Text",
      options: scene.data.texts.map(({ label }) => ({ value: label, label })),
      get: () => scene.record.label,
      set: (text) => scene.change({ text, edits: [] }),
    });
    picker.node.hidden = scene.data.texts.length < 2;
    return { node: picker.node, update: () => picker.update({ disabled: scene.hidden() }) };
  }

  /** @param {WatermarkScene} scene */
  function facts(scene) {
    const z = parts.fact("z", "z", "b");
    const p = parts.fact("p", "p-value");
    const green = parts.fact("green", "green of counted");
    const edits = parts.fact("edits", "tokens edited");
    const node = element(
      "div",
      { class: "dx-facts dx-mark-facts" },
      ...[z, p, green, edits].map((one) => one.node),
    );
    return {
      node,
      update() {
        const { end, length, data } = scene;
        const show = (/** @type {string} */ text) => (scene.hidden() ? "?" : text);
        const tail = rules.binomialTail(end.green, end.scored, data.gamma);
        z.value.textContent = show(end.z.toFixed(2));
        p.value.textContent = show(tail.toPrecision(2));
        green.value.textContent = show(`${end.green} of ${end.scored}`);
        const count = scene.get("edits").filter((/** @type {number} */ i) => i <= length).length;
        edits.value.textContent = `${count} of ${length}`;
      },
    };
  }

  /** z after each token, against the line that it should stay above.
   * @param {WatermarkScene} scene */
  function chart(scene) {
    const line = svg("polyline", { class: "dx-z-line", points: "" });
    const bound = svg("line", { class: "dx-z-bound", x1: "0", x2: String(WIDTH) });
    const zero = svg("line", { class: "dx-z-zero", x1: "0", x2: String(WIDTH) });
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "dx-z", role: "img" },
      zero,
      bound,
      line,
    );
    const most = Math.max(
      scene.data.threshold * 1.5,
      ...scene.data.texts.flatMap((record) =>
        rules
          .detect(record, rules.edited(record, record.ids.length, [], "replaced"), scene.data.gamma)
          .map(({ z }) => z),
      ),
    );
    const y = (/** @type {number} */ z) =>
      (HEIGHT * (most - Math.min(Math.max(z, -2), most))) / (most + 2);
    const label = element("span", {
      class: "dx-rest",
      text: `z after each token; the dashed line is ${scene.data.threshold}`,
    });
    for (const [node, z] of /** @type {const} */ ([
      [bound, scene.data.threshold],
      [zero, 0],
    ])) {
      node.setAttribute("y1", String(y(z)));
      node.setAttribute("y2", String(y(z)));
    }
    return {
      node: element("div", { class: "dx-z-chart" }, drawing, label),
      update() {
        const { found, left, record } = scene;
        const x = (/** @type {number} */ place) => (WIDTH * place) / record.ids.length;
        const points = found.map(({ z }, i) => `${x(left[i].place).toFixed(1)},${y(z).toFixed(1)}`);
        line.setAttribute("points", scene.hidden() ? "" : points.join(" "));
        drawing.setAttribute("aria-label", `z after each token. ${scene.told()}.`);
      },
    };
  }

  /** The text: a button for each token, which edits it. The keys are those of the tools below.
   * @param {WatermarkScene} scene */
  function words(scene) {
    const node = element("p", { class: "dx-marked", "data-dx": "marked" });
    /** @type {WatermarkText | null} */
    let written = null;
    /** @type {HTMLButtonElement[]} */
    let buttons = [];
    return {
      node,
      update() {
        const { record, length, left, found, at } = scene;
        if (written !== record) {
          buttons = record.ids.map((_, i) =>
            parts.button("", () => scene.toggle(i + 1), { class: "dx-mark-word", tabindex: "-1" }),
          );
          node.replaceChildren(...buttons);
          written = record;
        }
        const now = new Map(left.map((one, i) => [one.place, { ...one, ...found[i] }]));
        const edits = new Set(scene.get("edits"));
        for (const [i, button] of buttons.entries()) {
          const one = now.get(i + 1);
          button.hidden = i >= length;
          button.textContent = showToken(record.words[one?.word ?? record.ids[i]]);
          button.classList.toggle("dx-mark-green", !scene.hidden() && Boolean(one?.isGreen));
          button.classList.toggle("dx-mark-free", !scene.hidden() && one?.isScored === false);
          button.classList.toggle("dx-mark-gone", !one);
          button.classList.toggle("dx-mark-new", Boolean(one?.isChanged));
          button.classList.toggle("dx-mark-at", i + 1 === at);
          button.setAttribute("aria-pressed", String(edits.has(i + 1)));
        }
      },
    };
  }

  /** @param {WatermarkScene} scene */
  function tools(scene) {
    const last = () => scene.record.ids.length;
    const scales = new Map();
    const scale = (/** @type {number} */ min) => () => {
      const key = `${min} ${last()}`;
      if (!scales.has(key)) scales.set(key, parts.linear(min, last(), 1));
      return scales.get(key);
    };
    const length = parts.knob({
      name: "length",
      label: "Tokens read",
      min: 2,
      max: last,
      integer: true,
      scale: scale(2),
      get: () => scene.length,
      set: (value) => scene.change({ length: value }),
      valueText: (value) => `${value} of ${last()}`,
    });
    const random = parts.knob({
      name: "random",
      label: "Random edits",
      min: 0,
      max: last,
      integer: true,
      scale: scale(0),
      get: () => scene.get("edits").length,
      set: (count) =>
        scene.change({ edits: scene.record.order.slice(0, count).sort((a, b) => a - b) }),
      valueText: (value) => `${value} of ${last()}`,
    });
    const position = parts.knob({
      name: "position",
      label: "This token",
      min: 1,
      max: last,
      integer: true,
      scale: scale(1),
      get: () => scene.at,
      set: (value) => scene.set({ position: value }),
      valueText: (value) => quoted(scene.record.words[scene.record.ids[value - 1]]),
    });
    const edit = parts.button("", () => scene.toggle(scene.at), { "data-dx": "edit" });
    const how = parts.choice({
      legend: "Edited tokens are",
      options: ["replaced", "struck out"].map((value) => ({ value, label: value })),
      get: () => scene.get("how"),
      set: (value) => scene.change({ how: value }),
    });
    const reset = parts.button("Reset", () => scene.change(scene.data.initial), {
      class: "dx-reset",
    });
    const knobs = [length, random, position];
    const buttons = element("div", { class: "dx-buttons" }, edit, reset);
    return {
      node: element(
        "div",
        { class: "dx-mark-tools" },
        how.node,
        ...knobs.map(({ node }) => node),
        buttons,
      ),
      update() {
        how.update();
        for (const knob of knobs) knob.update();
        const isEdited = scene.get("edits").includes(scene.at);
        edit.textContent = isEdited ? "Take this edit back" : "Edit this token";
      },
    };
  }

  /** @param {WatermarkScene} scene */
  function rowsOfTable({ record, left, found, hidden }) {
    const show = (/** @type {string} */ text) => (hidden() ? "?" : text);
    const yes = (/** @type {boolean} */ is) => (is ? "yes" : "no");
    return left.map(({ place, word }, i) => [
      place,
      showToken(record.words[word]),
      yes(found[i].isScored),
      show(yes(found[i].isGreen)),
      show(found[i].z.toFixed(2)),
    ]);
  }

  /** @param {WatermarkScene} scene */
  const asCode = ({ data, record, left }) =>
    [
      "import decodelib as dl",
      "",
      `lm = ${data.load}`,
      `ids = ${JSON.stringify(left.map(({ word }) => record.vocabulary[word]))}`,
      `watermark = dl.GreenListWatermark(key=${data.key}, gamma=${data.gamma})`,
      "found = watermark.detect(lm, ids)",
      'print(f"{found.statistic:.0f} of {found.num_tokens} green, z = {found.z:.2f}")',
    ].join("\n");

  parts.explorer("watermark", SETTINGS, create);
})();
