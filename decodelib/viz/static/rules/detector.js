// @ts-check
/* What a green-list detector counts in an edited text: pure functions, without a page. */
(() => {
  /** Whether a token is green after another; the bits are hexadecimal, the first bit first.
   * @type {Rules["isGreen"]} */
  const isGreen = (digits, place) =>
    Boolean((Number.parseInt(digits[Math.floor(place / 4)], 16) >> (3 - (place % 4))) & 1);

  /** The places that are left, and what stands there: replaced ones with their replacement.
   * @type {Rules["edited"]} */
  const edited = ({ ids, swaps }, length, edits, how) => {
    const changed = new Set(edits);
    return ids
      .slice(0, length)
      .map((word, i) => {
        const isChanged = changed.has(i + 1);
        return { place: i + 1, word: isChanged ? swaps[i] : word, isChanged };
      })
      .filter(({ isChanged }) => how === "replaced" || !isChanged);
  };

  /** ln n! for n up to `most`.
   * @param {number} most */
  function logFactorials(most) {
    const logs = [0];
    for (let n = 1; n <= most; n++) logs.push(logs[n - 1] + Math.log(n));
    return logs;
  }

  /** The probability of at least `hits` hits in `count` tries.
   * @type {Rules["binomialTail"]} */
  function binomialTail(hits, count, share) {
    const logs = logFactorials(count);
    let total = 0;
    for (let k = hits; k <= count; k++) {
      const ways = logs[count] - logs[k] - logs[count - k];
      total += Math.exp(ways + k * Math.log(share) + (count - k) * Math.log1p(-share));
    }
    return Math.min(1, total);
  }

  /** What the detector finds after each token: every pair of neighbours counts once.
   * @type {Rules["detect"]} */
  function detect({ green }, left, gamma) {
    const seen = new Set();
    let hits = 0;
    return left.map(({ word }, i) => {
      const before = left[i - 1]?.word;
      const pair = `${before} ${word}`;
      const isScored = i > 0 && !seen.has(pair);
      const hit = i > 0 && isGreen(green[before], word);
      if (isScored) {
        seen.add(pair);
        hits += Number(hit);
      }
      const scored = seen.size;
      const z = scored ? (hits - gamma * scored) / Math.sqrt(scored * gamma * (1 - gamma)) : 0;
      return { isScored, isGreen: hit, scored, green: hits, z };
    });
  }

  globalThis.DecodeExplorer.rules = { isGreen, edited, binomialTail, detect };
})();
