// @ts-check
/* PyTorch's random numbers, bit for bit: the Mersenne Twister MT19937 of its generator on the CPU. */
(() => {
  const SIZE = 624;
  const HALF = 397;

  /** One stream of random numbers, as `seeded` of decodelib/kernels/seeds.py gives it. */
  class Generator {
    /** @param {number | bigint} seed In [0, 2^63). */
    constructor(seed) {
      const low = Number(BigInt(seed) & 0xffffffffn);
      const high = Number(BigInt(seed) >> 32n);
      this.words = high ? initialisedBy([low, high]) : initialised(low);
      this.next = SIZE;
    }

    /** An independent copy, at the same place of the same stream. */
    fork() {
      const copy = new Generator(0);
      copy.words = this.words.slice();
      copy.next = this.next;
      return copy;
    }

    /** The next 32 random bits. */
    word() {
      if (this.next === SIZE) {
        twist(this.words);
        this.next = 0;
      }
      let y = this.words[this.next++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }

    /** A number in [0, 1), as `torch.rand(())` draws one in float64: 53 bits of two words. */
    uniform() {
      const high = this.word() & 0x1fffff;
      return (high * 2 ** 32 + this.word()) / 2 ** 53;
    }
  }

  /** @param {number} seed 32 bits. */
  function initialised(seed) {
    const words = new Uint32Array(SIZE);
    words[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = words[i - 1] ^ (words[i - 1] >>> 30);
      words[i] = Math.imul(before, 1812433253) + i;
    }
    return words;
  }

  /** The reference code's `init_by_array`: a state from several words of 32 bits.
   *  @param {number[]} key */
  function initialisedBy(key) {
    const words = initialised(19650218);
    let i = 1;
    /** @param {number} factor @param {number} term */
    const mix = (factor, term) => {
      const before = words[i - 1] ^ (words[i - 1] >>> 30);
      words[i] = (words[i] ^ Math.imul(before, factor)) + term;
      i += 1;
      if (i === SIZE) {
        words[0] = words[SIZE - 1];
        i = 1;
      }
    };
    for (let k = 0; k < SIZE; k++) mix(1664525, key[k % key.length] + (k % key.length));
    for (let k = 1; k < SIZE; k++) mix(1566083941, -i);
    words[0] = 0x80000000;
    return words;
  }

  /** @param {Uint32Array} words */
  function twist(words) {
    for (let i = 0; i < SIZE; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % SIZE] & 0x7fffffff);
      words[i] = words[(i + HALF) % SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
  }

  Object.assign(globalThis.DecodeEngine, { Generator });
})();
