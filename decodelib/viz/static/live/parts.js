// @ts-check
/* Parts that the page's live pieces share: the button that loads the model, fields, and messages. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { model } = live;

  let count = 0;
  /** An id that nothing else on the page has: labels and descriptions point at one. */
  const freshId = () => `live-${++count}`;

  /** A button that loads the model, the progress of that, and what failed.
   *  @param {string} [why] What the model is wanted for. */
  function loader(why = "Nothing has been fetched yet.") {
    const button = element("button", {
      type: "button",
      class: "live-load",
      onclick: () => model.load(),
    });
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Loading the model" });
    const message = element("p", { class: "live-note", role: "status" });
    const node = element(
      "div",
      { class: "live-loader", "data-live-part": "loader" },
      button,
      bar,
      message,
    );
    function update() {
      const { state, loadedBytes, totalBytes } = model;
      node.hidden = state === "ready";
      bar.hidden = state !== "loading";
      bar.value = loadedBytes / totalBytes;
      button.disabled = state === "loading";
      const size = `${Math.round(totalBytes / 1e6)} MB`;
      button.textContent =
        state === "failed"
          ? "Try again"
          : state === "loading"
            ? "Loading …"
            : `Load the model: ${size}`;
      if (state === "none") message.textContent = why;
      if (state === "failed") message.textContent = `The download failed: ${model.failure}.`;
      if (state === "loading") {
        const share = Math.floor((4 * loadedBytes) / totalBytes) / 4; // told at every quarter, not every file
        const text = `${Math.round(100 * share)} percent of ${size} has come.`;
        bar.textContent = `${model.megabytes(loadedBytes)} of ${model.megabytes(totalBytes)}`;
        if (message.textContent !== text) message.textContent = text;
      }
    }
    model.onChange(update);
    update();
    return { node, update };
  }

  /** A label above a control.
   *  @param {string} label
   *  @param {HTMLElement} control
   *  @param {string} [hint] */
  function field(label, control, hint = "") {
    control.id = freshId();
    const parts = [element("label", { for: control.id, text: label }), control];
    if (hint) {
      const id = freshId();
      control.setAttribute("aria-describedby", id);
      parts.push(element("span", { class: "live-hint", id, text: hint }));
    }
    return element("div", { class: "live-field" }, ...parts);
  }

  /** The frame of a piece: its title, and the model's name, since a page's outputs may be another's.
   *  @param {HTMLElement} el
   *  @param {string} title
   *  @param {...HTMLElement} children */
  function frame(el, title, ...children) {
    el.classList.add("dx");
    const root = element(
      "div",
      { class: "dx-root live", role: "group", "aria-label": title },
      element(
        "div",
        { class: "dx-titlebar" },
        element("strong", { class: "dx-title", text: title }),
        element("span", { class: "dx-source", text: "storybook, in this page" }),
      ),
      ...children,
    );
    el.append(root);
    return root;
  }

  const percent = (/** @type {number} */ p) =>
    p >= 0.0995
      ? `${(100 * p).toFixed(0)}%`
      : p >= 0.00095
        ? `${(100 * p).toFixed(1)}%`
        : p === 0
          ? "0"
          : `${(100 * p).toPrecision(1)}%`;

  /** A small table whose first column names its rows.
   *  @param {string[]} columns
   *  @param {(string | number)[][]} rows */
  function numbers(columns, rows) {
    return element(
      "div",
      {
        class: "dx-scroll live-numbers",
        tabindex: "0",
        role: "group",
        "aria-label": columns.join(", "),
      },
      element(
        "table",
        {},
        element(
          "thead",
          {},
          element("tr", {}, ...columns.map((text) => element("th", { scope: "col", text }))),
        ),
        element(
          "tbody",
          {},
          ...rows.map(([name, ...cells]) =>
            element(
              "tr",
              {},
              element("th", { scope: "row", text: name }),
              ...cells.map((text) => element("td", { text })),
            ),
          ),
        ),
      ),
    );
  }

  /** One tab stop for all buttons of a text; the arrow keys walk along them.
   *  @param {HTMLElement} text
   *  @param {HTMLElement[]} buttons They may become more. */
  function walkAlong(text, buttons) {
    text.addEventListener("focusin", (event) => {
      if (!buttons.includes(/** @type {HTMLElement} */ (event.target))) return;
      for (const button of buttons) button.tabIndex = button === event.target ? 0 : -1;
    });
    text.addEventListener("keydown", (event) => {
      const all = buttons.length;
      const steps = new Map(Object.entries({ ArrowRight: 1, ArrowLeft: -1, Home: -all, End: all }));
      const by = steps.get(event.key);
      const at = buttons.indexOf(/** @type {HTMLElement} */ (event.target));
      if (!by || at < 0) return;
      event.preventDefault();
      buttons[Math.min(Math.max(at + by, 0), all - 1)].focus();
    });
  }

  Object.assign(live, { parts: { loader, field, frame, freshId, percent, numbers, walkAlong } });
})();
