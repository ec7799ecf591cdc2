// @ts-check
/* The file of weights: safetensors of float16, widened to float32, which holds each of them exactly. */
(() => {
  /** @param {number} bits Of a float16. */
  function widened(bits) {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  /** The tensors of a safetensors file by name, without GPT2LMHeadModel's prefix.
   *  @typedef {{shape: number[], values: Float32Array}} Tensor
   *  @param {Uint8Array} file
   *  @returns {Record<string, Tensor>} */
  function readSafetensors(file) {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const length = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
    const table = Float32Array.from({ length: 65536 }, (_, bits) => widened(bits));
    /** @type {Record<string, Tensor>} */
    const tensors = {};
    for (const [name, entry] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      if (entry.dtype !== "F16") throw new Error(`weights must be float16, got ${entry.dtype}`);
      const [start, end] = entry.data_offsets;
      const values = new Float32Array((end - start) / 2);
      for (let i = 0, at = 8 + length + start; i < values.length; i++, at += 2) {
        values[i] = table[file[at] | (file[at + 1] << 8)];
      }
      tensors[name.replace(/^transformer\./, "")] = { shape: entry.shape, values };
    }
    return tensors;
  }

  Object.assign(globalThis.DecodeEngine, { readSafetensors });
})();
