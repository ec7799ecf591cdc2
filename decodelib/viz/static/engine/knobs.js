// @ts-check
/* The strategies that run in the page, their knobs by the command line's names, and the Python source
 * that does the same. */
(() => {
  const { RERANKING, reranking, PROCESSORS, ENTROPY_SAMPLING } = globalThis.DecodeEngine;

  /** What the library's table says of a knob (decodelib/processors/knobs.py), written here by
   *  decodelib/viz/page/pack.py, and what values it may have.
   *  @typedef {object} Knob
   *  @property {string} label
   *  @property {string} help
   *  @property {[number, number, number] | null} slider Lowest, highest, step.
   *  @property {any} usual Where the knob stands when a reader switches it on.
   *  @property {string} [processor] decodelib's name of the processor that it is.
   *  @property {number} [min]
   *  @property {number} [max]
   *  @property {boolean} [above] Whether the value must be above `min`.
   *  @property {boolean} [below] Whether the value must be below `max`.
   *  @property {boolean} [integer]
   *  @property {string[]} [parts] The names of its two numbers, if it has two.
   *  @property {any[]} [choices] */

  /** @type {Record<string, Partial<Knob>>} */
  const LIMITS = {
    repetition_penalty: { min: 0, above: true },
    no_repeat_ngram_size: { min: 1, integer: true },
    presence_penalty: {},
    frequency_penalty: {},
    dry: { min: 0 },
    temperature: { min: 0 },
    dynamic_temperature: { min: 0, above: true, parts: ["lowest", "highest"] },
    entropy_temperature: {},
    top_n_sigma: { min: 0 },
    top_h: { min: 0, max: 1, above: true },
    p_less: {},
    top_k: { min: 1, integer: true },
    top_p: { min: 0, max: 1, above: true },
    min_p: { min: 0, max: 1 },
    typical_p: { min: 0, max: 1, above: true },
    epsilon: { min: 0, max: 1, below: true },
    eta: { min: 0, max: 1, below: true },
    xtc: { min: 0, max: 1, parts: ["probability", "threshold"] },
    mirostat: { min: 0, above: true },
    num_beams: { min: 1, integer: true, usual: 5 },
    length_penalty: { min: -10, max: 10, usual: 1 },
    early_stopping: {
      choices: [false, true, "never"],
      usual: true,
      label: "Early stopping",
      slider: null,
      help: "whether to stop as soon as there are as many finished texts as beams",
    },
  };

  /** @type {Record<string, Knob>} */
  const KNOBS = Object.fromEntries(
    Object.entries(LIMITS).map(([name, limits]) => [
      name,
      { ...globalThis.DecodeEngine.table[name], ...limits },
    ]),
  );

  /** A strategy's own knobs, and the processors that follow no sequence.
   *  @param {string[]} own */
  const andOthers = (own) => {
    const others = Object.keys(KNOBS).filter((name) => KNOBS[name].processor);
    return [...own, ...others.filter((name) => name !== "mirostat" && !own.includes(name))];
  };

  /** @type {Record<string, {label: string, knobs: string[], made?: string}>} */
  const STRATEGIES = {
    sampling: {
      label: "Sampling",
      knobs: Object.keys(KNOBS).filter((name) => KNOBS[name].processor),
    },
    greedy: { label: "Greedy", knobs: RERANKING },
    beam: {
      label: "Beam search",
      knobs: andOthers(["num_beams", "length_penalty", "early_stopping"]),
      made: "BeamSearch",
    },
    entropy: {
      label: "Entropy-based",
      knobs: andOthers(["temperature", "top_k", "top_p", "min_p"]),
      made: "EntropySampling",
    },
  };

  /** Throw an error of one sentence unless a value is one that the knob may have.
   *  @param {string} name
   *  @param {any} value */
  function checkKnob(name, value) {
    const knob = KNOBS[name];
    const { min = -Infinity, max = Infinity, above, below, integer, parts, choices } = knob;
    if (choices || knob.usual === true) return;
    const shown = (/** @type {number} */ bound) => String(bound).replace("Infinity", "∞");
    for (const number of parts ? value : [value]) {
      const fits =
        Number.isFinite(number) &&
        (above ? number > min : number >= min) &&
        (below ? number < max : number <= max) &&
        (!integer || Number.isInteger(number));
      if (fits) continue;
      const range =
        max === Infinity
          ? `${above ? "greater than" : "at least"} ${min}`
          : `in ${above ? "(" : "["}${shown(min)}, ${shown(max)}${below ? ")" : "]"}`;
      throw new Error(`${name} must be ${integer ? "a whole number " : ""}${range}, got ${number}`);
    }
    if (name === "dynamic_temperature" && value[0] > value[1]) {
      throw new Error(
        `dynamic_temperature must rise from its first number to its second, got ${value.join(" and ")}`,
      );
    }
    if (name === "xtc" && value[1] === 0)
      throw new Error("xtc must have a threshold in (0, 1], got 0");
  }

  /** Throw an error of one sentence unless decodelib would accept the request.
   *  @param {any} request */
  function checkRequest({
    strategy,
    given,
    max_new_tokens: most,
    min_new_tokens: least,
    stop,
    seed,
  }) {
    for (const [name, value] of Object.entries(given)) {
      if (!STRATEGIES[strategy].knobs.includes(name))
        throw new Error(`${name} belongs to another strategy than ${strategy}`);
      if (name === "temperature" && value === 0 && strategy === "beam")
        throw new Error("temperature must be greater than 0 in beam search, got 0: choose greedy");
      checkKnob(name, value);
    }
    if (!(Number.isInteger(most) && most >= 1))
      throw new Error(`the number of tokens must be a whole number of at least 1, got ${most}`);
    if (!(Number.isInteger(least) && least >= 0 && least <= most))
      throw new Error(
        `the least number of tokens must be a whole number in [0, ${most}], got ${least}`,
      );
    if (stop.includes("")) throw new Error("a stop string must not be empty");
    if (!/^\d+$/.test(seed) || BigInt(seed) >= 2n ** 63n)
      throw new Error(`the seed must be a whole number in [0, 2^63), got ${seed || "nothing"}`);
  }

  // ---- as Python ---------------------------------------------------------------------------------

  /** @param {any} value
   *  @returns {string} */
  const literal = (value) =>
    value === true
      ? "True"
      : value === false
        ? "False"
        : Array.isArray(value)
          ? value.map(literal).join(", ")
          : typeof value === "string"
            ? JSON.stringify(value)
            : String(value);

  /** @param {string} strategy
   *  @param {Record<string, any>} given */
  function strategySource(strategy, given) {
    const { knobs, made } = STRATEGIES[strategy];
    const isGreedy = strategy === "greedy" || given.temperature === 0;
    const names = knobs.filter((name) => name in (isGreedy ? reranking(given) : given));
    const argument = (/** @type {string} */ name) =>
      given[name] === true ? "" : literal(given[name]);
    const processor = (/** @type {string} */ name) =>
      `dl.${KNOBS[name].processor}(${argument(name)})`;
    if (isGreedy)
      return names.length
        ? `dl.Sampling(${[...names.map(processor), "dl.TopK(1)"].join(", ")})`
        : "dl.Greedy()";
    if (!made) return `dl.Sampling(${names.map(processor).join(", ")})`;
    const isOwn = (/** @type {string} */ name) =>
      !KNOBS[name].processor || (made === "EntropySampling" && name in ENTROPY_SAMPLING);
    const own = names.filter(isOwn).map((name) => `${name}=${literal(given[name])}`);
    const others = names.filter((name) => !isOwn(name)).map(processor);
    if (others.length) own.push(`processors=[${others.join(", ")}]`);
    return `dl.${made}(${own.join(", ")})`;
  }

  /** The strategy that a Python source makes, or null for one that is not offered here.
   *  @param {string} source As `strategySource` writes it, or Python's `as_source`; defaults left out.
   *  @returns {{strategy: string, given: Record<string, any>} | null} */
  function readStrategy(source) {
    const [, made, inside] = /^dl\.(\w+)\((.*)\)$/s.exec(source) ?? [];
    if (made === "Greedy" && !inside) return { strategy: "greedy", given: {} };
    if (made === "Sampling") return readChain(inside);
    const strategy = Object.keys(STRATEGIES).find((name) => STRATEGIES[name].made === made);
    if (!strategy) return null;
    const known = [...STRATEGIES[strategy].knobs];
    if (strategy === "entropy") known.push(...Object.keys(ENTROPY_SAMPLING));
    const [, own, , chain] = /^(.*?)((?:, |^)processors=[[(](.*?),?[\])])?$/s.exec(inside) ?? [];
    const others = chain ? readChain(chain) : { given: {} };
    if (!others) return null;
    /** @type {Record<string, any>} */
    const given = {};
    for (const argument of own ? own.split(", ") : []) {
      const [name, text] = argument.split("=");
      given[name] = readLiteral(text);
    }
    Object.assign(given, others.given);
    const isKnown = (/** @type {[string, any]} */ [name, value]) =>
      known.includes(name) && value !== undefined;
    return Object.entries(given).every(isKnown) ? { strategy, given } : null;
  }

  /** Sampling's processors, which must stand in the order in which the page applies them.
   *  @param {string} inside */
  function readChain(inside) {
    /** @type {Record<string, any>} */
    const given = {};
    const calls = [...inside.matchAll(/dl\.(\w+)\(([^()]*)\)/g)];
    if (calls.map(([call]) => call).join(", ") !== inside) return null;
    let last = -1;
    for (const [, made, text] of calls) {
      const name = STRATEGIES.sampling.knobs.find((one) => KNOBS[one].processor === made);
      const place = PROCESSORS.indexOf(name ?? "");
      if (!name || place <= last) return null;
      last = place;
      const { usual } = KNOBS[name];
      const values = text
        ? text.split(", ").map((one) => readLiteral(one.replace(/^\w+=/, "")))
        : [];
      const wanted = usual === true ? 0 : [usual].flat().length;
      if (values.length !== wanted || values.includes(undefined)) return null;
      given[name] = usual === true ? true : wanted === 1 ? values[0] : values;
    }
    return { strategy: "sampling", given };
  }

  /** @param {string | undefined} text
   *  @returns {any} Undefined for what is neither a number, a truth value nor a string. */
  function readLiteral(text = "") {
    if (text === "True" || text === "False") return text === "True";
    if (/^(['"])\w*\1$/.test(text)) return text.slice(1, -1);
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
  }

  /** A cell that prints a run's text.
   *  @param {{prompt?: string, ids?: number[], request: any, text: string, finishReason: string}} run */
  function cellSource({ prompt, ids, request, text, finishReason }) {
    const { strategy, given, max_new_tokens: most, min_new_tokens: least, stop, seed } = request;
    const settings = [
      `max_new_tokens=${most}`,
      ...(least ? [`min_new_tokens=${least}`] : []),
      ...(stop.length ? [`stop=[${stop.map(literal).join(", ")}]`] : []),
      `seed=${seed}`,
    ];
    return [
      "import decodelib as dl",
      "",
      'lm = dl.load("storybook", device="cpu", dtype="float64")',
      `strategy = ${strategySource(strategy, given)}`,
      `prompt = ${ids ? `[${ids.join(", ")}]` : literal(prompt)}`,
      `g = dl.generate(lm, prompt, strategy, ${settings.join(", ")})`,
      // What was stopped in the page is the beginning of the whole text.
      finishReason === "stopped" ? `print(g.text[:${[...text].length}])` : "print(g.text)",
    ].join("\n");
  }

  Object.assign(globalThis.DecodeEngine, {
    KNOBS,
    STRATEGIES,
    checkKnob,
    checkRequest,
    strategySource,
    readStrategy,
    cellSource,
  });
})();
