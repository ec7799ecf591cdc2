// @ts-check
/* What every explorer does: read its settings, put its views on the page, and update them. */
(() => {
  const { element, announcer, parts, register } = globalThis.DecodeExplorer;

  /** Register an explorer. `create` gets a page and returns its views in reading order; `look`,
   * where given, reads the settings before every update, and `stop` ends what still runs.
   * @type {Parts["explorer"]} */
  function explorer(kind, settings, create) {
    register(kind, ({ model, el }) => {
      const live = element("p", { class: "dx-live", "aria-live": "polite", "data-dx": "live" });
      const tell = announcer(live);
      let isPlaced = false;
      /** @type {AnyPage} */
      const page = {
        model,
        el,
        get data() {
          return model.get("data"); // a kernel may replace it
        },
        get: model.get.bind(model),
        set: (values) => parts.change(model, values),
        hidden: () => isHidden(model),
        announce: (message) => {
          if (isPlaced) tell(message);
        },
        update: () => update(),
      };
      const { views, look, stop, isWide = false } = create(page);
      const own = parts.own(kind, page);
      if (own) views.push(own);
      el.classList.toggle("dx-wide", isWide);
      el.append(
        element(
          "div",
          {
            class: "dx-root",
            role: "group",
            "aria-label": model.get("title"),
            ...parts.SUPPRESS,
          },
          ...views.map(({ node }) => node),
          live,
        ),
      );

      function update() {
        look?.();
        for (const view of views) view.update();
      }
      update();
      isPlaced = true;
      const events = [...settings, "prediction", "revealed"].map((name) => `change:${name}`);
      for (const event of events) model.on(event, update);
      return () => {
        stop?.();
        own?.stop?.();
        for (const event of events) model.off(event, update);
      };
    });
  }

  /** Whether the answer is held back until the reader predicts it, or asks to be shown it.
   * @param {Model} model */
  const isHidden = (model) =>
    Boolean(model.get("data").predict) &&
    (model.get("prediction") ?? null) === null &&
    !model.get("revealed");

  /** The title, where the data comes from, and what else stands at the top.
   * @type {Parts["header"]} */
  function header({ page, source, below = [] }) {
    const origin = element("span", { class: "dx-source" });
    const title = element("strong", { class: "dx-title", text: page.get("title") });
    const node = element(
      "div",
      { class: "dx-header" },
      element("div", { class: "dx-titlebar" }, title, origin),
      ...below,
    );
    return {
      node,
      update() {
        const { model } = page.data;
        origin.textContent = (model ? `${model}, ` : "") + source();
      },
    };
  }

  /** A line that never changes.
   * @type {Parts["note"]} */
  const note = (text) => ({ node: element("p", { class: "dx-rest", text }), update() {} });

  Object.assign(parts, { explorer, header, note });
})();
