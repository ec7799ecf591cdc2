// @ts-check
/* A text whose watermark is to be removed: its tokens as buttons, what of it is green, and what edits cost. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { model, parts } = live;

  /** @typedef {object} Text
   *  @property {string} before
   *  @property {number[]} before_ids
   *  @property {number[]} ids
   *  @property {number[][]} others
   *  @property {Record<number, string>} names What each token is as text.
   *  @property {number} surprisal Nats a token, before any edit. */

  /** A token in the running text: a line's end is seen, and breaks no line. */
  const inText = (/** @type {string} */ name) => name.replace(/\n/g, "↵");

  /** The text as buttons, one tab stop for all: the arrow keys walk along it.
   *  @param {Text} text
   *  @param {(place: number) => void} open */
  function tokenButtons(text, open) {
    const buttons = text.ids.map((id, place) =>
      element("button", {
        type: "button",
        class: "dx-mark-word",
        tabindex: place ? "-1" : "0",
        "aria-expanded": "false",
        "data-live-place": place,
        text: inText(text.names[id]),
        onclick: () => open(place),
      }),
    );
    const node = element(
      "p",
      {
        class: "dx-marked",
        role: "group",
        "aria-label": "The marked text, token by token: arrow keys walk along it",
      },
      ...buttons,
    );
    parts.walkAlong(node, buttons);
    return { node, buttons };
  }

  /** Underline what is green, now that the game is over.
   *  @param {any[]} buttons
   *  @param {any[]} found Of each token, as the detector says. */
  function underline(buttons, found) {
    for (const [i, { isGreen, isScored }] of found.entries()) {
      buttons[i].classList.toggle("dx-mark-green", isGreen);
      buttons[i].classList.toggle("dx-mark-free", !isScored);
      const told = isScored ? (isGreen ? "green" : "not green") : "not counted";
      buttons[i].setAttribute("aria-label", `${buttons[i].textContent}, ${told}`);
      buttons[i].removeAttribute("aria-expanded");
    }
  }

  /** What the replacements cost: storybook's mean surprisal before and after, once the model is here.
   *  @param {Text} text
   *  @param {number[]} ids */
  function priceOf({ before_ids: before, surprisal }, ids) {
    const said = element("p", { class: "live-note", "data-live-part": "game-price" });
    const loader = parts.loader(
      "With the model you see what your replacements cost: how much less probable storybook holds the text to be.",
    );
    const price = {
      node: element("div", {}, said, loader.node),
      value: /** @type {number | null} */ (null),
    };
    let asked = false;
    async function weigh() {
      if (asked || model.state !== "ready" || !price.node.isConnected) return;
      asked = true;
      said.textContent = "Storybook reads your text …";
      try {
        const found = await model.ask({ type: "map", ids: [...before, ...ids], top: 1 });
        if (!found) {
          said.textContent = "";
          return;
        }
        const own = found.surprisal.slice(-ids.length);
        const after =
          own.reduce((/** @type {number} */ sum, /** @type {number} */ x) => sum + x, 0) /
          own.length;
        price.value = after - surprisal;
        said.textContent =
          `The price: to storybook the text had ${surprisal.toFixed(2)} nats of surprisal a token, ` +
          `and has ${after.toFixed(2)} now.`;
      } catch (error) {
        said.textContent = `The price is not known: ${/** @type {Error} */ (error).message}.`;
      }
    }
    model.onChange(weigh);
    queueMicrotask(weigh); // once it stands on the page
    return price;
  }

  Object.assign(live, { markedText: { tokenButtons, underline, priceOf, inText } });
})();
