// @ts-check
/* The votes of many texts after the reader's own prompt; the answer is read as in what was recorded. */
(() => {
  const { makers, LOAD } = globalThis.DecodeLive.ownParts;
  const { answerOf } = globalThis.DecodeExplorer.votes;

  makers.votes = (/** @type {Model} */ recorded) => {
    const data = recorded.get("data");
    return {
      label: "Your own prompt",
      prompt: data.prompt,
      notes: [`The answer of a text is read by the same rule: ${data.answer}`],
      fields: {
        texts: { label: "Texts", value: Math.min(data.texts.length, 16), min: 2, max: 100 },
        length: { label: "New tokens", value: data.max_new_tokens, min: 1, max: 60 },
        seed: { label: "Seed", value: data.seed, min: 0, max: 1e9 },
      },
      async make(/** @type {any} */ given, /** @type {any} */ tools) {
        const texts = await draw(given, tools, data.answer);
        if (!texts.length) return null;
        return {
          data: {
            source: LOAD,
            prompt: given.prompt,
            answer: data.answer,
            strategy: data.strategy,
            max_new_tokens: given.length,
            seed: given.seed,
            texts,
          },
          settings: { texts: texts.length, picked: "all" },
          said:
            texts.length === given.texts
              ? undefined
              : `Stopped: ${texts.length} of ${given.texts} texts were drawn.`,
        };
      },
    };
  };

  /** The texts, as many as were drawn before the reader stopped.
   *  @param {any} given
   *  @param {any} tools
   *  @param {string} pattern */
  async function draw({ prompt, texts: count, length, seed }, tools, pattern) {
    const texts = [];
    for (let i = 0; i < count; i++) {
      tools.tell(`Text ${i + 1} of ${count} …`);
      const request = {
        strategy: "sampling",
        given: {},
        max_new_tokens: length,
        min_new_tokens: 0,
        stop: [],
        seed: String(BigInt(seed) + (BigInt(i) << 32n)), // as Sampling(num_return_sequences) does
      };
      const done = await tools.ask(
        { type: "generate", request, prompt },
        { onReading() {}, onStep() {} },
      );
      if (!done) break;
      const { text, tokens } = done.result;
      texts.push({ tokens, answer: answerOf(pattern, text) });
    }
    return texts;
  }
})();
