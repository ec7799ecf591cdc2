// @ts-check
/* Nodes of a page. This script comes first: it makes the one global that all others add to. */
(() => {
  /** @type {Shell["element"]} */
  function element(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "text") node.textContent = String(value);
      else if (typeof value === "function") {
        node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
      } else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null) node.setAttribute(name, String(value));
    }
    node.append(...children);
    return node;
  }

  /** @type {Shell["svg"]} */
  function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    node.append(...children);
    return node;
  }

  /** @type {Shell["copyText"]} */
  async function copyText(text, source, button) {
    button.dataset.label ||= button.textContent ?? "";
    const label = button.dataset.label;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(source);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  }

  /** @type {Shell["announcer"]} */
  function announcer(node) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    return (message) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (node.textContent !== message) node.textContent = message;
      }, 400);
    };
  }

  // The engine of the book's pages may have made it already.
  globalThis.DecodeExplorer ||= /** @type {Shell} */ ({});
  Object.assign(globalThis.DecodeExplorer, { element, svg, copyText, announcer });
})();
