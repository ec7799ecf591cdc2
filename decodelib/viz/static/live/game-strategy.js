// @ts-check
/* Which strategy wrote this? The rival is three of chapter 14's measures, which do not read the text. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { games, distinct2, endsInRepetition } = globalThis.DecodeEngine;

  const LENGTH = 40;

  /** @type {Record<string, {strategy: string, given: Record<string, any>}>} */
  const REQUESTS = {
    Greedy: { strategy: "greedy", given: {} },
    "Top-p 0.5": { strategy: "sampling", given: { top_p: 0.5 } },
    "Random sampling": { strategy: "sampling", given: {} },
    "Temperature 1.5": { strategy: "sampling", given: { temperature: 1.5 } },
  };

  /** @param {any} text With its measures.
   *  @param {Record<string, any>} strategies */
  function roundOf(text, strategies) {
    const names = Object.keys(strategies);
    const number = (/** @type {number} */ x) => x.toFixed(2);
    const loops = (/** @type {number} */ share) => `${Math.round(100 * share)}%`;
    return {
      shown: [
        element(
          "p",
          { class: "live-text" },
          element("span", { class: "live-prompt", text: text.before }),
          text.text,
        ),
      ],
      options: names,
      answer: names.indexOf(text.strategy),
      rival: games.shares(Object.values(strategies), text),
      told: [
        live.parts.numbers(
          ["whose", "surprisal", "distinct-2", "loops"],
          [
            [
              "this text",
              number(text.surprisal),
              number(text.distinct_2),
              text.repetition ? "yes" : "no",
            ],
            ...names.map((name) => [
              name,
              number(strategies[name].surprisal[0]),
              number(strategies[name].distinct_2[0]),
              loops(strategies[name].repetition),
            ]),
          ],
        ),
      ],
    };
  }

  live.betting({
    name: "strategy",
    title: "Which strategy wrote this?",
    question: "Which strategy wrote what follows the grey opening?",
    rival: "the measures",
    count: 8,
    why: "With the model there are rounds without end, with texts that nobody has seen before.",
    recorded: (/** @type {any} */ { texts, strategies }, /** @type {any} */ generator) =>
      games.shuffled(texts, generator).map((/** @type {any} */ text) => roundOf(text, strategies)),
    async fresh(/** @type {any} */ { texts, strategies }, /** @type {any} */ generator) {
      const pick = (/** @type {any[]} */ list) =>
        list[Math.floor(generator.uniform() * list.length)];
      const name = pick(Object.keys(strategies));
      const { before } = pick(texts);
      const request = {
        ...REQUESTS[name],
        max_new_tokens: LENGTH,
        min_new_tokens: LENGTH / 2,
        stop: [],
        seed: String(Math.floor(generator.uniform() * 2 ** 32)),
      };
      const done = await live.model.ask({ type: "generate", prompt: before, request });
      if (!done) return null;
      const { text, tokenIds, logprobs } = done.result;
      const total = logprobs.reduce(
        (/** @type {number} */ sum, /** @type {number} */ x) => sum + x,
        0,
      );
      const measures = {
        surprisal: -total / logprobs.length,
        distinct_2: distinct2(tokenIds),
        repetition: endsInRepetition(tokenIds) ? 1 : 0,
      };
      return roundOf({ strategy: name, before, text, ...measures }, strategies);
    },
  });
})();
