// @ts-check
/* PyTorch's random numbers, bit for bit: the Mersenne Twister MT19937 of its generator on the CPU. */
(() => {
  const SIZE = 624;
  const HALF = 397;

  /** One stream of random numbers, as `torch.Generator().manual_seed(seed)` gives it. */
  class Generator {
    /** @param {number | bigint} seed In [0, 2^63). */
    constructor(seed) {
      this.words = initialised(Number(BigInt(seed) & 0xffffffffn));
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

  /** @param {Uint32Array} words */
  function twist(words) {
    for (let i = 0; i < SIZE; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % SIZE] & 0x7fffffff);
      words[i] = words[(i + HALF) % SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
  }

  Object.assign(globalThis.DecodeEngine, { Generator });
})();
