// @ts-check
/* What is below the chart: the numbers as a table, the settings as code and as a link. */
(() => {
  const { element, copyText, parts } = globalThis.DecodeExplorer;

  /** A table behind a disclosure, made only while it is open: most readers never open it.
   * @type {Parts["table"]} */
  function table({ summary, columns, rows, rowHeader = 0 }) {
    const body = element("tbody");
    const heads = columns.map((text) => element("th", { scope: "col", text }));
    const node = element(
      "details",
      { class: "dx-table", ontoggle: () => view.update() },
      element("summary", { text: summary }),
      element(
        "div",
        { class: "dx-scroll", tabindex: "0", role: "group", "aria-label": summary },
        element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body),
      ),
    );
    /** @type {(content: string | number, column: number) => HTMLElement} */
    const cell = (content, column) =>
      column === rowHeader
        ? element("th", { scope: "row" }, String(content))
        : element("td", {}, String(content));
    const view = {
      node,
      update() {
        if (!node.open) return;
        body.replaceChildren(...rows().map((cells) => element("tr", {}, ...cells.map(cell))));
      },
    };
    return view;
  }

  /** The imports that Python source made by decodelib needs.
   * @type {Parts["imports"]} */
  const imports = (source) =>
    source.includes("first_layers(")
      ? ["import decodelib as dl", "from decodelib.models.gpt2.early_exit import first_layers"]
      : ["import decodelib as dl"];

  /** Python source that loads the model of the data; null for a table.
   * @type {Parts["loadOf"]} */
  const loadOf = ({ load, model }) =>
    load ?? (model === null ? null : `dl.load(${JSON.stringify(model)})`);

  /** The current settings as Python source and, on a page, as a link that opens it with them.
   * @type {Parts["sharing"]} */
  function sharing({ model, code }) {
    const source = element("pre", { tabindex: "0", role: "group", "aria-label": "decodelib code" });
    const details = element(
      "details",
      {},
      element("summary", { text: "These settings in decodelib" }),
      source,
    );
    const copy = parts.button("Copy as decodelib code", () => {
      details.open = true;
      copyText(source.textContent ?? "", source, copy);
    });
    const link = model.link ? linking(model.link) : { nodes: [], update() {} };
    const node = element(
      "div",
      { class: "dx-code" },
      details,
      element("div", { class: "dx-buttons" }, copy, ...link.nodes),
    );
    return {
      node,
      update() {
        source.textContent = code();
        link.update();
      },
    };
  }

  /** @param {() => string} write */
  function linking(write) {
    const address = element("code", { class: "dx-link", "data-dx": "link", hidden: true });
    const button = parts.button("Copy link", () => {
      const link = write();
      address.textContent = link;
      address.hidden = false; // to copy by hand where the clipboard is out of reach
      copyText(link, address, button);
    });
    return {
      nodes: [button, address],
      update() {
        address.hidden = true;
      },
    };
  }

  Object.assign(parts, { table, imports, loadOf, sharing });
})();
