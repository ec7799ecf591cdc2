// @ts-check
/* One run of a strategy, shown as it comes, with its link and its cell; and the history of all. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, copyText } = globalThis.DecodeExplorer;
  const { strategySource, cellSource } = globalThis.DecodeEngine;

  /** @typedef {object} Start What a run continues: a prompt, or token ids where one was branched.
   *  @property {string} [prompt]
   *  @property {number[]} [ids]
   *  @property {string} shown */

  /** The address that opens the page with a run's settings.
   *  @param {Start} start
   *  @param {any} request */
  function linkTo({ prompt, ids, shown }, request) {
    const what = { ...(ids ? { ids, shown } : { prompt }), ...request };
    return `${location.href.split("#")[0]}#live=${encodeURIComponent(JSON.stringify(what))}`;
  }

  /** What the address asks for, or null.
   *  @returns {{start: Start, request: any} | null} */
  function linked() {
    const match = /^#live=(.*)$/.exec(location.hash);
    if (!match) return null;
    try {
      const { prompt, ids, shown, ...request } = JSON.parse(decodeURIComponent(match[1]));
      const given = request.given ?? {};
      globalThis.DecodeEngine.checkRequest({ ...request, given });
      const isText = typeof prompt === "string";
      const areIds =
        Array.isArray(ids) &&
        ids.length > 0 &&
        ids.every((id) => Number.isInteger(id) && id >= 0 && id < 8192);
      if (!isText && !areIds) return null;
      return {
        start: isText ? { prompt, shown: prompt } : { ids, shown: String(shown) },
        request: { ...request, given },
      };
    } catch {
      return null;
    }
  }

  /** @param {Start} start
   *  @param {any} request
   *  @param {{branch: (start: Start, request: any) => void, remove: () => void}} actions */
  function runCard(start, request, { branch, remove }) {
    /** @type {number[]} */
    let promptIds = [];
    let finishReason = "";
    const status = element("p", {
      class: "live-note",
      role: "status",
      text: "Reading the prompt …",
    });
    const tokens = live.tokenText((/** @type {number} */ place, /** @type {number} */ id) => {
      if (finishReason === "") live.model.stop();
      const before = tokens.steps.slice(0, place);
      const token = tokens.steps[place].candidates.find(
        (/** @type {any} */ c) => c.id === id,
      ).token;
      const shown =
        start.shown + before.map((/** @type {any} */ step) => step.text).join("") + token;
      const ids = [...promptIds, ...before.map((/** @type {any} */ step) => step.tokenId), id];
      branch(
        { ids, shown },
        {
          ...request,
          max_new_tokens: Math.max(1, request.max_new_tokens - place - 1),
          min_new_tokens: 0,
        },
      );
    });
    const run = () => ({ ...start, request, text: tokens.text, finishReason });
    const code = element("pre", { tabindex: "0", role: "group", "aria-label": "decodelib cell" });
    const link = element("code", { class: "dx-link", hidden: true });
    const details = element(
      "details",
      {},
      element("summary", { text: "The same in decodelib" }),
      code,
    );
    const copyCell = element("button", {
      type: "button",
      text: "Copy cell",
      "data-live-part": "copy-cell",
      onclick: () => {
        details.open = true;
        copyText(code.textContent, code, copyCell);
      },
    });
    const copyLink = element("button", {
      type: "button",
      text: "Copy link",
      "data-live-part": "copy-link",
      onclick: () => {
        link.textContent = linkTo(start, request);
        link.hidden = false;
        copyText(link.textContent, link, copyLink);
      },
    });
    const stop = element("button", {
      type: "button",
      text: "Stop",
      "data-live-part": "stop",
      onclick: () => live.model.stop(),
    });
    const buttons = element(
      "div",
      { class: "dx-buttons" },
      copyCell,
      copyLink,
      element("button", {
        type: "button",
        text: "Remove",
        onclick: () => {
          if (finishReason === "") live.model.stop();
          node.remove();
          remove();
        },
      }),
      link,
    );
    const source = strategySource(request.strategy, request.given).replaceAll("dl.", "");
    const node = element(
      "article",
      { class: "live-run", "aria-label": `Run of ${source}, seed ${request.seed}` },
      element(
        "p",
        { class: "live-made" },
        element("code", { text: source }),
        ` seed ${request.seed}`,
      ),
      element("p", { class: "live-prompt", text: start.shown }),
      tokens.node,
      status,
      stop,
      element("div", { class: "dx-code", hidden: true }, details, buttons),
    );

    async function go() {
      const began = performance.now();
      let first = 0;
      try {
        const question = {
          type: "generate",
          request,
          ...(start.ids ? { ids: start.ids } : { prompt: start.prompt }),
        };
        const end = await live.model.ask(question, {
          onStart: (/** @type {number[]} */ ids) => {
            promptIds = ids;
          },
          onReading: (/** @type {any} */ { done, total }) => {
            status.textContent = `Reading the prompt: ${done} of ${total} tokens.`;
          },
          onStep: (/** @type {any} */ step) => {
            first ||= performance.now();
            tokens.add(step);
            status.textContent = `${tokens.steps.length} tokens.`;
          },
        });
        finishReason = end ? end.result.finishReason : "stopped";
      } catch (error) {
        status.textContent = `This did not run: ${/** @type {Error} */ (error).message}.`;
        stop.hidden = true;
        return;
      }
      const seconds = (performance.now() - (first || began)) / 1000;
      const why = {
        eos: "The model ended the text",
        stop: "A stop string ended it",
        length: "The length was reached",
        stopped: "Stopped",
      }[finishReason];
      const count = tokens.steps.length;
      status.textContent =
        `${why}: ${count} token${count === 1 ? "" : "s"}` +
        (count > 1 && request.strategy !== "beam"
          ? `, ${((count - 1) / seconds).toFixed(0)} a second.`
          : ".");
      stop.hidden = true;
      code.textContent = cellSource(run());
      /** @type {HTMLElement} */ (code.closest(".dx-code")).hidden = count === 0;
    }

    return { node, go };
  }

  Object.assign(live, { runCard, linked, linkTo });
})();
