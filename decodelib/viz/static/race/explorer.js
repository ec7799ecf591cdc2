// @ts-check
/* The strategy race: one prompt, many strategies, their texts token by token and their numbers. */
(() => {
  const { element, showToken, showProbability, parts, race } = globalThis.DecodeExplorer;
  const { AS_GIVEN, ranking, cellOf, textOf } = race;

  const SETTINGS = ["sort", "sample", "step", "shown", "picked"];
  const TICK = 120; // milliseconds a token, while the race runs
  const KEY =
    "Shades: deeper for less probable tokens, underlined below p = 0.01. Bars: the mean; the line on a " +
    "bar spans the texts from lowest to highest.";

  /** @param {Page<RaceData>} page */
  function create(page) {
    const scene = sceneOf(page);
    const { data } = page;
    const running = course(scene);
    const tokens = tokensOf(scene);
    scene.pick = (name) => {
      page.set({ picked: name });
      tokens.open();
    };
    const answer = () => ({ value: data.predict?.answer, text: String(data.predict?.answer) });
    const below = [
      element("p", { class: "dx-prompt", text: data.prompt }),
      element("p", { class: "dx-note", text: data.note, hidden: !data.note }),
    ];
    const views = [
      parts.header({ page, source: () => `${data.max_new_tokens} new tokens`, below }),
      parts.prediction({ page, answer, next: "Now compare the numbers." }),
      shownPicker(scene),
      comparison(scene),
      sorter(scene),
      running,
      race.lanes(scene),
      parts.note(KEY),
      meanings(data.metrics),
      parts.table({
        summary: "The numbers as a table",
        rows: () => rowsOfTable(scene),
        columns: ["strategy", ...data.metrics.map(({ label }) => label)],
      }),
      tokens,
      parts.sharing({
        model: page.model,
        code: () => race.asCode(data, scene.picked(), page.get("sample")),
      }),
    ];
    return { views, stop: running.stop, isWide: true };
  }

  /** @param {Page<RaceData>} page */
  function sceneOf(page) {
    const { data, get, hidden } = page;
    const { strategies, metrics } = data;
    const scene = /** @type {RaceScene} */ (Object.create(page));
    return Object.assign(scene, {
      longest: race.longestOf(metrics, strategies),
      picked: () => strategies.find(({ name }) => name === get("picked")) ?? strategies[0],
      ranked: () => ranking(strategies, get("shown"), hidden() ? AS_GIVEN : get("sort")),
      labelOf: (/** @type {string} */ sort) =>
        metrics.find(({ name }) => name === sort)?.label ?? AS_GIVEN,
    });
  }

  /** @param {RaceScene} scene */
  function shownPicker({ data, get, set, update }) {
    const boxes = data.strategies.map(({ name }) =>
      element("input", { type: "checkbox", value: name, ...parts.SUPPRESS, onchange: choose }),
    );
    function choose() {
      const shown = boxes.filter((box) => box.checked).map((box) => box.value);
      set({ shown: shown.length < boxes.length ? shown : [] });
      update(); // with the last box cleared nothing may have changed: all are shown again
    }
    return {
      node: element(
        "fieldset",
        { class: "dx-choice", "data-dx": "shown" },
        element("legend", { text: "Show" }),
        ...boxes.map((box) => element("label", {}, box, element("span", { text: box.value }))),
      ),
      update() {
        const shown = get("shown");
        for (const box of boxes) box.checked = !shown.length || shown.includes(box.value);
      },
    };
  }

  /** Two strategies beside each other, without the rest.
   * @param {RaceScene} scene */
  function comparison({ data, get, set, announce }) {
    const names = data.strategies.map(({ name }) => name);
    const pickers = ["First to compare", "Second to compare"].map((label, i) => {
      const picker = element(
        "select",
        { "aria-label": label, "data-dx": `compare-${i + 1}`, ...parts.SUPPRESS },
        ...names.map((name) => element("option", { value: name, text: name })),
      );
      picker.selectedIndex = Math.min(i, names.length - 1);
      return picker;
    });
    const compare = parts.button(
      "Side by side",
      () => {
        const chosen = pickers.map(({ value }) => value);
        set({ shown: names.filter((name) => chosen.includes(name)), picked: chosen[0] });
        announce(`${chosen.join(" and ")} side by side.`);
      },
      { "data-dx": "compare" },
    );
    const all = parts.button("Show all", () => set({ shown: [] }), { "data-dx": "show-all" });
    return {
      node: element(
        "div",
        { class: "dx-compare", hidden: names.length < 3 },
        element("span", { class: "dx-fact-name", text: "Compare" }),
        pickers[0],
        element("span", { text: "with" }),
        pickers[1],
        compare,
        all,
      ),
      update() {
        all.hidden = !get("shown").length;
      },
    };
  }

  /** What each number says.
   * @param {RaceMetric[]} metrics */
  const meanings = (metrics) => ({
    node: element(
      "details",
      { class: "dx-meanings" },
      element("summary", { text: "What the numbers mean" }),
      ...metrics.map(({ label, help }) =>
        element("p", {}, element("b", { text: label }), `: ${help}.`),
      ),
    ),
    update() {},
  });

  /** @param {RaceScene} scene */
  function sorter({ data, get, set, announce, hidden, labelOf, ranked }) {
    const sorts = [AS_GIVEN, ...data.metrics.map(({ name }) => name)];
    const picker = parts.choice({
      legend: "Sort by",
      options: sorts.map((value) => ({ value, label: labelOf(value) })),
      get: () => get("sort"),
      set: (sort) => {
        set({ sort });
        const how = sort === AS_GIVEN ? sort : `lowest ${labelOf(sort)} first`;
        announce(
          `Sorted, ${how}: ${ranked()
            .map(({ name }) => name)
            .join(", ")}.`,
        );
      },
    });
    picker.node.dataset.dx = "sort";
    return { node: picker.node, update: () => picker.update({ disabled: hidden() }) };
  }

  /** Which text is shown, how far, and the button that lets them all run.
   * @param {RaceScene} scene */
  function course({ el, data, get, set }) {
    const number = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {number} */ max,
    ) =>
      parts.knob({
        name,
        label,
        min: 1,
        max,
        integer: true,
        scale: parts.linear(1, max, 1),
        get: () => get(name),
        set: (value) => set({ [name]: value }),
        valueText: (value) => `${value} of ${max}`,
      });
    const sample = number("sample", "Text number", data.samples);
    const step = number("step", "Tokens shown", data.max_new_tokens);
    const play = parts.button("Run the race", () => (timer ? stop() : start()), {
      "data-dx": "play",
    });
    const reset = parts.button(
      "Reset",
      () => {
        stop();
        set(data.initial);
      },
      { class: "dx-reset" },
    );
    sample.node.hidden = data.samples < 2;
    // With less motion the slider does the same, at the reader's own pace.
    play.hidden = globalThis.matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    function stop() {
      clearInterval(timer);
      timer = undefined;
      play.textContent = "Run the race";
    }
    function start() {
      set({ step: 1 });
      play.textContent = "Stop the race";
      timer = setInterval(() => {
        if (!el.isConnected || get("step") >= data.max_new_tokens) stop();
        else set({ step: get("step") + 1 });
      }, TICK);
    }
    return {
      node: element("div", { class: "dx-course" }, sample.node, step.node, play, reset),
      update() {
        sample.update();
        step.update();
      },
      stop,
    };
  }

  /** @param {RaceScene} scene */
  function rowsOfTable({ data, ranked, hidden }) {
    return ranked().map(({ name, numbers }) => [
      name,
      ...data.metrics.map((metric) => (hidden() ? "?" : cellOf(numbers[metric.name]))),
    ]);
  }

  /** The tokens of the strategy that is picked.
   * @param {RaceScene} scene */
  function tokensOf({ get, hidden, picked }) {
    const rows = () => {
      const { tokens, surprisal } = textOf(picked(), get("sample"));
      const show = (/** @type {string} */ text) => (hidden() ? "?" : text);
      return tokens.map((token, i) => [
        i + 1,
        showToken(token),
        show(showProbability(Math.exp(-surprisal[i]))),
        show(surprisal[i].toFixed(3)),
      ]);
    };
    const table = parts.table({
      summary: "",
      rowHeader: 1,
      columns: ["place", "token", "p", "surprisal (nats)"],
      rows,
    });
    const { node } = table;
    return {
      node,
      open() {
        node.open = true;
        node.querySelector("summary")?.focus();
      },
      update() {
        const title = `The tokens of ${picked().name}`;
        const [summary, scroll] = node.children;
        summary.textContent = title;
        scroll.setAttribute("aria-label", title);
        table.update();
      },
    };
  }

  parts.explorer("race", SETTINGS, create);
})();
