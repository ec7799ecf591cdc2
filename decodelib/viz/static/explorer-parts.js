/* Parts that explorers are made of. Each is { node, update }: the renderer places the node, and
 * calls update after every change; nothing else touches the page. Controls are native, have
 * accessible names, and keep JupyterLab's shortcuts away from their keys. */
(function () {
  "use strict";

  const { element, showCount, copyText, announcer } = globalThis.DecodeExplorer;

  const SUPPRESS = { "data-lm-suppress-shortcuts": "true" };

  /** Set several traits at once. */
  function change(model, values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  }

  // ---- scales: what a slider's positions mean ----------------------------------------------------

  function linear(min, max, step) {
    return { min, max, step, toValue: Number, fromValue: (value) => value };
  }

  /** 1 to n in ever larger strides; the right end is 0, "off", which keeps everything. */
  function counts(n) {
    const stops = [];
    for (let k = 1; k < n; k += k < 20 ? 1 : 10 ** Math.floor(Math.log10(k / 2))) stops.push(k);
    const off = stops.length;
    return {
      min: 0, max: off, step: 1,
      toValue: (i) => (Number(i) >= off ? 0 : stops[i]),
      fromValue(k) {
        if (k === 0 || k >= n) return off;
        const next = stops.findIndex((stop) => stop >= k);
        return next < 0 ? off : next;
      },
    };
  }

  /** The values given; one that is not among them stands at the nearest that is not `off`. */
  function stops(values, off) {
    const distance = (i, value) => (values[i] === off ? Infinity : Math.abs(values[i] - value));
    const nearest = (value) => values.reduce(
      (best, _, i) => (distance(i, value) < distance(best, value) ? i : best), values.findIndex((v) => v !== off));
    return {
      min: 0, max: values.length - 1, step: 1,
      toValue: (i) => values[i],
      fromValue: (value) => (values.includes(value) ? values.indexOf(value) : nearest(value)),
    };
  }

  // ---- controls ----------------------------------------------------------------------------------

  /** A slider and a number box for one setting. `scale` and `max` may be functions, for limits
   *  that depend on what is shown. */
  function knob({ name, label, scale, min, max, integer = false, get, set, valueText = String }) {
    const scaleNow = typeof scale === "function" ? scale : () => scale;
    const maxNow = typeof max === "function" ? max : () => max;
    const slider = element("input", {
      type: "range", "aria-label": label, "data-dx": name, ...SUPPRESS,
      oninput: () => set(scaleNow().toValue(slider.value)) });
    const isValid = (value) => Number.isFinite(value) && value >= min && value <= maxNow()
      && (!integer || Number.isInteger(value));
    const box = element("input", {
      type: "number", "aria-label": `${label}, exact value`, min, step: integer ? 1 : "any",
      "data-dx": `${name}-box`, ...SUPPRESS,
      oninput: () => { if (isValid(box.valueAsNumber)) set(box.valueAsNumber); },
      onchange: () => {
        let value = box.valueAsNumber;
        if (!Number.isFinite(value)) value = get();
        value = Math.min(Math.max(value, min), maxNow());
        set(integer ? Math.round(value) : value);
        box.value = get();
      } });
    const node = element("span", { class: "dx-knob" },
      element("span", { class: "dx-name", text: label }), slider, box);
    let shown = null;
    return {
      node,
      update({ disabled = false } = {}) {
        const now = scaleNow();
        if (shown !== now) {
          for (const limit of ["min", "max", "step"]) slider[limit] = now[limit];
          box.max = maxNow();
          shown = now;
        }
        const value = get();
        if (now.toValue(slider.value) !== value) slider.value = now.fromValue(value);
        slider.setAttribute("aria-valuetext", valueText(value));
        if (box.valueAsNumber !== value) box.value = value;
        slider.disabled = box.disabled = disabled;
      },
    };
  }

  /** A group of radio buttons. */
  function choice({ legend, options, get, set }) {
    // JupyterLab runs this file anew for every explorer, so a counter would repeat its names, and
    // radio buttons of one name unpick each other.
    const group = `dx-choice-${Math.random()}`;
    const radios = options.map(({ value }) => element("input", {
      type: "radio", name: group, value, ...SUPPRESS, onchange: () => set(value) }));
    const node = element("fieldset", { class: "dx-choice" },
      element("legend", { text: legend }),
      ...radios.map((radio, i) => element("label", {}, radio, element("span", { text: options[i].label }))));
    return {
      node,
      update({ disabled = false } = {}) {
        node.disabled = disabled;
        radios.forEach((radio, i) => { radio.checked = options[i].value === get(); });
      },
    };
  }

  // ---- predict, then reveal ----------------------------------------------------------------------

  /** A question that the reader answers, with a number or with one of `data.predict.choices`,
   *  before the explorer shows its answer. `next` says what to do after that. */
  function prediction({ model, answer, next = "" }) {
    const question = model.get("data").predict;
    const hidden = () => Boolean(question) && model.get("prediction") === null;
    if (!question) {
      return { node: element("div", { hidden: true }), hidden, update() {} };
    }
    const input = question.choices ? guessAmong(question.choices) : guessNumber();
    const verdict = element("p", { class: "dx-verdict", tabindex: "-1" });
    const form = element("form", {
      class: "dx-predict-form",
      onsubmit(event) {
        event.preventDefault();
        const guess = input.read();
        if (guess === null) return;
        change(model, { prediction: guess });
        verdict.focus();
      },
    }, input.node, element("button", { type: "submit", text: "Reveal" }));
    const node = element("div", { class: "dx-predict" },
      element("p", { class: "dx-question", text: question.question }), form, verdict);
    return {
      node, hidden,
      update() {
        form.hidden = !hidden();
        verdict.hidden = hidden();
        if (hidden()) return;
        const guess = model.get("prediction");
        const { value, text } = answer();
        verdict.textContent = (isRight(guess, value, text) ? `${text}, as you predicted.`
          : `You predicted ${typeof guess === "number" ? showGuess(guess) : guess}; it is ${text}.`) + ` ${next}`.trimEnd();
      },
    };
  }

  const showGuess = (guess) => (Number.isInteger(guess) ? showCount(guess) : String(guess));

  /** A guess at a number that is not whole is right when it is so to the digits shown. */
  function isRight(guess, value, text) {
    if (guess === value || typeof value !== "number") return guess === value;
    const digits = /\.(\d+)/.exec(text);
    return digits !== null && guess.toFixed(digits[1].length) === value.toFixed(digits[1].length);
  }

  function guessNumber() {
    const node = element("input", {
      type: "number", step: "any", required: true, "aria-label": "Your prediction",
      "data-dx": "prediction", ...SUPPRESS });
    return { node, read: () => (Number.isFinite(node.valueAsNumber) ? node.valueAsNumber : null) };
  }

  function guessAmong(choices) {
    let guess = null;
    const { node } = choice({
      legend: "Your prediction", options: choices.map((label) => ({ value: label, label })),
      get: () => guess, set: (value) => { guess = value; } });
    for (const radio of node.querySelectorAll("input")) radio.required = true;
    node.dataset.dx = "prediction";
    return { node, read: () => guess };
  }

  // ---- what is below the chart -------------------------------------------------------------------

  /** A table behind a disclosure, made only while it is open: most readers never open it. */
  function table({ summary, columns, rows, rowHeader = 0 }) {
    const body = element("tbody");
    const node = element("details", { class: "dx-table", ontoggle: () => view.update() },
      element("summary", { text: summary }),
      element("div", { class: "dx-scroll", tabindex: "0", role: "group", "aria-label": summary },
        element("table", {},
          element("thead", {}, element("tr", {}, ...columns.map((text) => element("th", { scope: "col", text })))),
          body)));
    const cell = (content, column) => element(column === rowHeader ? "th" : "td",
      column === rowHeader ? { scope: "row" } : {}, content);
    const view = {
      node,
      update() {
        if (!node.open) return;
        body.replaceChildren(...rows().map((cells) => element("tr", {}, ...cells.map(cell))));
      },
    };
    return view;
  }

  /** The imports that Python source made by decodelib needs. */
  const imports = (source) => ["import decodelib as dl",
    ...(source.includes("first_layers(") ? ["from decodelib.models.gpt2.early_exit import first_layers"] : [])];

  /** The current settings as Python source and, on a page, as a link that opens it with them. */
  function sharing({ model, code }) {
    const source = element("pre", { tabindex: "0", role: "group", "aria-label": "decodelib code" });
    const copy = element("button", { type: "button", text: "Copy as decodelib code",
      onclick: () => { details.open = true; copyText(source.textContent, source, copy); } });
    const details = element("details", {},
      element("summary", { text: "These settings in decodelib" }), source);
    const link = model.link ? linking(model) : { nodes: [], update() {} };
    const node = element("div", { class: "dx-code" }, details,
      element("div", { class: "dx-buttons" }, copy, ...link.nodes));
    return {
      node,
      update() {
        source.textContent = code();
        link.update();
      },
    };
  }

  function linking(model) {
    const address = element("code", { class: "dx-link", "data-dx": "link", hidden: true });
    const button = element("button", { type: "button", text: "Copy link",
      onclick() {
        address.textContent = model.link();
        address.hidden = false; // to copy by hand where the clipboard is out of reach
        copyText(address.textContent, address, button);
      } });
    return { nodes: [button, address], update() { address.hidden = true; } };
  }

  // ---- the whole ---------------------------------------------------------------------------------

  /** The bar at the top: the title, and where the data comes from. */
  function titleBar({ model, source }) {
    const origin = element("span", { class: "dx-source" });
    const node = element("div", { class: "dx-titlebar" },
      element("strong", { class: "dx-title", text: model.get("title") }), origin);
    return { node, update() { origin.textContent = source(); } };
  }

  /** Put the views on the page in their order and call `update` whenever a setting changes.
   *  Returns the clean-up, whose property `announce` tells screen readers a message. */
  function assemble({ model, el, views, settings, update }) {
    const live = element("p", { class: "dx-live", "aria-live": "polite", "data-dx": "live" });
    const root = element("div", {
      class: "dx-root", role: "group", "aria-label": model.get("title"), ...SUPPRESS },
    ...Object.values(views).map((view) => view.node), live);
    el.append(root);
    update();
    const events = [...new Set([...settings, "prediction"])].map((name) => `change:${name}`);
    for (const event of events) model.on(event, update);
    const cleanUp = () => { for (const event of events) model.off(event, update); };
    return Object.assign(cleanUp, { announce: announcer(live) });
  }

  globalThis.DecodeExplorer.parts = {
    linear, counts, stops, change, knob, choice, prediction, table, imports, sharing, titleBar, assemble,
  };
})();
