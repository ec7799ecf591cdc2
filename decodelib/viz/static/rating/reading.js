// @ts-check
/* The pair that is read: its two texts, and the buttons that choose between them. */
(() => {
  const { element, parts, rating } = globalThis.DecodeExplorer;

  /** @param {RatingScene} scene */
  function reading(scene) {
    const progress = element("p", { class: "dx-rating-progress", "data-dx": "progress" });
    const opening = element("p", { class: "dx-prompt", "data-dx": "opening" });
    const cards = [card(scene, 0), card(scene, 1)];
    const answers = choices(scene);
    const node = element(
      "div",
      { class: "dx-rating-pair" },
      progress,
      opening,
      element("div", { class: "dx-rating-texts" }, ...cards.map((one) => one.node)),
      answers.node,
    );
    return {
      node,
      update() {
        const { data, at, pair, isOpen, rated } = scene;
        const count = data.pairs.length;
        const done = isOpen ? "" : `; ${rated} rated`;
        progress.textContent = `Pair ${at} of ${count}${done}`;
        opening.textContent = data.pairs[pair].opening;
        for (const one of cards) one.update();
        answers.update();
      },
    };
  }

  /** One of the two texts; its strategy and its numbers once they are shown.
   * @param {RatingScene} scene
   * @param {0 | 1} side */
  function card(scene, side) {
    const name = element("p", { class: "dx-rating-name" });
    const text = element("p", { class: "dx-rating-text" });
    const numbers = element("ul", { class: "dx-rating-numbers" });
    return {
      node: element("div", { class: "dx-rating-card", "data-dx": "text" }, name, text, numbers),
      update() {
        const own = scene.sides[side];
        const letter = scene.own.letters[scene.pair];
        const isChosen = letter === (scene.isSwapped ? "ba" : "ab")[side];
        const more = scene.isOpen ? `, ${scene.nameOf(own)}` : "";
        name.textContent = `${"AB"[side]}${more}${isChosen ? " · your choice" : ""}`;
        name.classList.toggle("dx-rating-chosen", isChosen);
        text.textContent = own.text.trimStart();
        numbers.hidden = !scene.isOpen;
        numbers.replaceChildren(
          ...scene.data.measures.map((measure, i) =>
            element("li", { text: `${measure.name} ${rating.shown(own.numbers[i], measure)}` }),
          ),
        );
      },
    };
  }

  /** The three answers, and the way to the pairs before and after.
   * @param {RatingScene} scene */
  function choices(scene) {
    const letterOf = (/** @type {string} */ side) =>
      side === "t" || !scene.isSwapped ? side : { a: "b", b: "a" }[side];
    const buttons = Object.entries({ a: "A is better", b: "B is better", t: "Cannot tell" }).map(
      ([side, text]) => ({
        side,
        button: parts.button(text, () => scene.choose(letterOf(side) ?? "t"), {
          "data-dx": `choose-${side}`,
        }),
      }),
    );
    const answers = element(
      "div",
      { class: "dx-buttons", role: "group", "aria-label": "Your choice" },
      ...buttons.map(({ button }) => button),
    );
    const back = parts.button("Back", () => scene.go(scene.at - 1), { "data-dx": "back" });
    const next = parts.button("Next", () => scene.go(scene.at + 1), { "data-dx": "next" });
    const show = parts.button("Just show me", () => scene.reveal(), {
      class: "dx-plain-button",
      "data-dx": "just-show",
    });
    return {
      node: element(
        "div",
        { class: "dx-rating-choose" },
        answers,
        element("div", { class: "dx-buttons" }, back, next, show),
      ),
      update() {
        const { at, pair, own, data, isOpen } = scene;
        answers.hidden = show.hidden = isOpen;
        for (const { side, button } of buttons)
          button.setAttribute("aria-pressed", String(own.letters[pair] === letterOf(side)));
        back.setAttribute("aria-disabled", String(at === 1));
        next.setAttribute("aria-disabled", String(at === data.pairs.length));
      },
    };
  }

  Object.assign(rating, { reading });
})();
