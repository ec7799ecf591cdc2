// @ts-check
/* The front page's opening: one sentence to continue, one slider, and the text that follows. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { model } = live;

  /** @param {HTMLElement} el */
  function render(el) {
    let seed = 0;
    const prompt = element("input", {
      type: "text",
      spellcheck: "false",
      "data-live-part": "prompt",
      value: el.dataset.prompt ?? "The old lighthouse keeper",
    });
    const slider = element("input", {
      type: "range",
      min: 0,
      max: 2,
      step: 0.05,
      value: 0.8,
      "data-live-part": "temperature",
      oninput: () => {
        show();
        goSoon();
      },
    });
    const said = element("output", { class: "live-number" });
    const text = element("p", {
      class: "live-text live-opening",
      "aria-live": "off",
      "data-live-part": "text",
    });
    const message = element("p", { class: "live-note", role: "status" });
    const button = element("button", { type: "submit", class: "live-go", text: "Continue it" });
    const again = element("button", {
      type: "button",
      text: "Another draw",
      onclick: () => {
        seed++;
        go();
      },
    });
    const temperature = live.parts.field("Temperature", slider);
    temperature.append(said);
    const form = element(
      "form",
      {
        class: "live-form",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          if (model.state === "ready") go();
          else wanted = true;
          model.load();
        },
      },
      live.parts.field("A sentence to continue", prompt),
      temperature,
      element("div", { class: "dx-buttons" }, button, again),
    );
    const loader = live.parts.loader();
    loader.node.querySelector("button")?.remove(); // the form's own button loads it, and tries again
    live.parts.frame(el, "Continue a sentence", form, loader.node, text, message);

    const show = () => {
      const value = slider.valueAsNumber;
      said.textContent = value === 0 ? "0: always the most probable token" : value.toFixed(2);
      slider.setAttribute("aria-valuetext", said.textContent);
    };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const goSoon = () => {
      clearTimeout(timer);
      if (model.state === "ready") timer = setTimeout(go, 150);
    };

    async function go() {
      clearTimeout(timer);
      text.replaceChildren(element("span", { class: "live-prompt", text: prompt.value }));
      message.textContent = "";
      let count = 0;
      const request = {
        strategy: "sampling",
        given: { temperature: slider.valueAsNumber },
        max_new_tokens: 40,
        min_new_tokens: 0,
        stop: [],
        seed: String(seed),
      };
      try {
        const end = await model.ask(
          { type: "generate", prompt: prompt.value, request },
          {
            onStep: (/** @type {any} */ step) => {
              count++;
              const p = Math.exp(step.logprob);
              text.append(
                element("span", {
                  class: `live-p${live.level(p)}`,
                  text: step.text,
                  title: live.parts.percent(p),
                }),
              );
            },
          },
        );
        if (end)
          message.textContent = `${count} tokens at temperature ${slider.valueAsNumber}, seed ${seed}: ${text.textContent}`;
      } catch (error) {
        message.textContent = `${/** @type {Error} */ (error).message}.`;
      }
    }

    let wanted = false;
    const update = () => {
      again.disabled = model.state !== "ready";
      const size = `${Math.round(model.totalBytes / 1e6)} MB`;
      button.textContent =
        model.state === "none" ? `Load the model (${size}) and continue it` : "Continue it";
      loader.node.hidden = model.state !== "loading" && model.state !== "failed";
      if (model.state === "ready" && wanted) {
        wanted = false;
        go();
      }
    };
    model.onChange(update);
    update();
    show();
  }

  live.register("opening", render);
})();
