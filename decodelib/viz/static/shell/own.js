// @ts-check
/* The door to the reader's own prompt: a button at the end of every explorer of a page that can run the
 * model itself. Such a page says where the model's scripts are, beside those of the explorers:
 *
 *   <script src="explorers.js" data-dx-live="live/start.js"></script>
 *
 * They are loaded when the reader opens the first door of a page, and the model's weights only later,
 * when asked for. Where a kernel runs, it answers for its own model: see kernel.js. */
(() => {
  const { element, parts } = globalThis.DecodeExplorer;

  const KINDS = Object.freeze([
    "distribution",
    "player",
    "beams",
    "entropy",
    "race",
    "votes",
    "mass",
    "watermark",
  ]); // live/own-KIND.js each

  const script =
    typeof document === "undefined"
      ? null
      : /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const address = script?.dataset.dxLive ? new URL(script.dataset.dxLive, script.src).href : null;

  /** @type {Promise<void> | null} */
  let loading = null;

  /** Load the live pieces of the page, once. */
  function loadLive() {
    loading ||= (globalThis.DecodeLive ? Promise.resolve() : loadScript())
      .then(() => globalThis.DecodeLive.ready("own"))
      .catch((error) => {
        loading = null; // the next reader to press the button tries again
        throw error;
      });
    return loading;
  }

  /** @returns {Promise<void>} */
  function loadScript() {
    return new Promise((resolve, reject) => {
      const live = document.createElement("script");
      live.src = String(address);
      live.onload = () => resolve();
      live.onerror = () => reject(new Error("the page's scripts could not be loaded"));
      document.head.append(live);
    });
  }

  /** @type {Parts["own"]} */
  function own(kind, page) {
    return parts.kernel(kind, page) ?? onPage(kind, page);
  }

  /** @type {Parts["own"]} */
  function onPage(kind, { model }) {
    if (!address || !model.link || !KINDS.includes(kind)) return null;
    const place = element("div", { class: "dx-own-place", hidden: true });
    const trouble = element("p", { class: "dx-rest", role: "alert" });
    let isFilled = false;
    const button = parts.button("Your own prompt", toggle, {
      class: "dx-own-open",
      "aria-expanded": "false",
      "data-dx": "own",
    });

    async function toggle() {
      const opens = button.getAttribute("aria-expanded") === "false";
      button.setAttribute("aria-expanded", String(opens));
      place.hidden = !opens;
      if (!opens || isFilled) return;
      isFilled = true;
      trouble.textContent = "";
      try {
        await loadLive();
        globalThis.DecodeLive.own(place, { kind, recorded: model });
      } catch (error) {
        isFilled = false;
        trouble.textContent = `This did not open: ${/** @type {Error} */ (error).message}.`;
      }
    }
    return { node: element("div", { class: "dx-own" }, button, trouble, place), update() {} };
  }

  Object.assign(parts, { own, ownKinds: KINDS });
})();
