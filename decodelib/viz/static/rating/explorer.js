// @ts-check
/* The blind rating: pairs of texts to choose between before strategies and numbers are named. */
(() => {
  const { memory, links, parts, rating } = globalThis.DecodeExplorer;

  const SETTINGS = ["seed", "choices", "place"];

  /** @param {Page<RatingData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const result = rating.result(scene);
    scene.finish = () => {
      page.announce("All pairs are rated.");
      result.focus();
    };
    const sharing = parts.sharing({
      model: { ...page.model, link: undefined }, // "Copy my result" is the link
      code: () => rating.asCode(page.data, scene.pair),
    });
    const views = [
      parts.header({ page, source: () => `${page.data.pairs.length} pairs` }),
      rating.reading(scene),
      result,
      rating.group(scene),
      numbers(scene),
      {
        node: sharing.node,
        update() {
          /** @type {HTMLElement} */ (sharing.node).hidden = !scene.isOpen;
          sharing.update();
        },
      },
    ];
    return { views, look: scene.look };
  }

  /** The page, and the pair that its reader looks at.
   * @param {Page<RatingData>} page */
  function sceneOf(page) {
    const { data, get, set, announce, model } = page;
    const count = data.pairs.length;
    const kept = model.link ? memory.of(location.pathname, `rating-${data.key}`, "choices") : null;
    const scene = /** @type {RatingScene} */ (Object.create(page));
    const isUnrated = (/** @type {string} */ letter) => letter === "-";

    function look() {
      if (!get("seed")) set({ seed: 1 + Math.floor(Math.random() * (data.limits.seed.max ?? 1)) });
      const order = rating.order(get("seed"), count);
      const at = get("place");
      const { pair, isSwapped } = order[at - 1];
      const { texts } = data.pairs[pair];
      const own = { seed: get("seed"), letters: rating.letters(get("choices"), count) };
      const rated = count - own.letters.filter(isUnrated).length;
      Object.assign(scene, {
        places: order.map((one) => one.pair),
        pair,
        at,
        isSwapped,
        sides: isSwapped ? [texts[1], texts[0]] : texts,
        own,
        rated,
        isWhole: rated === count,
        isOpen: rated === count || Boolean(get("revealed")),
      });
    }

    /** Where the reader left off on this page. */
    function recall() {
      const { guess } = kept?.recall() ?? {};
      const { settings } = links.read(String(guess ?? ""), data.initial, data.limits);
      if (settings.choices) set(settings);
    }

    recall();
    look();
    return Object.assign(scene, {
      look,
      finish() {},
      nameOf: (/** @type {RatingText} */ text) => data.strategies[text.strategy].name,
      go(/** @type {number} */ place) {
        if (place < 1 || place > count) return;
        set({ place });
        announce(`Pair ${place} of ${count}.`);
      },
      choose(/** @type {string} */ letter) {
        const choices = rating.choose(data, get("choices"), scene.pair, letter);
        const letters = rating.letters(choices, count);
        const open = scene.places.findIndex((pair) => isUnrated(letters[pair]));
        const place = open < 0 ? scene.at : open + 1;
        set({ choices, place });
        kept?.remember(links.write("", data.initial, get, false));
        if (open < 0) scene.finish();
        else announce(`Pair ${place} of ${count}.`);
      },
      reveal() {
        set({ revealed: true });
        scene.finish();
      },
      restart() {
        kept?.forget();
        set({ revealed: false, ...data.initial });
      },
      link: () => model.link?.() ?? `#${links.write("rating", data.initial, get, false)}`,
    });
  }

  /** All pairs with their numbers, once they are named.
   * @param {RatingScene} scene */
  function numbers(scene) {
    const { measures, pairs } = scene.data;
    const side = { a: 0, b: 1 };
    const table = parts.table({
      summary: "The pairs as a table",
      columns: ["pair", "text", "chosen", ...measures.map(({ name }) => name)],
      rowHeader: 1,
      rows: () =>
        scene.places.flatMap((pair, place) =>
          pairs[pair].texts.map((text, i) => [
            place + 1,
            scene.nameOf(text),
            side[/** @type {"a"} */ (scene.own.letters[pair])] === i ? "yes" : "no",
            ...measures.map((measure, j) => rating.shown(text.numbers[j], measure)),
          ]),
        ),
    });
    return {
      node: table.node,
      update() {
        table.node.hidden = !scene.isOpen;
        if (scene.isOpen) table.update();
      },
    };
  }

  parts.explorer("rating", SETTINGS, create);
})();
