// @ts-check
/* The logits of one distribution, as decodelib.viz.distribution.payload packs them. */
(() => {
  /** @type {Shell["logits"]["unpack"]} */
  function unpack(record) {
    const logits = new Float64Array(record.vocab);
    logits.set(record.logits);
    let i = record.logits.length;
    for (const [exponent, count, text] of record.tail) {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const step = 2 ** -exponent;
      let at = 0;
      let level = 0;
      for (const end = i + count; i < end; i++) {
        let scale = 1;
        let byte;
        do {
          byte = bytes[at++];
          level += (byte & 127) * scale;
          scale *= 128;
        } while (byte & 128);
        logits[i] = -level * step;
      }
    }
    return logits;
  }

  globalThis.DecodeExplorer.logits = /** @type {Logits} */ ({ unpack });
})();
