// @ts-check
/* The shell that all explorers share: one source for JupyterLab and for the built page.
 *
 *   JupyterLab: anywidget gets these files concatenated, plus "export default" of the one global.
 *   The page:   plain scripts, in the order of manifest.json; each
 *               <div class="dx" data-dx-kind="..." data-dx='{json}'> is brought alive in place.
 *
 * An explorer registers a renderer under its kind; the renderer gets a model (get, set, on, off,
 * save_changes: anywidget's, or the local one below) and an element, and returns a clean-up.
 * No imports, no ids, no network. */
(() => {
  const { links, memory } = globalThis.DecodeExplorer;

  /** @type {Map<string, Renderer>} */
  const renderers = new Map();

  /** The explorers that a link can name, by slug. @type {Map<string, { model: Model, el: HTMLElement }>} */
  const linked = new Map();

  // A module, which is what anywidget makes of this file, is never the current script.
  const onPage = typeof document !== "undefined" && document.currentScript !== null;

  /** The part of anywidget's model that renderers use, for pages without a kernel.
   * @type {Shell["localModel"]} */
  function localModel(state) {
    const values = new Map(Object.entries(state));
    /** @type {Map<string, Array<() => void>>} */
    const listeners = new Map();
    const heard = (/** @type {string} */ event) => listeners.get(event) ?? [];
    return {
      get: (name) => values.get(name),
      set(name, value) {
        if (values.get(name) === value) return;
        values.set(name, value);
        for (const listener of heard(`change:${name}`)) listener();
      },
      save_changes() {},
      on: (event, listener) => void listeners.set(event, [...heard(event), listener]),
      off: (event, listener) =>
        void listeners.set(
          event,
          heard(event).filter((other) => other !== listener),
        ),
    };
  }

  /** @type {Shell["render"]} */
  function render({ model, el }) {
    const renderer = renderers.get(model.get("kind"));
    el.classList.add("dx");
    el.replaceChildren();
    return renderer?.({ model, el });
  }

  /** @param {HTMLElement} el */
  function hydrate(el) {
    const kind = el.dataset.dxKind ?? "";
    if (el.dataset.dxAlive || !renderers.has(kind)) return;
    const model = localModel({ ...JSON.parse(el.dataset.dx ?? "{}"), kind });
    el.dataset.dxAlive = "1";
    if (onPage) connect(model, el);
    render({ model, el });
    // What needs more than the column of text takes the margin beside it, as the theme lets it.
    if (el.classList.contains("dx-wide")) el.closest(".cell_output")?.classList.add("full-width");
  }

  /** Give an explorer of a page its link and its memory.
   * @param {Model} model
   * @param {HTMLElement} el */
  function connect(model, el) {
    const slug = links.slugOf(model.get("title"), (taken) => linked.has(taken));
    const { initial, predict } = model.get("data");
    linked.set(slug, { model, el });
    model.link = () => {
      const isShown =
        Boolean(predict) && (model.get("revealed") || model.get("prediction") !== null);
      return `${location.href.split("#")[0]}#${links.write(slug, initial, model.get, isShown)}`;
    };
    if (!predict) return;
    model.memory = memory.of(location.pathname, slug, predict.question);
    const kept = model.memory.recall();
    if (!kept || (predict.choices && kept.guess !== null && !predict.choices.includes(kept.guess)))
      return;
    model.set("prediction", kept.guess);
    model.set("revealed", true);
  }

  function hydrateAll() {
    for (const el of document.querySelectorAll(".dx[data-dx]"))
      hydrate(/** @type {HTMLElement} */ (el));
  }

  /** Move the explorer that the address names to the settings it gives, and show and return it.
   * A link shows what it was copied from: the answer too, where that was already known.
   * @param {ScrollBehavior} behavior */
  function followLink(behavior) {
    const fragment = location.hash.slice(1);
    const target = linked.get(links.target(fragment) ?? "");
    if (!target) return null;
    const { model, el } = target;
    const { initial, limits, predict } = model.get("data");
    const { settings, isShown } = links.read(fragment, initial, limits);
    for (const [name, value] of Object.entries(settings)) model.set(name, value);
    if (isShown && predict) model.set("revealed", true);
    model.save_changes();
    el.scrollIntoView({ behavior, block: "start" });
    el.tabIndex = -1;
    el.focus({ preventScroll: true });
    return el;
  }

  function start() {
    hydrateAll();
    if (!onPage) return;
    const shown = followLink("instant");
    // What loads later, such as fonts, moves what is below it.
    if (shown) addEventListener("load", () => shown.scrollIntoView({ behavior: "instant" }));
    addEventListener("hashchange", () => {
      followLink(matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");
    });
  }

  Object.assign(globalThis.DecodeExplorer, {
    register: (/** @type {string} */ kind, /** @type {Renderer} */ renderer) => {
      renderers.set(kind, renderer);
    },
    render,
    hydrateAll,
    localModel,
  });

  if (typeof document === "undefined") return;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else setTimeout(start);
})();
