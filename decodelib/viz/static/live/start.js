// @ts-check
/* The model in the page: finds what wants it, and loads the scripts that it needs, and only then.
 *
 *   <div data-live="playground"></div>   is filled by the renderer that registers as "playground".
 *
 * Nothing is loaded on a page without such an element, and the weights never before the reader asks. */
(() => {
  const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const BASE = here.replace(/start\.js.*$/, "");
  const SCRIPTS = [
    "model/engine.js",
    "client.js",
    "parts.js",
    "knobs.js",
    "tokens.js",
    "runs.js",
    "next.js",
    "playground.js",
    "speed.js",
    "opening.js",
    "line-sources.js",
    "line-view.js",
    "line.js",
    "own.js",
    "own-distribution.js",
    "own-player.js",
    "own-beams.js",
    "own-entropy.js",
    "own-race.js",
    "own-votes.js",
    "game.js",
    "game-shannon.js",
    "game-strategy.js",
  ];

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

  /** @type {Promise<any> | null} */
  let loading = null;

  /** Load what all live pieces need, once; a failed attempt can be made again.
   *  @returns {Promise<any>} */
  function ready() {
    if (!loading) {
      const style = document.createElement("link");
      style.rel = "stylesheet";
      style.href = `${BASE}live.css`;
      document.head.append(style);
      loading = Promise.all(SCRIPTS.map(loadScript));
      loading.catch(() => {
        loading = null;
      });
    }
    return loading;
  }

  async function start() {
    /** @type {HTMLElement[]} */
    const elements = Array.from(document.querySelectorAll("[data-live]"));
    if (!elements.length) return;
    try {
      await ready();
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
