// @ts-check
/* GPT-2's forward pass, one token at a time, in doubles: decodelib/models/gpt2/model.py again.
 *
 * A cache is a list of what each token so far left behind for the later ones: its keys and values in
 * every layer. Copying the list forks it, shortening the list rewinds it. */
(() => {
  const LANES = 8; // rows of a matrix that are multiplied side by side

  /** A matrix and its bias. `lanes` holds the rows in groups of eight, the eight numbers of a column
   *  next to each other, so that x_i is read once for eight products.
   *  @typedef {{rows: number, columns: number, lanes: Float32Array, bias: Float32Array | null}} Matrix
   *  @typedef {Record<string, {shape: number[], values: Float32Array}>} Tensors */

  /** @param {number} rows
   *  @param {number} columns
   *  @param {(row: number, column: number) => number} at
   *  @param {Float32Array | null} bias
   *  @returns {Matrix} */
  function matrix(rows, columns, at, bias) {
    const lanes = new Float32Array(Math.ceil(rows / LANES) * LANES * columns);
    for (let row = 0; row < rows; row++) {
      const start = Math.floor(row / LANES) * LANES * columns + (row % LANES);
      for (let column = 0; column < columns; column++)
        lanes[start + column * LANES] = at(row, column);
    }
    return { rows, columns, lanes, bias };
  }

  /** out = W x + b, or out += W x + b.
   *  @param {Matrix} matrix
   *  @param {Float64Array} x
   *  @param {Float64Array} out
   *  @param {boolean} [add] */
  function multiply({ rows, columns, lanes: w, bias }, x, out, add = false) {
    const sums = new Float64Array(LANES);
    for (let row = 0, p = 0; row < rows; row += LANES) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let e = 0;
      let f = 0;
      let g = 0;
      let h = 0;
      for (let i = 0; i < columns; i++, p += LANES) {
        const v = x[i];
        a += w[p] * v;
        b += w[p + 1] * v;
        c += w[p + 2] * v;
        d += w[p + 3] * v;
        e += w[p + 4] * v;
        f += w[p + 5] * v;
        g += w[p + 6] * v;
        h += w[p + 7] * v;
      }
      sums[0] = a;
      sums[1] = b;
      sums[2] = c;
      sums[3] = d;
      sums[4] = e;
      sums[5] = f;
      sums[6] = g;
      sums[7] = h;
      for (let k = 0; k < LANES && row + k < rows; k++) {
        const y = sums[k] + (bias ? bias[row + k] : 0);
        out[row + k] = add ? out[row + k] + y : y;
      }
    }
  }

  /** Move and scale x to mean 0 and variance 1, then by what was learnt.
   *  @param {Float64Array} x
   *  @param {{weight: Float32Array, bias: Float32Array}} norm
   *  @param {number} epsilon
   *  @param {Float64Array} out */
  function normalise(x, { weight, bias }, epsilon, out) {
    let mean = 0;
    for (const value of x) mean += value;
    mean /= x.length;
    let variance = 0;
    for (const value of x) variance += (value - mean) ** 2;
    const scale = 1 / Math.sqrt(variance / x.length + epsilon);
    for (let i = 0; i < x.length; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  }

  /** GPT-2's activation: x * P(a normal number is below x), approximated by tanh.
   *  @param {number} x */
  const gelu = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

  /** @typedef {Float64Array[]} Cache What each token left behind: for every layer, keys and values. */

  class Model {
    /** @param {Record<string, any>} config As config.json has it.
     *  @param {Tensors} tensors */
    constructor(config, tensors) {
      const { n_embd: width, n_layer: layers, n_head: heads } = config;
      const values = (/** @type {string} */ name) => {
        if (!tensors[name]) throw new Error(`weights lack the tensor ${name}`);
        return tensors[name].values;
      };
      const norm = (/** @type {string} */ name) => ({
        weight: values(`${name}.weight`),
        bias: values(`${name}.bias`),
      });
      // GPT-2 stores its matrices as (in, out).
      const linear = (
        /** @type {string} */ name,
        /** @type {number} */ rows,
        /** @type {number} */ columns,
      ) => {
        const weight = values(`${name}.weight`);
        return matrix(
          rows,
          columns,
          (row, column) => weight[column * rows + row],
          values(`${name}.bias`),
        );
      };
      this.vocabSize = config.vocab_size;
      this.contextLength = config.n_positions;
      this.eos = config.eos_token_id;
      this.bos = config.bos_token_id;
      this.sizes = { width, layers, heads };
      this.epsilon = config.layer_norm_epsilon;
      this.embedding = values("wte.weight");
      this.positions = values("wpe.weight");
      this.blocks = Array.from({ length: layers }, (_, layer) => ({
        norm1: norm(`h.${layer}.ln_1`),
        qkv: linear(`h.${layer}.attn.c_attn`, 3 * width, width),
        out: linear(`h.${layer}.attn.c_proj`, width, width),
        norm2: norm(`h.${layer}.ln_2`),
        up: linear(`h.${layer}.mlp.c_fc`, 4 * width, width),
        down: linear(`h.${layer}.mlp.c_proj`, width, 4 * width),
      }));
      this.normLast = norm("ln_f");
      const embedding = this.embedding;
      this.unembedding = matrix(
        this.vocabSize,
        width,
        (token, column) => embedding[token * width + column],
        null,
      );
      this.x = new Float64Array(width); // the residual stream
      this.h = new Float64Array(width);
      this.qkv = new Float64Array(3 * width);
      this.mlp = new Float64Array(4 * width);
      this.scores = new Float64Array(this.contextLength);
    }

    /** Read one more token, and leave its keys and values in the cache.
     *  @param {number} id
     *  @param {Cache} cache */
    read(id, cache) {
      const { x, h, qkv, mlp, epsilon } = this;
      const { width, layers } = this.sizes;
      const place = cache.length;
      if (place >= this.contextLength)
        throw new Error(`cache is full: it has room for ${place} tokens`);
      for (let i = 0; i < width; i++) {
        x[i] = this.embedding[id * width + i] + this.positions[place * width + i];
      }
      cache.push(new Float64Array(layers * 2 * width));
      this.blocks.forEach((block, layer) => {
        normalise(x, block.norm1, epsilon, h);
        multiply(block.qkv, h, qkv);
        cache[place].set(qkv.subarray(width), layer * 2 * width);
        this.attend(layer, cache, h);
        multiply(block.out, h, x, true);
        normalise(x, block.norm2, epsilon, h);
        multiply(block.up, h, mlp);
        for (let i = 0; i < mlp.length; i++) mlp[i] = gelu(mlp[i]);
        multiply(block.down, mlp, x, true);
      });
    }

    /** Write into `out` the mean of the values of all tokens, weighted by how well their keys fit the
     *  last token's query: for every head, softmax(q . k / sqrt(d)).
     *  @param {number} layer
     *  @param {Cache} cache
     *  @param {Float64Array} out */
    attend(layer, cache, out) {
      const { qkv: q, scores } = this;
      const { width, heads } = this.sizes;
      const size = width / heads;
      const keys = layer * 2 * width;
      out.fill(0);
      for (let start = 0; start < width; start += size) {
        let best = -Infinity;
        for (let j = 0; j < cache.length; j++) {
          scores[j] = dot(q, start, cache[j], keys + start, size) / Math.sqrt(size);
          best = Math.max(best, scores[j]);
        }
        let total = 0;
        for (let j = 0; j < cache.length; j++) {
          scores[j] = Math.exp(scores[j] - best);
          total += scores[j];
        }
        for (let j = 0; j < cache.length; j++) {
          const weight = scores[j] / total;
          const values = cache[j];
          for (let i = 0, p = keys + width + start; i < size; i++, p++)
            out[start + i] += weight * values[p];
        }
      }
    }

    /** The logits of the token that follows the one read last.
     *  @returns {Float64Array} */
    logits() {
      const logits = new Float64Array(this.vocabSize);
      normalise(this.x, this.normLast, this.epsilon, this.h);
      multiply(this.unembedding, this.h, logits);
      return logits;
    }
  }

  /** @param {Float64Array} a
   *  @param {number} p
   *  @param {Float64Array} b
   *  @param {number} q
   *  @param {number} size A multiple of 4. */
  function dot(a, p, b, q, size) {
    let s = 0;
    let t = 0;
    let u = 0;
    let v = 0;
    for (const end = p + size; p < end; p += 4, q += 4) {
      s += a[p] * b[q];
      t += a[p + 1] * b[q + 1];
      u += a[p + 2] * b[q + 2];
      v += a[p + 3] * b[q + 3];
    }
    return s + t + (u + v);
  }

  Object.assign(globalThis.DecodeEngine, { Model });
})();
