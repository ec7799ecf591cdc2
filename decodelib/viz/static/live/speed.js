// @ts-check
/* The reader's own speed: how long this browser takes for one token. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { model } = live;

  const CONTEXTS = [16, 128, 500];
  const COUNT = 15;

  /** @param {HTMLElement} el */
  function render(el) {
    const body = element("tbody");
    const message = element("p", { class: "live-note", role: "status" });
    const button = element("button", {
      type: "button",
      text: "Measure this browser",
      "data-live-part": "measure",
      onclick: measure,
    });
    const table = element(
      "table",
      { hidden: true },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...["tokens before it", "milliseconds a token", "tokens a second"].map((name) =>
            element("th", { scope: "col", text: name }),
          ),
        ),
      ),
      body,
    );
    live.parts.frame(
      el,
      "What a token costs here",
      live.parts.loader("The measurement needs the model.").node,
      button,
      message,
      element("div", { class: "dx-scroll" }, table),
    );

    async function measure() {
      button.disabled = true;
      body.replaceChildren();
      for (const context of CONTEXTS) {
        message.textContent = `Reading ${context} tokens and then timing ${COUNT} more …`;
        const found = await model.ask({ type: "speed", context, count: COUNT });
        if (!found) {
          message.textContent = "Stopped: another piece of this page asked the model.";
          break;
        }
        table.hidden = false;
        const time = found.times.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b)[
          COUNT >> 1
        ];
        body.append(
          element(
            "tr",
            {},
            element("th", { scope: "row", text: String(context) }),
            element("td", { text: time.toFixed(1) }),
            element("td", { text: (1000 / time).toFixed(0) }),
          ),
        );
        message.textContent = `The median of ${COUNT} tokens each, in one worker, on one core.`;
      }
      button.disabled = false;
    }

    const update = () => {
      button.disabled = model.state !== "ready";
    };
    model.onChange(update);
    update();
  }

  live.register("speed", render);
})();
