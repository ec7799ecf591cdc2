// @ts-check
/* The reader's own prompt in an explorer: one form for all kinds, and below it an explorer of the same
 * kind, on what storybook computed for that prompt in the page. What a kind asks and how it is shown
 * stands in own-KIND.js, each of which adds a maker:
 *
 *   label, prompt      the name of the text field, and what it begins with
 *   fields             numbers and choices beside it, by name
 *   notes              sentences about what is not computed here
 *   make(given, tools) a promise of { data, settings }, or null where the reader stopped it
 *   enliven(model, ..) what the explorer can ask for later, if anything */
(() => {
  const live = globalThis.DecodeLive;
  const { element, localModel, render } = globalThis.DecodeExplorer;
  const { model, parts } = live;

  const PROMPT = "The old lighthouse keeper";
  const NAME = "storybook, computed in this page";
  const LOAD = 'dl.load("storybook", device="cpu", dtype="float64")';

  /** @typedef {object} Field
   *  @property {string} label
   *  @property {number | string} value
   *  @property {number} [min]
   *  @property {number} [max]
   *  @property {string[]} [options]
   *
   *  @typedef {object} Tools
   *  @property {(question: any, hooks?: any) => Promise<any>} ask Null where the reader stopped it.
   *  @property {(text: string) => void} tell
   *  @property {(work: () => Promise<any>) => Promise<any>} stoppable Work with Stop beside it.
   *
   *  @typedef {object} Made
   *  @property {Record<string, any>} data
   *  @property {Record<string, any>} settings
   *  @property {string} [said] How it ended, if it did not come to its end.
   *  @property {any} [context] For `enliven`.
   *
   *  @typedef {object} Maker
   *  @property {string} label
   *  @property {string} prompt
   *  @property {Record<string, Field>} fields
   *  @property {string[]} notes
   *  @property {(given: Record<string, any>, tools: Tools) => Promise<Made | null>} make
   *  @property {(shown: any, made: Made, tools: Tools) => void} [enliven] */

  /** @type {Record<string, (recorded: Model) => Maker>} */
  const makers = {};

  /** A number box or a list.
   *  @param {Field} field */
  function control({ value, min, max, options }) {
    if (!options) {
      const box = element("input", { type: "number", min, max, step: 1, inputmode: "numeric" });
      box.value = String(value);
      return box;
    }
    const list = element(
      "select",
      {},
      ...options.map((text) => element("option", { value: text, text })),
    );
    list.value = String(value);
    return list;
  }

  /** What a field holds, or an error of one sentence.
   *  @param {Field} field
   *  @param {any} box */
  function read({ label, min = 0, max = Infinity, options }, box) {
    if (options) return box.value;
    const value = box.valueAsNumber;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    const got = Number.isNaN(value) ? "nothing" : value;
    throw new Error(`${label} must be a whole number from ${min} to ${max}, got ${got}`);
  }

  const sentence = (/** @type {any} */ error) => {
    const { message } = /** @type {Error} */ (error);
    return `${message[0].toUpperCase()}${message.slice(1)}.`;
  };

  /** @param {HTMLElement} el
   *  @param {{kind: string, recorded: Model}} explorer What was recorded, which stays as it is. */
  function own(el, { kind, recorded }) {
    const maker = makers[kind](recorded);
    const prompt = element("textarea", {
      rows: 2,
      spellcheck: "false",
      "data-live-part": "own-prompt",
    });
    prompt.value = maker.prompt || PROMPT;
    const boxes = Object.entries(maker.fields).map(
      ([name, field]) => /** @type {const} */ ([name, field, control(field)]),
    );
    for (const [name, , box] of boxes) box.dataset.livePart = `own-${name}`;
    const go = element("button", { type: "submit", class: "live-go", text: "Show it" });
    const stop = element("button", {
      type: "button",
      text: "Stop",
      hidden: true,
      "data-live-part": "own-stop",
      onclick: () => model.stop(),
    });
    const status = element("p", {
      class: "live-note",
      role: "status",
      "data-live-part": "own-status",
    });
    const trouble = element("p", { class: "live-trouble", role: "alert" });
    const form = element(
      "form",
      {
        class: "live-form",
        novalidate: true, // what is wrong is said below the form, in words
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          run();
        },
      },
      parts.field(maker.label, prompt),
      element(
        "div",
        { class: "live-fields" },
        ...boxes.map(([, field, box]) => parts.field(field.label, box)),
      ),
      ...maker.notes.map((text) => element("p", { class: "live-note", text })),
      element("div", { class: "dx-buttons" }, go, stop),
    );
    const place = element("div", { class: "live-own-result", "data-live-part": "own-result" });
    const loader = parts.loader(
      "What is recorded above stays. The model comes once for all explorers of this page, and what you type goes nowhere.",
    );
    el.classList.add("live");
    el.append(
      element("p", {
        class: "live-note",
        text: "Computed by storybook, the book’s own small model, in your browser.",
      }),
      loader.node,
      form,
      trouble,
      status,
      place,
    );
    const update = () => {
      go.disabled = model.state !== "ready";
    };
    model.onChange(update);
    update();

    /** @type {(() => void) | undefined} */
    let forget;

    async function run() {
      trouble.textContent = "";
      /** @type {Record<string, any>} */
      const given = { prompt: prompt.value };
      let made = null;
      const began = performance.now();
      try {
        for (const [name, field, box] of boxes) given[name] = read(field, box);
        status.textContent = "Reading the prompt …";
        made = await tools.stoppable(() => maker.make(given, tools));
      } catch (error) {
        status.textContent = "";
        trouble.textContent = sentence(error);
        return;
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      status.textContent =
        made?.said ?? (made ? `Computed by storybook in ${seconds} s.` : "Stopped.");
      if (made) show(made);
    }

    /** @type {Tools} */
    const tools = {
      ask: (question, hooks) =>
        model.ask(question, {
          onReading: (/** @type {any} */ { done, total }) => {
            if (total > 1) status.textContent = `Reading the text: ${done} of ${total} tokens.`;
          },
          ...hooks,
        }),
      tell: (text) => {
        status.textContent = text;
      },
      async stoppable(work) {
        stop.hidden = false;
        try {
          return await work();
        } finally {
          stop.hidden = true;
        }
      },
    };

    /** Put an explorer of the kind where the last one was.
     *  @param {Made} made */
    function show(made) {
      forget?.();
      const shown = localModel({
        kind,
        title: "Your own prompt",
        prediction: null,
        revealed: false,
        ...made.settings,
        data: {
          model: NAME,
          load: LOAD,
          ...made.data,
          initial: made.settings,
          limits: recorded.get("data").limits,
          predict: null,
        },
      });
      maker.enliven?.(shown, made, tools);
      forget = render({ model: shown, el: place });
    }
  }

  /** The strategies of an explorer that the engine has, and a sentence about those that it has not.
   *  @param {{name: string, code: string}[]} strategies */
  function offered(strategies) {
    const known = strategies.map((one) => ({
      ...one,
      request: globalThis.DecodeEngine.readStrategy(one.code),
    }));
    const missing = known.filter(({ request }) => !request).map(({ name }) => name);
    return {
      known: known.filter(({ request }) => request),
      notes: missing.length
        ? [
            `Recorded only, because the engine of this page does not have ${missing.length > 1 ? "them" : "it"}: ${missing.join(", ")}.`,
          ]
        : [],
    };
  }

  /** A strategy's request as the engine takes it.
   *  @param {{strategy: string, given: Record<string, any>}} one
   *  @param {number} length
   *  @param {number} seed */
  const requestOf = ({ strategy, given }, length, seed) => ({
    strategy,
    given,
    max_new_tokens: length,
    min_new_tokens: 0,
    stop: [],
    seed: String(seed),
  });

  Object.assign(live, { own, ownParts: { makers, offered, requestOf, LOAD } });
})();
