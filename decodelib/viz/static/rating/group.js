// @ts-check
/* The results of a class: pasted as links, pooled on the page, sent nowhere. */
(() => {
  const { element, parts, rating } = globalThis.DecodeExplorer;

  const HOW =
    "Each reader’s choices have something in common, so the intervals count readers, not choices, " +
    "where readers differ by more than chance. They are about these texts alone: another opening " +
    "would have given others.";

  /** @param {RatingScene} scene */
  function group(scene) {
    const box = element("textarea", {
      rows: 4,
      spellcheck: "false",
      "aria-label": "Results of a class, one link on each line",
      "data-dx": "pool",
      ...parts.SUPPRESS,
      oninput: () => update(),
    });
    const refused = element("ul", { class: "dx-rating-refused", "data-dx": "refused" });
    const count = element("p", { role: "status", "data-dx": "readers" });
    const found = pooled(scene);
    const node = element(
      "div",
      { class: "dx-rating-group" },
      element("p", { class: "dx-rating-caption", text: "A class" }),
      element("p", {
        class: "dx-rest",
        text: "Paste the copied results of a class, one on each line. Your own counts too.",
      }),
      box,
      count,
      refused,
      found.node,
    );
    function update() {
      node.hidden = !scene.isOpen;
      if (!scene.isOpen) return;
      const { data, own, isWhole } = scene;
      const most = data.limits.seed.max ?? 0;
      const all = rating.pool(box.value, data, most, isWhole ? own : null);
      const { length } = all.readers;
      const isPooled = Boolean(box.value.trim());
      count.textContent = isPooled
        ? `${length} ${length === 1 ? "reader" : "readers"}${isWhole ? ", you among them" : ""}.`
        : "";
      refused.replaceChildren(...all.refused.map((text) => element("li", { text })));
      found.node.hidden = !isPooled || !length;
      if (isPooled && length) found.update(all.readers);
    }
    return { node, update };
  }

  /** What the readers' choices come to together.
   * @param {RatingScene} scene */
  function pooled(scene) {
    const { data } = scene;
    const wins = rating.shares(
      "How often a strategy’s text was chosen, of the pairs in which one was",
    );
    const measured = rating.shares("How often the measure prefers the text chosen");
    const sides = rating.shares("How often the text read first was chosen");
    const alike = element("p", { "data-dx": "alike" });
    const divided = element("ul", { class: "dx-rating-divided", "data-dx": "divided" });
    const caption = element("p", {
      class: "dx-rating-caption",
      text: "The pairs on which readers disagree",
    });
    const note = element("p", { class: "dx-rest", text: HOW });
    return {
      node: element(
        "div",
        { "data-dx": "pooled" },
        wins.node,
        measured.node,
        sides.node,
        note,
        alike,
        caption,
        divided,
      ),
      /** @param {Rater[]} readers */
      update(readers) {
        wins.update(rating.wins(data, readers));
        measured.update(rating.agreement(data, readers));
        sides.update([{ name: "text A", share: rating.firsts(data, readers) }]);
        const same = rating.alike(data, readers);
        alike.textContent = same
          ? `Two readers give a pair the same answer ${percent(same.observed)} of the time; by ` +
            `guessing it would be ${percent(same.guessing)}.`
          : "Two readers are needed to see whether they agree.";
        const rows = rating.votes(data, readers).filter(({ a, b }) => a && b);
        divided.replaceChildren(...rows.map((row) => line(scene, row)));
        caption.hidden = !rows.length;
      },
    };
  }

  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)}%`;

  /** @type {(scene: RatingScene, votes: RatingVotes) => HTMLElement} */
  function line(scene, { pair, a, b, t }) {
    const { opening, texts } = scene.data.pairs[pair];
    const [first, second] = texts.map(scene.nameOf);
    const place = scene.places.indexOf(pair) + 1;
    const words = `${opening} ${first} ${a}, ${second} ${b}, cannot tell ${t}. `;
    return element(
      "li",
      {},
      words,
      parts.button(`Read pair ${place}`, () => scene.go(place), { class: "dx-plain-button" }),
    );
  }

  Object.assign(rating, { group });
})();
