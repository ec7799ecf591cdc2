// @ts-check
/* The playground: a prompt, a strategy with all its knobs, what may come next, and the runs. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { model } = live;

  const PROMPT = "The old lighthouse keeper";

  /** @param {HTMLElement} el */
  function render(el) {
    const prompt = element("textarea", {
      rows: 2,
      spellcheck: "false",
      "data-live-part": "prompt",
      oninput: () => {
        start = { prompt: prompt.value, shown: prompt.value };
        lookSoon();
      },
    });
    prompt.value = PROMPT;
    /** @type {{prompt?: string, ids?: number[], shown: string}} */
    let start = { prompt: PROMPT, shown: PROMPT };
    const trouble = element("p", { class: "live-trouble", role: "alert" });
    const next = live.nextTokens(() => controls.read());
    const controls = live.requestControls(() => {
      trouble.textContent = "";
      next.update();
    });
    controls.write({
      strategy: "sampling",
      given: { temperature: 0.8, top_p: 0.9 },
      max_new_tokens: 60,
      min_new_tokens: 0,
      stop: [],
      seed: "0",
    });
    const history = element("div", { class: "live-history", "data-live-part": "history" });
    const loader = live.parts.loader(
      "Nothing has been fetched yet. The model comes once, stays in this page, and sends nothing anywhere.",
    );
    const generate = element("button", { type: "submit", class: "live-go", text: "Generate" });
    const form = element(
      "form",
      {
        class: "live-form",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          run(start, null);
        },
      },
      live.parts.field("Prompt", prompt),
      controls.node,
      generate,
      trouble,
    );
    live.parts.frame(el, "Playground", loader.node, form, next.node, history);

    /** Continue something with the controls' request, or with a given one.
     *  @param {any} from
     *  @param {any} given */
    function run(from, given) {
      if (model.state !== "ready") {
        trouble.textContent = "Load the model first.";
        return;
      }
      let request;
      try {
        request = given ?? controls.read();
      } catch (error) {
        trouble.textContent = `${/** @type {Error} */ (error).message}.`;
        return;
      }
      trouble.textContent = "";
      const card = live.runCard(from, request, { branch: run, remove: () => generate.focus() });
      history.prepend(card.node);
      card.go();
    }

    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    function lookSoon() {
      clearTimeout(timer);
      if (model.state === "ready") timer = setTimeout(look, 250);
    }

    /** Ask what may come after the prompt, unless a run is going on, which it would end. */
    async function look() {
      if (model.isBusy) return lookSoon();
      try {
        const question = start.ids ? { ids: start.ids } : { prompt: start.prompt };
        const found = await model.ask({ type: "next", top: 10, ...question });
        if (found) next.show(found);
        trouble.textContent = "";
      } catch (error) {
        next.show(null);
        trouble.textContent = `${/** @type {Error} */ (error).message}.`;
      }
    }

    let fromLink = follow();
    function follow() {
      const given = live.linked();
      if (!given) return null;
      start = given.start;
      prompt.value = start.shown;
      controls.write(given.request);
      return given;
    }
    addEventListener("hashchange", () => {
      if (follow() && model.state === "ready") run(start, null);
    });
    let wasReady = false;
    model.onChange(() => {
      generate.disabled = model.state !== "ready";
      if (model.state !== "ready" || wasReady) return;
      wasReady = true;
      // A link names a run, so once the reader has asked for the model, it is shown.
      if (fromLink) run(fromLink.start, fromLink.request);
      fromLink = null;
      look();
    });
    generate.disabled = model.state !== "ready";
  }

  live.register("playground", render);
})();
