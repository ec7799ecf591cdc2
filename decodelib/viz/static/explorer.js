/* The shell that all explorers share: one source for JupyterLab and for the built page.
 *
 *   JupyterLab: anywidget gets these files concatenated, plus "export default" of the one global.
 *   The page:   Sphinx loads them as plain scripts, this one first; each
 *               <div class="dx" data-dx-kind="..." data-dx='{json}'> is brought alive in place.
 *
 * An explorer registers a renderer under its kind; the renderer gets a model (get, set, on, off,
 * save_changes: anywidget's, or the local one below) and an element, and returns a clean-up.
 * No imports, no ids, no network. */
(function () {
  "use strict";

  const renderers = {};

  /** element("p", { class: "note", text: "..." , onclick: f }, child, ...) */
  function element(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  /** The part of anywidget's model that renderers use, for pages without a kernel. */
  function localModel(state) {
    const listeners = {};
    const values = { ...state };
    return {
      get: (key) => values[key],
      set(key, value) {
        if (values[key] === value) return;
        values[key] = value;
        (listeners["change:" + key] || []).forEach((listener) => listener());
      },
      save_changes() {},
      on(event, listener) { (listeners[event] ||= []).push(listener); },
      off(event, listener) { listeners[event] = (listeners[event] || []).filter((l) => l !== listener); },
    };
  }

  /** Whitespace made visible, so that " the" and "the" look different. */
  function showToken(token) {
    if (token === "") return "∅";
    return token.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/\r/g, "␍");
  }

  function showProbability(p) {
    if (p === 0) return "0";
    return p >= 0.00005 ? p.toFixed(4) : p.toExponential(0);
  }

  const showCount = (n) => n.toLocaleString("en-US");

  /** Copy, and say so on the button; where the clipboard is out of reach, select the text. */
  async function copyText(text, source, button) {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  }

  /** A polite live region that waits for the reader to pause, so a moving slider is not read aloud. */
  function announcer(node) {
    let timer = null;
    return (message) => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (node.textContent !== message) node.textContent = message; }, 400);
    };
  }

  function render({ model, el }) {
    const renderer = renderers[model.get("kind")];
    el.classList.add("dx");
    el.replaceChildren();
    return renderer({ model, el });
  }

  function hydrate(el) {
    if (el.dataset.dxAlive || !renderers[el.dataset.dxKind]) return;
    const state = JSON.parse(el.dataset.dx);
    el.dataset.dxAlive = "1";
    render({ model: localModel({ ...state, kind: el.dataset.dxKind }), el });
  }

  function hydrateAll() {
    document.querySelectorAll(".dx[data-dx]").forEach(hydrate);
  }

  globalThis.DecodeExplorer = {
    register: (kind, renderer) => { renderers[kind] = renderer; },
    render, hydrateAll, localModel,
    element, showToken, showProbability, showCount, copyText, announcer,
  };

  if (typeof document === "undefined") return;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", hydrateAll);
  else setTimeout(hydrateAll);
})();
