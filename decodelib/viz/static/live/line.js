// @ts-check
/* The line of all texts as an explorer: on eight words, without a model, and on storybook. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, showToken, announcer } = globalThis.DecodeExplorer;
  const engine = globalThis.DecodeEngine;
  const { line } = engine;

  const LEVELS = 4;

  /** @param {HTMLElement} el */
  function render(el) {
    /** @type {any} */
    let source = live.toySource();
    /** @type {{path: number[], lo: number, hi: number}} */
    let view = { path: [], lo: 0, hi: 1 };
    /** @type {Map<string, any>} */
    let cuts = new Map();

    const slider = (
      /** @type {string} */ part,
      /** @type {number} */ min,
      /** @type {number} */ max,
      /** @type {number} */ value,
    ) => {
      const said = element("output", { class: "live-number" });
      const input = element("input", {
        type: "range",
        min,
        max,
        step: 0.05,
        value,
        "data-live-part": part,
        oninput: () => {
          said.textContent = input.valueAsNumber.toFixed(2);
          cuts = new Map();
          view = line.settle(view, cutsAt);
          update();
        },
      });
      said.textContent = value.toFixed(2);
      return { input, said };
    };
    const temperature = slider("line-temperature", 0.2, 2, 1);
    const topP = slider("line-top-p", 0.05, 1, 1);
    const prompt = element("input", {
      type: "text",
      value: "Once upon a time",
      spellcheck: "false",
      onchange: begin,
    });
    const on = element(
      "select",
      { "data-live-part": "line-on", onchange: begin },
      element("option", { value: "words", text: "eight words" }),
      element("option", { value: "model", text: "storybook" }),
    );
    const marks = element(
      "select",
      { "data-live-part": "line-marks", onchange: () => update() },
      ...[
        ["seeds", "seeds 0 to 9"],
        ["comb", "a comb of 10"],
        ["none", "none"],
      ].map(([value, text]) => element("option", { value, text })),
    );
    const loader = live.parts.loader(
      "The model's own line needs the model. The eight words need none.",
    );
    const promptField = live.parts.field("Prompt", prompt);
    const sliders = Object.entries({ Temperature: temperature, "Top-p": topP }).map(
      ([label, { input, said }]) => {
        const node = live.parts.field(label, input);
        node.append(said);
        return node;
      },
    );

    const moves = {
      zoom: (/** @type {number} */ place, /** @type {number} */ factor) =>
        go(line.zoom(view, place, factor, cutsAt)),
      pan: (/** @type {number} */ share) => go(line.pan(view, share, cutsAt)),
      fit: (/** @type {any} */ interval) => go(line.fit(view, interval, cutsAt)),
    };
    const picture = live.picture(moves);
    const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, part = "") =>
      element("button", {
        type: "button",
        text,
        onclick,
        ...(part ? { "data-live-part": part } : {}),
      });
    /** The text that most of what is seen belongs to: its interval nearly fills the view. */
    function focus() {
      let { path } = view;
      for (;;) {
        const inner = childrenOf(path).find(
          ({ left, width }) => Math.min(left + width, 1) - Math.max(left, 0) >= 0.8,
        );
        if (!inner) return path;
        path = inner.path;
      }
    }
    const childrenOf = (/** @type {number[]} */ path) =>
      intervals.filter(
        (one) => one.path.length === path.length + 1 && path.every((id, i) => id === one.path[i]),
      );
    const widest = () =>
      childrenOf(focus()).reduce(
        (best, one) => (best && best.length >= one.length ? best : one),
        /** @type {any} */ (null),
      );
    const followWidest = () => {
      const best = widest();
      if (best) moves.fit(best);
    };
    const whole = () => go({ path: [], lo: 0, hi: 1 });
    const keys = {
      "+": () => moves.zoom(0.5, 1.6),
      "=": () => moves.zoom(0.5, 1.6),
      "-": () => moves.zoom(0.5, 1 / 1.6),
      ArrowLeft: () => moves.pan(-0.15),
      ArrowRight: () => moves.pan(0.15),
      Enter: followWidest,
      Home: whole,
    };
    picture.node.addEventListener("keydown", (/** @type {any} */ event) => {
      const act = keys[/** @type {keyof typeof keys} */ (event.key)];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    const here = element("p", { class: "live-here", "data-live-part": "line-here" });
    const heard = element("p", { class: "dx-live", "aria-live": "polite" });
    const tell = announcer(heard);
    const list = element("div", {
      class: "live-choices",
      role: "group",
      "aria-label": "The widest intervals in view",
    });
    live.parts.frame(
      el,
      "The line of all texts",
      element(
        "div",
        { class: "live-fields" },
        live.parts.field("Distribution of", on),
        promptField,
        live.parts.field("Points", marks),
      ),
      element("div", { class: "live-fields" }, ...sliders),
      loader.node,
      here,
      picture.node,
      element(
        "div",
        { class: "dx-buttons" },
        button("Zoom in", () => moves.zoom(0.5, 2), "zoom-in"),
        button("Zoom out", () => moves.zoom(0.5, 0.5), "zoom-out"),
        button("←", () => moves.pan(-0.25)),
        button("→", () => moves.pan(0.25)),
        button("The widest (greedy)", followWidest, "widest"),
        button("The whole line", whole, "whole"),
      ),
      element("p", { class: "live-note", text: "Go to one of the widest:" }),
      list,
      heard,
    );
    for (const arrow of el.querySelectorAll("button")) {
      if (arrow.textContent === "←") arrow.setAttribute("aria-label", "Move left");
      if (arrow.textContent === "→") arrow.setAttribute("aria-label", "Move right");
    }

    /** @type {any[]} */
    let intervals = [];

    /** @param {number[]} path */
    function cutsAt(path) {
      const key = path.join();
      const found = cuts.get(key);
      if (found) return found;
      const logits = source.logitsAt(path);
      if (!logits) return null;
      const given = {
        temperature: temperature.input.valueAsNumber,
        top_p: topP.input.valueAsNumber,
      };
      const made = line.cutsOf(engine.chain(given, 0n)([...source.start, ...path], logits));
      cuts.set(key, made);
      return made;
    }

    const text = (/** @type {number[]} */ path) => path.map(source.name).join("");

    /** The seeds or the comb's teeth whose way leads into the view, as places of the view. */
    function points() {
      const all = Array.from({ length: 10 }, (_, i) => i);
      const scale = 1 / (view.hi - view.lo);
      return all
        .map((i) => {
          const place =
            marks.value === "none"
              ? null
              : marks.value === "comb"
                ? line.placeIn((i + 0.5) / 10, view.path, cutsAt)
                : line.placeOfSeed(new engine.Generator(i), view.path, cutsAt);
          return {
            place: place === null ? -1 : (place - view.lo) * scale,
            kind: marks.value,
            label: marks.value === "comb" ? `tooth ${i + 1} of 10` : `seed ${i}`,
          };
        })
        .filter(({ place }) => place >= 0 && place < 1);
    }

    function update() {
      const found = line.visible(view, cutsAt, { levels: LEVELS, least: 0.0025, open: 0.05 });
      ({ intervals } = found);
      source.want(found.wanted);
      for (const one of intervals) one.length = line.logLength(one.path, cutsAt) ?? -Infinity;
      const best = widest();
      for (const one of intervals) one.isWidest = one === best;
      const seen = points();
      picture.draw(intervals, source.name, seen);
      const bits = -(line.logWidth(view, cutsAt) ?? 0) / Math.log(2);
      const inside = focus();
      const shown = inside.length ? `“${text(inside)}”` : "the whole line";
      const logInside = line.logLength(inside, cutsAt) ?? 0;
      here.textContent =
        source.isReady || on.value === "words"
          ? `In view: ${shown}, of probability ${readable(logInside)}; ${Math.abs(bits).toFixed(1)} bits zoomed in.`
          : "The model has not been loaded.";
      const top = childrenOf(inside)
        .sort((a, b) => b.length - a.length)
        .slice(0, 6);
      list.replaceChildren(
        ...top.map((one) =>
          element(
            "button",
            {
              type: "button",
              text: showToken(source.name(one.id)),
              "aria-label": `Go to ${showToken(source.name(one.id))}, ${live.parts.percent(Math.exp(one.length - logInside))} of ${shown}`,
              onclick: () => {
                moves.fit(one);
                picture.node.focus();
              },
            },
            element("span", {
              class: "dx-was",
              text: ` ${live.parts.percent(Math.exp(one.length - logInside))}`,
            }),
          ),
        ),
      );
      tell(
        `${here.textContent} ${seen.length} ${marks.value === "comb" ? "teeth" : "seeds"} in view: ${seen.map((point) => point.label).join(", ") || "none"}.`,
      );
    }

    /** A probability from its logarithm, which may be far below the least number there is. */
    function readable(/** @type {number} */ logP) {
      if (logP > Math.log(0.001)) return Math.exp(logP).toFixed(4);
      const exponent = Math.floor(logP / Math.LN10);
      return `${Math.exp(logP - exponent * Math.LN10).toFixed(1)} × 10^${exponent}`;
    }

    /** @param {any} next */
    function go(next) {
      view = next;
      update();
    }

    function begin() {
      const isModel = on.value === "model";
      promptField.hidden = !isModel;
      loader.node.style.display = isModel ? "" : "none";
      source = isModel
        ? live.modelSource(prompt.value, () => go(line.settle(view, cutsAt)))
        : live.toySource();
      cuts = new Map();
      view = { path: [], lo: 0, hi: 1 };
      update();
    }
    live.model.onChange(() => {
      if (live.model.state === "ready") update();
    });
    addEventListener("resize", update);
    begin();
  }

  live.register("line", render);
})();
