// @ts-check
/* Byte-level byte-pair encoding, as GPT-2 and the package `tokenizers` do it. */
(() => {
  const SPACE = "\\p{White_Space}"; // not \s, which counts U+FEFF and leaves out U+0085

  /** How the tokenizers of GPT-2's kind write the 256 bytes, each as one visible character.
   *  @returns {Map<string, number>} */
  function bytesByCharacter() {
    const visible = (/** @type {number} */ byte) =>
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    const bytes = new Map();
    let moved = 256;
    for (let byte = 0; byte < 256; byte++) {
      bytes.set(String.fromCodePoint(visible(byte) ? byte : moved++), byte);
    }
    return bytes;
  }

  /** The pattern that cuts a text into the pieces within which tokens are merged.
   *
   *  What is a letter or a number is asked of the tokenizer, as ranges of code points: browsers know
   *  other versions of Unicode than it does.
   *  @param {[number, number][]} letters
   *  @param {[number, number][]} numbers */
  function pieces(letters, numbers) {
    const hex = (/** @type {number} */ code) => `\\u{${code.toString(16)}}`;
    const [L, N] = [letters, numbers].map((ranges) =>
      ranges.map(([from, to]) => (from === to ? hex(from) : `${hex(from)}-${hex(to)}`)).join(""),
    );
    return new RegExp(
      "'s|'t|'re|'ve|'m|'ll|'d" +
        `| ?[${L}]+| ?[${N}]+| ?[^${SPACE}${L}${N}]+|${SPACE}+(?![^${SPACE}])|${SPACE}+`,
      "gu",
    );
  }

  /** Text to token ids and back.
   *
   *  @typedef {object} Vocabulary
   *  @property {string[]} tokens Every token as the tokenizer's file writes it, by id.
   *  @property {[number, number][]} merges Pairs of ids, the pair to merge first at the front.
   *  @property {string[]} special Tokens that stand for themselves wherever they appear in a text.
   *  @property {[number, number][]} letters Ranges of code points, both ends included.
   *  @property {[number, number][]} numbers The same. */
  class Tokenizer {
    /** @param {Vocabulary} vocabulary */
    constructor({ tokens, merges, special, letters, numbers }) {
      const bytes = bytesByCharacter();
      const ids = new Map(tokens.map((token, id) => [token, id]));
      this.size = tokens.length;
      this.bytes = tokens.map((token) => Uint8Array.from(token, (c) => bytes.get(c) ?? 0));
      /** @type {number[]} */
      this.ofByte = [];
      for (const [character, byte] of bytes) this.ofByte[byte] = ids.get(character) ?? -1;
      /** @type {Map<number, {rank: number, id: number}>} */
      this.merges = new Map();
      merges.forEach(([left, right], rank) => {
        const id = ids.get(tokens[left] + tokens[right]) ?? -1;
        this.merges.set(left * this.size + right, { rank, id });
      });
      this.special = new Map(special.map((token) => [token, ids.get(token) ?? -1]));
      this.pieces = pieces(letters, numbers);
      /** @type {Map<string, number[]>} */
      this.known = new Map();
    }

    /** The token ids of a text. Throws for one that is not valid Unicode.
     *  @param {string} text
     *  @returns {number[]} */
    encode(text) {
      if (/\p{Surrogate}/u.test(text)) {
        throw new Error("text must be valid Unicode, got half of a surrogate pair");
      }
      const ids = [];
      for (const part of this.splitAtSpecial(text)) {
        const special = this.special.get(part);
        if (special !== undefined) ids.push(special);
        else for (const [piece] of part.matchAll(this.pieces)) ids.push(...this.encodePiece(piece));
      }
      return ids;
    }

    /** @param {string} text */
    splitAtSpecial(text) {
      const parts = [];
      let rest = text;
      while (rest !== "") {
        const found = [...this.special.keys()]
          .map((token) => ({ token, at: rest.indexOf(token) }))
          .filter(({ at }) => at >= 0)
          .sort((a, b) => a.at - b.at)[0];
        if (!found) return [...parts, rest];
        if (found.at > 0) parts.push(rest.slice(0, found.at));
        parts.push(found.token);
        rest = rest.slice(found.at + found.token.length);
      }
      return parts;
    }

    /** Merge the piece's bytes, pair after pair, the pair of lowest rank first.
     *  @param {string} piece */
    encodePiece(piece) {
      const known = this.known.get(piece);
      if (known) return known;
      const ids = Array.from(new TextEncoder().encode(piece), (byte) => this.ofByte[byte]);
      for (;;) {
        let best = { rank: Infinity, id: -1 };
        let place = -1;
        for (let i = 0; i + 1 < ids.length; i++) {
          const merge = this.merges.get(ids[i] * this.size + ids[i + 1]);
          if (merge && merge.rank < best.rank) [best, place] = [merge, i];
        }
        if (place < 0) break;
        ids.splice(place, 2, best.id);
      }
      if (piece.length < 32) this.known.set(piece, ids);
      return ids;
    }

    /** The text of token ids; bytes that are no UTF-8 become U+FFFD.
     *  @param {ArrayLike<number>} ids */
    decode(ids) {
      const parts = Array.from(ids, (id) => this.bytes[id]);
      const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(all);
    }
  }

  /** `text` without the U+FFFD, at most three, that end it: the first bytes of a character whose
   *  other bytes are still to come.
   *  @param {string} text */
  const settled = (text) => text.replace(/\ufffd{1,3}$/u, "");

  /** The texts of tokens in a row; a character counts to the token that completes it.
   *  @param {Tokenizer} tokenizer
   *  @param {number[]} ids */
  function tokenTexts(tokenizer, ids) {
    let shown = 0;
    return ids.map((_, i) => {
      const text = tokenizer.decode(ids.slice(0, i + 1));
      const until = i + 1 === ids.length ? text : settled(text);
      const own = until.slice(shown);
      shown = Math.max(shown, until.length);
      return own;
    });
  }

  Object.assign(globalThis.DecodeEngine, { Tokenizer, settled, tokenTexts });
})();
