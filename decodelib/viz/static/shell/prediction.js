// @ts-check
/* Predict, then reveal: a question that the reader answers before the explorer shows its answer. */
(() => {
  const { element, guess, parts } = globalThis.DecodeExplorer;

  /** @type {Parts["prediction"]} */
  function prediction({ page, answer, depends = [], next = "" }) {
    const { model, data, hidden } = page;
    if (!data.predict) return { node: element("div", { hidden: true }), update() {} };
    const { question, choices } = data.predict;
    const input = choices ? guessAmong(choices) : guessNumber();
    const verdict = element("p", { class: "dx-verdict", tabindex: "-1" });

    /** @param {number | string | null} made */
    function reveal(made) {
      parts.change(model, { prediction: made, revealed: true });
      model.memory?.remember(made);
      verdict.focus();
    }
    function hide() {
      model.memory?.forget();
      parts.change(model, { ...data.initial, prediction: null, revealed: false });
      node.querySelector("input")?.focus();
    }

    const form = element(
      "form",
      {
        class: "dx-predict-form",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const made = input.read();
          if (made !== null) reveal(made);
        },
      },
      input.node,
      element("button", { type: "submit", text: "Reveal" }),
      parts.button("Just show me", () => reveal(null), {
        class: "dx-plain-button",
        "data-dx": "just-show",
      }),
    );
    const again = parts.button("", hide, { class: "dx-plain-button", "data-dx": "forget" });
    const known = element("div", { class: "dx-known" }, verdict, again);
    const node = element(
      "div",
      { class: "dx-predict" },
      element("p", { class: "dx-question", text: question }),
      form,
      known,
    );

    const isMoved = () => depends.some((name) => !isSame(page.get(name), data.initial[name]));
    return {
      node,
      update() {
        form.hidden = !hidden();
        known.hidden = hidden();
        if (hidden()) return;
        const made = page.get("prediction") ?? null;
        const words = [guess.verdict(made, answer(), isMoved()), isMoved() ? "" : next];
        verdict.textContent = words.filter(Boolean).join(" ");
        again.textContent = made === null ? "Hide the answer" : "Forget my prediction";
      },
    };
  }

  /** @type {(a: unknown, b: unknown) => boolean} */
  const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  function guessNumber() {
    const node = element("input", {
      type: "number",
      step: "any",
      required: true,
      "aria-label": "Your prediction",
      "data-dx": "prediction",
      ...parts.SUPPRESS,
    });
    return { node, read: () => (Number.isFinite(node.valueAsNumber) ? node.valueAsNumber : null) };
  }

  /** @param {string[]} choices */
  function guessAmong(choices) {
    /** @type {string | null} */
    let made = null;
    const { node } = parts.choice({
      legend: "Your prediction",
      options: choices.map((label) => ({ value: label, label })),
      get: () => made ?? "",
      set: (value) => {
        made = value;
      },
    });
    for (const radio of node.querySelectorAll("input")) radio.required = true;
    node.dataset.dx = "prediction";
    return { node, read: () => made };
  }

  parts.prediction = prediction;
})();
