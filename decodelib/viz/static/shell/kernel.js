// @ts-check
/* The reader's own prompt where a kernel runs: Python computes an explorer of the same kind on the same
 * model, and it is shown below the one that asked. */
(() => {
  const { element, localModel, render, parts } = globalThis.DecodeExplorer;

  /** @type {Parts["kernel"]} */
  function kernel(kind, { model }) {
    /** @type {OwnForm | undefined} */
    const asks = model.get("own");
    if (typeof model.send !== "function" || !asks?.fields) return null;
    const form = formOf(asks, ask);
    const status = element("p", { class: "dx-rest", role: "status", "data-dx": "own-status" });
    const trouble = element("p", { class: "dx-rest", role: "alert", "data-dx": "own-trouble" });
    const result = element("div", { "data-dx": "own-result" });
    const place = element("div", { hidden: true }, form.node, status, trouble, result);
    const button = parts.button(
      "Your own prompt",
      () => {
        const opens = place.hidden;
        place.hidden = !opens;
        button.setAttribute("aria-expanded", String(opens));
      },
      { class: "dx-own-open", "aria-expanded": "false", "data-dx": "own" },
    );
    /** @type {(() => void) | undefined} */
    let forget;

    /** @param {Record<string, unknown>} asked */
    function ask(asked) {
      form.wait(true);
      trouble.textContent = "";
      status.textContent = "The kernel computes …";
      parts.change(model, { answered: {}, asked });
    }
    function show() {
      const { state, message } = model.get("answered") ?? {};
      if (!state && !message) return; // the last answer is taken away before the next question
      form.wait(false);
      status.textContent = "";
      trouble.textContent = message ?? "";
      if (!state) return;
      forget?.();
      forget = render({ model: localModel({ revealed: false, ...state, kind }), el: result });
    }
    model.on("change:answered", show);
    return {
      node: element("div", { class: "dx-own" }, button, place),
      update() {},
      stop() {
        model.off("change:answered", show);
        forget?.();
      },
    };
  }

  /** @param {OwnForm} asks
   *  @param {(asked: Record<string, unknown>) => void} ask */
  function formOf({ label, prompt, fields }, ask) {
    const text = element("textarea", {
      rows: 2,
      spellcheck: "false",
      "data-dx": "own-prompt",
      ...parts.SUPPRESS,
    });
    text.value = prompt;
    const boxes = Object.entries(fields).map(([name, { value, low, high }]) => {
      const box = element("input", {
        type: "number",
        min: low,
        max: high,
        step: 1,
        "data-dx": `own-${name}`,
        ...parts.SUPPRESS,
      });
      box.value = String(value);
      return /** @type {const} */ ([name, box]);
    });
    const go = element("button", { type: "submit", text: "Show it", "data-dx": "own-go" });
    const node = element(
      "form",
      {
        class: "dx-own-form",
        novalidate: true, // what is wrong is said below the form, by Python
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const numbers = boxes.map(([name, box]) => [name, box.valueAsNumber]);
          if (!go.disabled) ask({ prompt: text.value, ...Object.fromEntries(numbers) });
        },
      },
      element("label", {}, label, text),
      ...boxes.map(([name, box]) => element("label", {}, fields[name].label, box)),
      go,
    );
    return {
      node,
      wait: (/** @type {boolean} */ isWaiting) => {
        go.disabled = isWaiting;
      },
    };
  }

  Object.assign(parts, { kernel });
})();
