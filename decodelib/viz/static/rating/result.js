// @ts-check
/* What one reader's choices come to, and the result to copy. */
(() => {
  const { element, svg, copyText, parts, rating } = globalThis.DecodeExplorer;

  const FEW =
    "The tick is the share, the bar its 95% interval, the dashed line one half, which tossing a " +
    "coin would give. Of ten choices nine must fall on one side before the bar leaves the line: " +
    "ten pairs say little.";

  /** A number of a text as it is shown; whether a text loops is yes or no.
   * @type {Ratings["shown"]} */
  const shown = (value, { digits }) => (digits ? value.toFixed(digits) : value ? "yes" : "no");

  /** @type {(share: RatingShare | null) => string} */
  const inWords = (share) =>
    share
      ? `${share.won} of ${share.of}, ${share.low.toFixed(2)} to ${share.high.toFixed(2)}`
      : "nothing to compare";

  /** Shares with their intervals, a line each.
   * @type {Ratings["shares"]} */
  function shares(caption) {
    const list = element("ul", { class: "dx-rating-shares" });
    const head = element("p", { class: "dx-rating-caption", text: caption });
    return {
      node: element("div", { role: "group", "aria-label": caption }, head, list),
      update(rows) {
        list.replaceChildren(
          ...rows.map(({ name, share }) =>
            element(
              "li",
              {},
              element("span", { class: "dx-rating-of", text: name }),
              " ",
              element("span", { class: "dx-rating-rail" }, ...(share ? [drawing(share)] : [])),
              " ",
              element("span", { class: "dx-rating-words", text: inWords(share) }),
            ),
          ),
        );
      },
    };
  }

  /** @param {RatingShare} share */
  function drawing({ low, high, value }) {
    const x = (/** @type {number} */ at) => String(100 * at);
    return svg(
      "svg",
      { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("line", { class: "dx-rating-axis", x1: "0", x2: "100", y1: "5", y2: "5" }),
      svg("rect", {
        class: "dx-rating-interval",
        x: x(low),
        width: x(high - low),
        y: "3",
        height: "4",
      }),
      svg("line", { class: "dx-rating-half", x1: "50", x2: "50", y1: "0", y2: "10" }),
      svg("line", { class: "dx-rating-share", x1: x(value), x2: x(value), y1: "1", y2: "9" }),
    );
  }

  /** @param {RatingScene} scene */
  function result(scene) {
    const words = element("p", { class: "dx-verdict", tabindex: "-1", "data-dx": "result" });
    const measured = shares("How often the measure prefers the text you chose");
    const note = element("p", { class: "dx-rest", text: FEW });
    const link = element("code", { class: "dx-link", "data-dx": "link", hidden: true });
    const copy = parts.button(
      "Copy my result",
      () => {
        link.textContent = scene.link();
        link.hidden = false; // to copy by hand where the clipboard is out of reach
        copyText(link.textContent, link, copy);
      },
      { "data-dx": "copy-result" },
    );
    const again = parts.button("Rate again", () => scene.restart(), {
      class: "dx-plain-button",
      "data-dx": "forget",
    });
    const buttons = element("div", { class: "dx-buttons" }, copy, again, link);
    const node = element("div", { class: "dx-rating-result" }, words, measured.node, note, buttons);
    return {
      node,
      focus: () => words.focus(),
      update() {
        const { isOpen, isWhole, own, data } = scene;
        node.hidden = !isOpen;
        if (!isOpen) return;
        const decided = own.letters.filter((letter) => "ab".includes(letter)).length;
        words.textContent = isWhole
          ? `You chose a text in ${decided} of ${data.pairs.length} pairs. The strategies are named above.`
          : "The strategies are named above. Nothing of yours is compared, as not all pairs were rated.";
        measured.node.hidden = note.hidden = copy.hidden = !isWhole;
        if (isWhole) measured.update(rating.agreement(data, [own]));
        link.hidden = true;
      },
    };
  }

  /** The texts of a pair as decodelib makes them.
   * @type {Ratings["asCode"]} */
  const asCode = (data, pair) => {
    const { opening, seed, texts } = data.pairs[pair];
    const length = data.num_tokens;
    return [
      "import decodelib as dl",
      "",
      `lm = ${data.source}`,
      `start = ${JSON.stringify(opening)}`,
      `length = {"min_new_tokens": ${length}, "max_new_tokens": ${length}}`,
      ...texts.map(
        ({ strategy }) =>
          `print(dl.generate(lm, start, ${data.strategies[strategy].code}, seed=${seed}, **length).text)`,
      ),
    ].join("\n");
  };

  Object.assign(rating, { shown, shares, result, asCode });
})();
