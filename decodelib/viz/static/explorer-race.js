/* The strategy race: one prompt, many strategies, their texts token by token and their numbers. */
(function () {
  "use strict";

  const { element, showToken, showProbability, parts, register } = globalThis.DecodeExplorer;

  const SETTINGS = ["sort", "sample", "step", "shown", "picked"];
  const AS_GIVEN = "as given";
  const TICK = 120; // milliseconds a token, while the race runs
  const DEEPEST = 8; // nats: more surprising tokens are shaded no deeper
  const UNLIKELY = 0.01; // tokens below this probability are underlined
  const SUPPRESS = { "data-lm-suppress-shortcuts": "true" };

  /** The strategies shown (none named: all), smallest value first; what has no value comes last,
   *  and equals keep the order given. */
  function ranking(strategies, shown, sort) {
    const chosen = strategies.filter(({ name }) => !shown.length || shown.includes(name));
    if (sort === AS_GIVEN) return chosen;
    const value = ({ numbers }) => numbers[sort].value ?? Infinity;
    return chosen.sort((a, b) => (value(a) === value(b) ? 0 : value(a) - value(b)));
  }

  function render({ model, el }) {
    const data = model.get("data");
    const { strategies, metrics } = data;
    const longest = Object.fromEntries(metrics.map(({ name, end }) => [name,
      end ?? Math.max(...strategies.flatMap(({ numbers: { [name]: n } }) => [n.value ?? 0, n.high ?? 0]))]));
    let mounted = null;
    let timer = null;

    const set = (changes) => parts.change(model, changes);
    const announce = (message) => mounted && mounted.announce(message);
    const hidden = () => views.prediction.hidden();
    const picked = () => strategies.find(({ name }) => name === model.get("picked"));
    const textOf = ({ texts }) => texts[Math.min(model.get("sample"), texts.length) - 1];
    const seedOf = ({ texts }) => data.seed + Math.min(model.get("sample"), texts.length) - 1;
    const labelOf = (sort) => (sort === AS_GIVEN ? AS_GIVEN : metrics.find(({ name }) => name === sort).label);

    function header() {
      const bar = parts.titleBar({ model, source: () => (data.model ? `${data.model}, ` : "") + `${data.max_new_tokens} new tokens` });
      return {
        node: element("div", { class: "dx-header" }, bar.node,
          element("p", { class: "dx-prompt", text: data.prompt }),
          element("p", { class: "dx-note", text: data.note, hidden: !data.note })),
        update: bar.update,
      };
    }

    // ---- what is shown, and in which order ---------------------------------------------------------

    function shownPicker() {
      const boxes = strategies.map(({ name }) => element("input", {
        type: "checkbox", value: name, ...SUPPRESS,
        onchange: () => {
          const shown = boxes.filter((box) => box.checked).map((box) => box.value);
          set({ shown: shown.length < boxes.length ? shown : [] });
          update(); // with the last box cleared nothing may have changed: all are shown again
        } }));
      const node = element("fieldset", { class: "dx-choice", "data-dx": "shown" },
        element("legend", { text: "Show" }),
        ...boxes.map((box) => element("label", {}, box, element("span", { text: box.value }))));
      return {
        node,
        update() {
          const shown = model.get("shown");
          for (const box of boxes) box.checked = !shown.length || shown.includes(box.value);
        },
      };
    }

    function sorter() {
      const picker = parts.choice({
        legend: "Sort by", options: [AS_GIVEN, ...metrics.map(({ name }) => name)]
          .map((value) => ({ value, label: labelOf(value) })),
        get: () => model.get("sort"),
        set: (sort) => {
          set({ sort });
          const names = ranking(strategies, model.get("shown"), sort).map(({ name }) => name);
          announce(`Sorted, ${sort === AS_GIVEN ? sort : `lowest ${labelOf(sort)} first`}: ${names.join(", ")}.`);
        } });
      picker.node.dataset.dx = "sort";
      return { node: picker.node, update: () => picker.update({ disabled: hidden() }) };
    }

    function course() {
      const number = (name, label, max) => parts.knob({
        name, label, min: 1, max, integer: true, scale: parts.linear(1, max, 1),
        get: () => model.get(name), set: (value) => set({ [name]: value }),
        valueText: (value) => `${value} of ${max}` });
      const sample = number("sample", "Text number", data.samples);
      const step = number("step", "Tokens shown", data.max_new_tokens);
      const play = element("button", { type: "button", text: "Run the race", "data-dx": "play",
        onclick: () => (timer ? stop() : start()) });
      const reset = element("button", { type: "button", class: "dx-reset", text: "Reset",
        onclick: () => { stop(); set(data.initial); } });
      const still = globalThis.matchMedia("(prefers-reduced-motion: reduce)");
      sample.node.hidden = data.samples < 2;
      play.hidden = still.matches; // the slider does the same, at the reader's own pace

      function stop() {
        clearInterval(timer);
        timer = null;
        play.textContent = "Run the race";
      }
      function start() {
        set({ step: 1 });
        play.textContent = "Stop the race";
        timer = setInterval(() => {
          if (!el.isConnected || model.get("step") >= data.max_new_tokens) stop();
          else set({ step: model.get("step") + 1 });
        }, TICK);
      }
      return {
        node: element("div", { class: "dx-course" }, sample.node, step.node, play, reset),
        update() { sample.update(); step.update(); }, stop,
      };
    }

    // ---- a lane for each strategy ------------------------------------------------------------------

    function meter({ name, label, help }) {
      const [bar, range] = [element("span", { class: "dx-bar" }), element("span", { class: "dx-range" })];
      const value = element("b", { "data-dx": name });
      const note = element("span", { class: "dx-quiet" });
      const node = element("p", { class: "dx-meter", title: help },
        element("span", { class: "dx-fact-name", text: label }), " ", value, " ",
        element("span", { class: "dx-rail", "aria-hidden": "true" }, bar, range), note);
      const percent = (x) => `${Math.min(100, (100 * x) / (longest[name] || 1)).toFixed(2)}%`;
      return {
        node,
        update({ numbers: { [name]: number } }) {
          value.textContent = hidden() ? "?" : number.text;
          note.textContent = hidden() ? "" : number.note;
          bar.style.width = hidden() ? "0" : percent(number.value ?? 0);
          range.hidden = hidden() || number.low === null || number.low === number.high;
          if (range.hidden) return;
          range.style.left = percent(number.low);
          range.style.width = `calc(${percent(number.high)} - ${percent(number.low)})`;
        },
      };
    }

    function lane(strategy) {
      const meters = metrics.map(meter);
      const text = element("p", { class: "dx-text" });
      const end = element("span", { class: "dx-end", text: "■ end of text" });
      const pick = element("button", { type: "button", class: "dx-pick", "aria-label": `Tokens and code of ${strategy.name}`,
        text: "Tokens and code",
        onclick: () => { set({ picked: strategy.name }); views.tokens.open(); } });
      const badge = strategy.chance ? "" : "always the same text";
      const node = element("li", { class: "dx-lane", "data-dx": "lane" },
        element("p", { class: "dx-lane-head" },
          element("strong", { text: strategy.name }), " ", element("code", { text: strategy.repr }), " ",
          element("span", { class: "dx-badge", text: badge, hidden: !badge }), pick),
        text, element("div", { class: "dx-meters" }, ...meters.map((one) => one.node)));
      let written = null;
      let spans = [];

      function write(chosen) {
        const last = chosen.end === "eos" ? chosen.tokens.length - 1 : chosen.tokens.length;
        spans = chosen.tokens.slice(0, last).map((token, i) => {
          const p = Math.exp(-chosen.surprisal[i]);
          const span = element("span", { class: p < UNLIKELY ? "dx-word dx-unlikely" : "dx-word",
            title: `p = ${showProbability(p)}`, text: token });
          span.style.setProperty("--depth", (Math.min(1, chosen.surprisal[i] / DEEPEST)).toFixed(3));
          return span;
        });
        text.replaceChildren(...spans, ...(chosen.end === "eos" ? [end] : []));
        written = chosen;
      }
      return {
        node,
        update() {
          const chosen = textOf(strategy);
          if (written !== chosen) write(chosen);
          const step = model.get("step");
          spans.forEach((span, i) => { span.hidden = i >= step; });
          end.hidden = step < chosen.tokens.length;
          text.classList.toggle("dx-plain", hidden()); // the shades would tell the numbers
          pick.setAttribute("aria-pressed", String(model.get("picked") === strategy.name));
          meters.forEach((one) => one.update(strategy));
        },
      };
    }

    function lanes() {
      const all = new Map(strategies.map((strategy) => [strategy, lane(strategy)]));
      const list = element("ol", { class: "dx-lanes", "aria-label": "Strategies" });
      let order = "";
      return {
        node: list,
        update() {
          const sort = hidden() ? AS_GIVEN : model.get("sort");
          const now = ranking(strategies, model.get("shown"), sort);
          for (const strategy of now) all.get(strategy).update();
          const names = JSON.stringify(now.map(({ name }) => name));
          if (names === order) return;
          const focused = document.activeElement;
          list.replaceChildren(...now.map((strategy) => all.get(strategy).node));
          if (focused && list.contains(focused)) focused.focus();
          order = names;
        },
      };
    }

    // ---- the numbers and one text as tables, and the code --------------------------------------------

    const cell = ({ text, low, high, note }) => (hidden() ? "?"
      : text + (low === null || low === high ? "" : ` (${Number(low.toPrecision(3))} to ${Number(high.toPrecision(3))})`)
        + (/\d/.test(note) ? `, ${note}` : ""));
    const numbersOf = () => ranking(strategies, model.get("shown"), hidden() ? AS_GIVEN : model.get("sort"))
      .map(({ name, numbers }) => [name, ...metrics.map((metric) => cell(numbers[metric.name]))]);
    const tokensOf = () => textOf(picked()).tokens.map((token, i) => {
      const nats = textOf(picked()).surprisal[i];
      return [i + 1, showToken(token), hidden() ? "?" : showProbability(Math.exp(-nats)), hidden() ? "?" : nats.toFixed(3)];
    });

    function tokens() {
      const table = parts.table({ summary: "", rowHeader: 1, columns: ["place", "token", "p", "surprisal (nats)"], rows: tokensOf });
      const summary = table.node.querySelector("summary");
      const scroll = table.node.querySelector(".dx-scroll");
      return {
        node: table.node,
        open() {
          table.node.open = true;
          summary.focus();
        },
        update() {
          summary.textContent = `The tokens of ${picked().name}`;
          scroll.setAttribute("aria-label", summary.textContent);
          table.update();
        },
      };
    }

    const code = () => [
      ...parts.imports(picked().code), "",
      data.load ? `lm = ${data.load}` : "# lm is the table of this page",
      `strategy = ${picked().code}`,
      `generation = dl.generate(lm, ${JSON.stringify(data.prompt)}, strategy, max_new_tokens=${data.max_new_tokens}, seed=${seedOf(picked())})`,
      "print(generation.full_text)",
    ].join("\n");

    const answer = () => ({ value: data.predict.answer, text: data.predict.answer });

    const views = {
      header: header(),
      prediction: parts.prediction({ model, answer, next: "Now compare the numbers." }),
      shown: shownPicker(), sorter: sorter(), course: course(), lanes: lanes(),
      key: { node: element("p", { class: "dx-rest", text:
        "Shades: deeper for less probable tokens, underlined below p = 0.01. Bars: the mean; the line on a bar spans the texts from lowest to highest." }),
      update() {} },
      numbers: parts.table({ summary: "The numbers as a table",
        columns: ["strategy", ...metrics.map(({ label }) => label)], rows: numbersOf }),
      tokens: tokens(),
      code: parts.sharing({ model, code }),
    };
    const update = () => { for (const view of Object.values(views)) view.update(); };
    mounted = parts.assemble({ model, el, views, settings: SETTINGS, update });
    return () => { views.course.stop(); mounted(); };
  }

  register("race", render);
})();
