// @ts-check
/* The green lists of a watermark: GreenListWatermark of decodelib/processors/watermarks.py, list for list. */
(() => {
  const { Generator } = globalThis.DecodeEngine;

  /** @typedef {{key: number, gamma: number, delta: number}} Mark As GreenListWatermark has it. */

  /** The tokens that are green after another: the first share gamma of the vocabulary as
   *  `torch.randperm` shuffles it with the seed key * id.
   *  @param {{key: number, gamma: number}} mark
   *  @param {number} id
   *  @param {number} vocabSize */
  function greenAfter({ key, gamma }, id, vocabSize) {
    const generator = new Generator((BigInt(key) * BigInt(id)) % 2n ** 32n);
    const ids = Uint32Array.from({ length: vocabSize }, (_, i) => i);
    const count = Math.floor(vocabSize * gamma);
    for (let i = 0; i < count; i++) {
      const j = i + (generator.word() % (vocabSize - i));
      [ids[i], ids[j]] = [ids[j], ids[i]];
    }
    return ids.subarray(0, count);
  }

  /** For each of some tokens, which of them are green after it: hexadecimal digits, as in
   *  decodelib/viz/rules/watermark.py, the first bit first.
   *  @param {{key: number, gamma: number}} mark
   *  @param {number[]} tokens Their ids.
   *  @param {number} vocabSize */
  function greenDigits(mark, tokens, vocabSize) {
    return tokens.map((token) => {
      const green = new Set(greenAfter(mark, token, vocabSize));
      let digits = "";
      for (let start = 0; start < tokens.length; start += 4) {
        let four = 0;
        for (let i = start; i < start + 4; i++) four = 2 * four + Number(green.has(tokens[i]));
        digits += four.toString(16);
      }
      return digits;
    });
  }

  /** The processor: delta nats more for what is green after the last token.
   *  @param {Mark} mark */
  const greenList = (mark) => (/** @type {number[]} */ ids, /** @type {Float64Array} */ logits) => {
    for (const id of greenAfter(mark, ids[ids.length - 1], logits.length)) logits[id] += mark.delta;
  };

  Object.assign(globalThis.DecodeEngine, { greenAfter, greenDigits, greenList });
})();
