// @ts-check
/* The model in the page: finds what wants it, and loads the scripts that it needs, and only then.
 *
 *   <div data-live="playground"></div>   is filled by the renderer that registers as "playground".
 *
 * Nothing is loaded on a page without such an element, and the weights never before the reader asks. */
(() => {
  const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const BASE = here.replace(/start\.js.*$/, "");
  const COMMON = ["model/engine.js", "client.js", "parts.js"];
  const GAME = ["game-play.js", "game.js"];

  /** What each piece needs besides, in loading order.
   *  @type {Record<string, string[]>} */
  const PIECES = {
    playground: ["knobs.js", "tokens.js", "runs.js", "next.js", "playground.js"],
    speed: ["speed.js"],
    opening: ["tokens.js", "opening.js"],
    line: ["line-sources.js", "line-view.js", "line.js"],
    get own() {
      const { ownKinds } = globalThis.DecodeExplorer.parts;
      return ["own.js", ...ownKinds.map((kind) => `own-${kind}.js`)];
    },
    shannon: [...GAME, "game-bet.js", "game-shannon.js"],
    strategy: [...GAME, "game-bet.js", "game-strategy.js"],
    watermark: [...GAME, "marked-text.js", "game-watermark.js"],
  };

  /** @type {Record<string, (el: HTMLElement) => void>} */
  const renderers = {};

  /** Load one script; the promise fails where it could not be loaded.
   *  @param {string} name Relative to this script.
   *  @returns {Promise<void>} */
  function loadScript(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = BASE + name;
      script.async = false;
      script.onload = () => {
        script.remove();
        resolve();
      };
      script.onerror = () => {
        script.remove();
        reject(new Error(`${name} could not be loaded`));
      };
      document.head.append(script);
    });
  }

  /** What a script that was loaded hands over, by its name.
   *  @type {Map<string, any>} */
  const received = new Map();

  globalThis.DecodeLive = {
    loadScript,
    received,
    ready,
    receive: (/** @type {string} */ name, /** @type {any} */ content) =>
      received.set(name, content),
    register: (/** @type {string} */ name, /** @type {(el: HTMLElement) => void} */ render) => {
      renderers[name] = render;
    },
    mount,
  };

  /** Fill an element that is marked with data-live.
   *  @param {HTMLElement} el */
  function mount(el) {
    el.replaceChildren();
    renderers[/** @type {string} */ (el.dataset.live)](el);
  }

  /** @type {Map<string, Promise<void>>} */
  const loading = new Map();

  /** Load a script unless it has come or is coming; a failed attempt can be made again.
   *  @param {string} name */
  function loadOnce(name) {
    const begun = loading.get(name) ?? loadScript(name);
    loading.set(name, begun);
    begun.catch(() => loading.delete(name));
    return begun;
  }

  let isStyled = false;

  /** Load what some pieces need.
   *  @param {...string} pieces */
  function ready(...pieces) {
    if (!isStyled) {
      const style = document.createElement("link");
      style.rel = "stylesheet";
      style.href = `${BASE}live.css`;
      document.head.append(style);
      isStyled = true;
    }
    return Promise.all([...COMMON, ...pieces.flatMap((piece) => PIECES[piece])].map(loadOnce));
  }

  async function start() {
    /** @type {HTMLElement[]} */
    const elements = Array.from(document.querySelectorAll("[data-live]"));
    if (!elements.length) return;
    try {
      await ready(...elements.map((el) => String(el.dataset.live)));
    } catch (error) {
      for (const el of elements)
        el.textContent = `This part of the page did not load: ${/** @type {Error} */ (error).message}.`;
      return;
    }
    elements.forEach(mount);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
