// @ts-check
/* A text as tokens: each a button, coloured by its probability, that opens what else might have come. */
(() => {
  const { element, showToken } = globalThis.DecodeExplorer;
  const { parts } = globalThis.DecodeLive;

  /** 0 for the least probable tokens, 4 for the most: the colours of live.css. */
  const level = (/** @type {number} */ p) =>
    [0.02, 0.1, 0.3, 0.7].filter((bound) => p >= bound).length;

  /** The growing text of a run.
   *  @param {(place: number, id: number) => void} branch Begin anew at a place with another token. */
  function tokenText(branch) {
    const text = element("p", {
      class: "live-text",
      role: "group",
      "aria-label": "The text, token by token: arrow keys walk along it",
    });
    const panel = element("div", { class: "live-panel", hidden: true });
    /** @type {any[]} */
    const steps = [];
    /** @type {HTMLElement[]} */
    const buttons = [];
    /** @type {HTMLElement | null} */
    let open = null;

    /** @param {any} step */
    function add(step) {
      const place = steps.push(step) - 1;
      const p = Math.exp(step.logprob);
      // A button breaks no line, so the ends of lines stand beside it. A token that completes no
      // character, or is nothing else than a line's end, still has to be reachable.
      const [, before, own, after] = /** @type {RegExpExecArray} */ (
        /^(\n*)([\s\S]*?)(\n*)$/.exec(step.text)
      );
      const seen = own || (step.text ? "↵" : "·");
      const button = element("button", {
        type: "button",
        class: `live-token live-p${level(p)}`,
        "data-live-token": place,
        tabindex: place ? "-1" : "0",
        "aria-expanded": "false",
        title: `${parts.percent(p)}, rank ${step.rank}`,
        text: seen,
        onclick: () => toggle(button, place),
      });
      buttons.push(button);
      text.append(before, button, after);
    }

    parts.walkAlong(text, buttons);

    /** @param {HTMLElement} button
     *  @param {number} place */
    function toggle(button, place) {
      const wasOpen = open === button;
      open?.setAttribute("aria-expanded", "false");
      open = wasOpen ? null : button;
      panel.hidden = wasOpen;
      if (wasOpen) return;
      button.setAttribute("aria-expanded", "true");
      panel.replaceChildren(...details(place));
    }

    /** @param {number} place */
    function details(place) {
      const step = steps[place];
      const cell = (/** @type {any} */ content) => element("td", {}, content);
      const rows = step.candidates.map((/** @type {any} */ candidate) => {
        const isTaken = candidate.id === step.tokenId;
        return element(
          "tr",
          isTaken ? { class: "live-taken" } : {},
          element("th", { scope: "row", text: showToken(candidate.token) }),
          cell(parts.percent(candidate.before)),
          cell(candidate.after ? parts.percent(candidate.after) : "removed"),
          cell(
            isTaken
              ? "taken"
              : element("button", {
                  type: "button",
                  text: "branch",
                  "data-live-branch": candidate.id,
                  "aria-label": `Branch here with ${showToken(candidate.token)}`,
                  onclick: () => branch(place, candidate.id),
                }),
          ),
        );
      });
      const about =
        `Token ${place + 1}, “${showToken(step.token)}”: ${parts.percent(Math.exp(step.logprob))} of the model's probability, ` +
        `rank ${step.rank}, entropy ${step.entropy.toFixed(2)} nats, ${step.kept.toLocaleString("en-US")} tokens left to draw from.` +
        (step.decision ? ` ${step.decision[0].toUpperCase()}${step.decision.slice(1)}.` : "");
      return [
        element("p", { text: about }),
        element(
          "div",
          {
            class: "dx-scroll",
            tabindex: "0",
            role: "group",
            "aria-label": "What else might have come",
          },
          element(
            "table",
            {},
            element(
              "thead",
              {},
              element(
                "tr",
                {},
                ...["token", "model", "after the knobs", "go on with it"].map((name) =>
                  element("th", { scope: "col", text: name }),
                ),
              ),
            ),
            element("tbody", {}, ...rows),
          ),
        ),
      ];
    }

    return {
      node: element("div", {}, text, panel),
      steps,
      add,
      get text() {
        return steps.map((step) => step.text).join("");
      },
    };
  }

  Object.assign(globalThis.DecodeLive, { tokenText, level });
})();
