// @ts-check
/* A race of strategies after the reader's own prompt. */
(() => {
  const { makers, offered, requestOf } = globalThis.DecodeLive.ownParts;
  const { raceScores } = globalThis.DecodeEngine;

  makers.race = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    const { known, notes } = offered(data.strategies);
    return {
      label: "Your own prompt",
      prompt: data.prompt,
      notes,
      fields: {
        samples: { label: "Texts of each", value: Math.min(data.samples, 3), min: 1, max: 8 },
        length: { label: "New tokens", value: Math.min(data.max_new_tokens, 30), min: 1, max: 100 },
        seed: { label: "First seed", value: data.seed, min: 0, max: 1e9 },
      },
      async make(/** @type {any} */ given, /** @type {any} */ tools) {
        const strategies = [];
        for (const one of known) {
          const texts = await write(one, given, tools);
          if (!texts) break;
          strategies.push({
            ...one,
            texts: texts.map(({ tokens, surprisal, end }) => ({ tokens, surprisal, end })),
            numbers: raceScores(texts, given.samples),
          });
        }
        if (!strategies.length) return null;
        const isWhole = strategies.length === known.length;
        const { metrics } = data;
        return {
          data: {
            prompt: given.prompt,
            note: "",
            samples: given.samples,
            max_new_tokens: given.length,
            seed: given.seed,
            metrics,
            strategies,
          },
          settings: {
            sort: "as given",
            sample: 1,
            step: given.length,
            shown: [],
            picked: strategies[0].name,
          },
          said: isWhole
            ? undefined
            : `Stopped: ${strategies.length} of ${known.length} strategies had run.`,
        };
      },
    };
  };

  /** The texts of one strategy, or null where the reader stopped it.
   *  @param {any} strategy
   *  @param {any} given
   *  @param {any} tools */
  async function write({ name, request, chance }, { prompt, samples, length, seed }, tools) {
    const texts = [];
    const count = chance ? samples : 1; // without chance it would be the same text again
    for (let i = 0; i < count; i++) {
      tools.tell(`${name}: text ${i + 1} of ${count} …`);
      /** @type {any[]} */
      const steps = [];
      const done = await tools.ask(
        { type: "generate", request: requestOf(request, length, seed + i), prompt },
        { onReading() {}, onStep: (/** @type {any} */ step) => steps.push(step) },
      );
      if (!done) return null;
      const { text, tokenIds, tokens, finishReason } = done.result;
      texts.push({
        text,
        tokenIds,
        tokens,
        end: finishReason,
        surprisal: steps.map(({ logprob }) => Math.abs(logprob)), // no -0
        entropy: steps.map(({ entropy }) => entropy),
      });
    }
    return texts;
  }
})();
