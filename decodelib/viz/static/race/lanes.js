// @ts-check
/* A lane for each strategy: its text, and a bar for each of its numbers. */
(() => {
  const { element, showProbability, depthOf, UNLIKELY, parts, race } = globalThis.DecodeExplorer;

  /** @param {RaceScene} scene */
  function lanes(scene) {
    const all = new Map(scene.data.strategies.map((strategy) => [strategy, lane(scene, strategy)]));
    const list = element("ol", { class: "dx-lanes", "aria-label": "Strategies" });
    let order = "";
    return {
      node: list,
      update() {
        const now = scene.ranked().flatMap((strategy) => all.get(strategy) ?? []);
        for (const one of now) one.update();
        const names = JSON.stringify(scene.ranked().map(({ name }) => name));
        if (names === order) return;
        order = names;
        const focused = /** @type {HTMLElement | null} */ (document.activeElement);
        list.replaceChildren(...now.map(({ node }) => node));
        if (focused && list.contains(focused)) focused.focus();
      },
    };
  }

  /** @type {(scene: RaceScene, strategy: RaceStrategy) => View} */
  function lane(scene, strategy) {
    const { name, repr, chance } = strategy;
    const meters = scene.data.metrics.map((metric) => meter(scene, metric, strategy));
    const text = words(scene, strategy);
    const pick = parts.button("Tokens and code", () => scene.pick(name), {
      class: "dx-pick",
      "aria-label": `Tokens and code of ${name}`,
    });
    const badge = element("span", {
      class: "dx-badge",
      text: "always the same text",
      hidden: chance,
    });
    const node = element(
      "li",
      { class: "dx-lane", "data-dx": "lane" },
      element(
        "p",
        { class: "dx-lane-head" },
        element("strong", { text: name }),
        " ",
        element("code", { text: repr }),
        " ",
        badge,
        pick,
      ),
      text.node,
      element("div", { class: "dx-meters" }, ...meters.map((one) => one.node)),
    );
    return {
      node,
      update() {
        text.update();
        pick.setAttribute("aria-pressed", String(scene.get("picked") === name));
        for (const one of meters) one.update();
      },
    };
  }

  /** The text of a strategy, as far as the race has come.
   * @type {(scene: RaceScene, strategy: RaceStrategy) => View} */
  function words(scene, strategy) {
    const node = element("p", { class: "dx-text" });
    const end = element("span", { class: "dx-end", text: "■ end of text" });
    /** @type {RaceText | null} */
    let written = null;
    /** @type {HTMLElement[]} */
    let spans = [];

    /** @param {RaceText} text */
    function write(text) {
      const hasEnd = text.end === "eos";
      spans = text.tokens.slice(0, hasEnd ? -1 : undefined).map((token, i) => {
        const p = Math.exp(-text.surprisal[i]);
        const span = element("span", {
          class: p < UNLIKELY ? "dx-word dx-unlikely" : "dx-word",
          title: `p = ${showProbability(p)}`,
          text: token,
        });
        span.style.setProperty("--depth", depthOf(text.surprisal[i]));
        return span;
      });
      node.replaceChildren(...spans, ...(hasEnd ? [end] : []));
      written = text;
    }
    return {
      node,
      update() {
        const text = race.textOf(strategy, scene.get("sample"));
        if (written !== text) write(text);
        const step = scene.get("step");
        for (const [i, span] of spans.entries()) span.hidden = i >= step;
        end.hidden = step < text.tokens.length;
        node.classList.toggle("dx-plain", scene.hidden()); // the shades would tell the numbers
      },
    };
  }

  /** @type {(scene: RaceScene, metric: RaceMetric, strategy: RaceStrategy) => View} */
  function meter(scene, { name, label, help }, strategy) {
    const [bar, range] = ["bar", "range"].map((kind) => element("span", { class: `dx-${kind}` }));
    const value = element("b", { "data-dx": name });
    const note = element("span", { class: "dx-quiet" });
    const node = element(
      "p",
      { class: "dx-meter", title: help },
      element("span", { class: "dx-fact-name", text: label }),
      " ",
      value,
      " ",
      element("span", { class: "dx-rail", "aria-hidden": "true" }, bar, range),
      note,
    );
    const longest = scene.longest.get(name) || 1;
    const percent = (/** @type {number} */ x) =>
      `${Math.min(100, (100 * x) / longest).toFixed(2)}%`;
    const number = strategy.numbers[name];
    const { low, high } = number;
    if (low !== null && high !== null) {
      range.style.left = percent(low);
      range.style.width = `calc(${percent(high)} - ${percent(low)})`;
    }
    return {
      node,
      update() {
        const isHidden = scene.hidden();
        value.textContent = isHidden ? "?" : number.text;
        note.textContent = isHidden ? "" : number.note;
        bar.style.width = isHidden ? "0" : percent(number.value ?? 0);
        range.hidden = isHidden || low === null || low === high;
      },
    };
  }

  race.lanes = lanes;
})();
