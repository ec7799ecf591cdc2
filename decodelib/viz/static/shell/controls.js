// @ts-check
/* Controls. Each is { node, update }: whoever makes one places the node, and calls update after
 * every change; nothing else touches the page. Controls are native, have accessible names, and
 * keep JupyterLab's shortcuts away from their keys. */
(() => {
  const { element } = globalThis.DecodeExplorer;

  /** @type {Parts["SUPPRESS"]} */
  const SUPPRESS = { "data-lm-suppress-shortcuts": "true" };

  /** @type {Parts["change"]} */
  function change(model, values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  }

  /** @type {Parts["button"]} */
  const button = (text, onclick, attributes = {}) =>
    element("button", { type: "button", text, onclick, ...attributes });

  /** A slider and a number box for one setting.
   * @type {Parts["knob"]} */
  function knob({
    name,
    label,
    scale,
    min,
    max,
    integer = false,
    get,
    set,
    valueText = String,
    boxText = String,
  }) {
    const scaleNow = typeof scale === "function" ? scale : () => scale;
    const maxNow = typeof max === "function" ? max : () => max;
    const slider = element("input", {
      type: "range",
      "aria-label": label,
      "data-dx": name,
      ...SUPPRESS,
      oninput: () => set(scaleNow().toValue(slider.value)),
    });
    const isValid = (/** @type {number} */ value) =>
      Number.isFinite(value) &&
      value >= min &&
      value <= maxNow() &&
      (!integer || Number.isInteger(value));
    const box = element("input", {
      type: "number",
      "aria-label": `${label}, exact value`,
      min,
      step: integer ? 1 : "any",
      "data-dx": `${name}-box`,
      ...SUPPRESS,
      oninput: () => {
        if (isValid(box.valueAsNumber)) set(box.valueAsNumber);
      },
      onchange: () => {
        const typed = Number.isFinite(box.valueAsNumber) ? box.valueAsNumber : get();
        const value = Math.min(Math.max(typed, min), maxNow());
        set(integer ? Math.round(value) : value);
        box.value = boxText(get());
      },
    });
    const node = element(
      "span",
      { class: "dx-knob" },
      element("span", { class: "dx-name", text: label }),
      slider,
      box,
    );
    /** @type {Scale | null} */
    let drawn = null;
    return {
      node,
      update({ disabled = false } = {}) {
        const now = scaleNow();
        if (drawn !== now) {
          for (const limit of /** @type {const} */ (["min", "max", "step"]))
            slider[limit] = String(now[limit]);
          box.max = String(maxNow());
          drawn = now;
        }
        const value = get();
        if (now.toValue(slider.value) !== value) slider.value = String(now.fromValue(value));
        slider.setAttribute("aria-valuetext", valueText(value));
        if (box.valueAsNumber !== value && box.value !== boxText(value)) box.value = boxText(value);
        slider.disabled = box.disabled = disabled;
      },
    };
  }

  /** A group of radio buttons.
   * @type {Parts["choice"]} */
  function choice({ legend, options, get, set }) {
    // JupyterLab runs this file anew for every explorer, so a counter would repeat its names, and
    // radio buttons of one name unpick each other.
    const group = `dx-choice-${Math.random()}`;
    const radios = options.map(({ value }) =>
      element("input", {
        type: "radio",
        name: group,
        value,
        ...SUPPRESS,
        onchange: () => set(value),
      }),
    );
    const node = element(
      "fieldset",
      { class: "dx-choice" },
      element("legend", { text: legend }),
      ...radios.map((radio, i) =>
        element("label", {}, radio, element("span", { text: options[i].label })),
      ),
    );
    return {
      node,
      update({ disabled = false } = {}) {
        node.disabled = disabled;
        for (const [i, radio] of radios.entries()) radio.checked = options[i].value === get();
      },
    };
  }

  /** A number with its name above it.
   * @type {Parts["fact"]} */
  function fact(key, name, tag = "span") {
    const value = element(tag, { class: "dx-fact-value", "data-dx": key });
    // Not dl, dt and dd, which hosts restyle.
    const node = element(
      "p",
      { class: "dx-fact" },
      element("span", { class: "dx-fact-name", text: name }),
      " ",
      value,
    );
    return { node, value };
  }

  Object.assign(globalThis.DecodeExplorer.parts, { SUPPRESS, change, button, knob, choice, fact });
})();
