// @ts-check
/* The controls of a request: strategy, knobs, length, stop strings, seed. */
(() => {
  const { element } = globalThis.DecodeExplorer;
  const { parts } = globalThis.DecodeLive;
  const { KNOBS, STRATEGIES, checkRequest } = globalThis.DecodeEngine;

  /** One knob: a check box that switches it on, and its controls.
   *  @param {string} name
   *  @param {() => void} changed */
  function knobControl(name, changed) {
    const knob = KNOBS[name];
    const on = element("input", {
      type: "checkbox",
      "data-live-knob": name,
      onchange: () => {
        show();
        changed();
      },
    });
    /** @type {any[]} */
    const boxes = [];
    /** @type {HTMLElement[]} */
    const controls = [];
    const number = (/** @type {string} */ label, /** @type {number} */ value) => {
      const box = element("input", {
        type: "number",
        "aria-label": label,
        step: knob.integer ? 1 : "any",
        "data-live-value": name,
        oninput: changed,
      });
      box.value = String(value);
      boxes.push(box);
      controls.push(box);
      return box;
    };
    if (knob.choices) {
      const select = element(
        "select",
        { "aria-label": knob.label, onchange: changed },
        ...knob.choices.map((/** @type {any} */ choice) =>
          element("option", { value: JSON.stringify(choice), text: String(choice) }),
        ),
      );
      select.value = JSON.stringify(knob.usual);
      boxes.push(select);
      controls.push(select);
    } else if (knob.parts) {
      for (const [i, part] of knob.parts.entries()) number(`${knob.label}, ${part}`, knob.usual[i]);
    } else if (knob.usual !== true) {
      const [lowest, highest, step] = knob.slider;
      const slider = element("input", {
        type: "range",
        "aria-label": knob.label,
        "data-live-slider": name,
        min: Math.max(lowest, knob.above ? step : knob.min),
        max: highest,
        step,
        oninput: () => {
          box.value = slider.value;
          changed();
        },
      });
      controls.push(slider);
      const box = number(`${knob.label}, exact value`, knob.usual);
      slider.value = knob.usual;
      box.addEventListener("input", () => {
        slider.value = box.value;
      });
    }
    const set = element("span", { class: "live-values" }, ...controls);
    const node = element(
      "div",
      { class: "live-knob" },
      element("label", { title: knob.help }, on, ` ${knob.label}`),
      set,
    );
    const show = () => {
      set.hidden = !on.checked;
    };
    show();
    const read = () => {
      if (knob.choices) return JSON.parse(boxes[0].value);
      const values = boxes.map((box) => box.valueAsNumber);
      return knob.usual === true ? true : knob.parts ? values : values[0];
    };
    return {
      node,
      get value() {
        return on.checked ? read() : undefined;
      },
      set value(value) {
        on.checked = value !== undefined;
        if (value !== undefined && value !== true) {
          [value].flat().forEach((one, i) => {
            boxes[i].value = knob.choices ? JSON.stringify(one) : one;
          });
          boxes[0].dispatchEvent(new Event("input"));
        } else if (knob.choices && on.checked) boxes[0].value = JSON.stringify(value);
        show();
      },
    };
  }

  /** All controls of a request. `read` gives it, or throws what is wrong with it in one sentence.
   *  @param {() => void} changed */
  function requestControls(changed) {
    const strategy = element(
      "select",
      {
        "data-live-part": "strategy",
        onchange: () => {
          update();
          changed();
        },
      },
      ...Object.entries(STRATEGIES).map(([value, { label }]) =>
        element("option", { value, text: label }),
      ),
    );
    const knobs = Object.fromEntries(
      Object.keys(KNOBS).map((name) => [name, knobControl(name, changed)]),
    );
    const integer = (/** @type {number} */ value, /** @type {string} */ name) => {
      const box = element("input", {
        type: "number",
        min: 0,
        step: 1,
        inputmode: "numeric",
        "data-live-part": name,
        oninput: changed,
      });
      box.value = String(value);
      return box;
    };
    const [most, least] = [integer(60, "length"), integer(0, "least")];
    const seed = element("input", {
      type: "text",
      inputmode: "numeric",
      value: "0",
      "data-live-part": "seed",
      oninput: changed,
    });
    const stops = element("textarea", { rows: 2, "data-live-part": "stops", oninput: changed });
    const list = element(
      "fieldset",
      { class: "live-knobs" },
      element("legend", { text: "Knobs, applied in this order" }),
      ...Object.values(knobs).map((knob) => knob.node),
    );
    const node = element(
      "div",
      { class: "live-request" },
      element(
        "div",
        { class: "live-fields" },
        parts.field("Strategy", strategy),
        parts.field("New tokens", most),
        parts.field("Seed", seed),
      ),
      list,
      element(
        "details",
        {},
        element("summary", { text: "Stop strings, least length" }),
        parts.field("Stop strings", stops, "One a line; \\n stands for the end of a line."),
        parts.field("At least so many tokens", least),
      ),
    );
    function update() {
      const names = STRATEGIES[strategy.value].knobs;
      for (const [name, knob] of Object.entries(knobs)) knob.node.hidden = !names.includes(name);
      list.hidden = !names.length;
    }
    update();
    const unescaped = (/** @type {string} */ text) => text.replace(/\\n/g, "\n");
    return {
      node,
      read() {
        /** @type {Record<string, any>} */
        const given = {};
        for (const name of STRATEGIES[strategy.value].knobs) {
          if (knobs[name].value !== undefined) given[name] = knobs[name].value;
        }
        const request = {
          strategy: strategy.value,
          given,
          max_new_tokens: most.valueAsNumber,
          min_new_tokens: least.valueAsNumber,
          stop: stops.value.split("\n").filter(Boolean).map(unescaped),
          seed: seed.value.trim(),
        };
        checkRequest(request);
        return request;
      },
      /** @param {any} request */
      write(request) {
        strategy.value = request.strategy;
        for (const [name, knob] of Object.entries(knobs)) knob.value = request.given[name];
        most.value = request.max_new_tokens;
        least.value = request.min_new_tokens;
        seed.value = request.seed;
        stops.value = request.stop
          .map((/** @type {string} */ text) => text.replace(/\n/g, "\\n"))
          .join("\n");
        update();
      },
    };
  }

  Object.assign(globalThis.DecodeLive, { requestControls });
})();
