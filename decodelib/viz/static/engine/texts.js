// @ts-check
/* The line of all texts: [0, 1) cut by the model into an interval for each first token, each cut again by
 * the second token, and so on. A text's interval is as long as the text is probable.
 *
 * A view of the line is { path, lo, hi }: the part from lo to hi of the interval of the text `path`, taken
 * as [0, 1) itself. It moves down into a token's interval as soon as it lies within, so that its ends are
 * numbers of ordinary size however far it is zoomed in; how long a text's interval is, is carried as a
 * logarithm. */
(() => {
  const { logSumExp } = globalThis.DecodeEngine;

  /** How the interval of a text is cut: token i's part is [edges[i], edges[i + 1]).
   *  @typedef {{edges: Float64Array, logprobs: Float64Array}} Cuts
   *  @typedef {(path: number[]) => Cuts | null} CutsOf Null where they are not known yet.
   *  @typedef {{path: number[], lo: number, hi: number}} View */

  /** @param {Float64Array} logits By id.
   *  @returns {Cuts} */
  function cutsOf(logits) {
    const all = logSumExp(logits);
    const logprobs = logits.map((logit) => logit - all);
    const edges = new Float64Array(logits.length + 1);
    let sum = 0;
    for (let id = 0; id < logits.length; id++) edges[id + 1] = sum += Math.exp(logprobs[id]);
    for (let id = 1; id < edges.length; id++) edges[id] /= sum;
    return { edges, logprobs };
  }

  /** The token whose part a place in [0, 1) lies in.
   *  @param {Cuts} cuts
   *  @param {number} place */
  function tokenAt({ edges }, place) {
    let [low, high] = [0, edges.length - 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (edges[middle + 1] > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  const part = (/** @type {Cuts} */ { edges }, /** @type {number} */ id) => ({
    start: edges[id],
    length: edges[id + 1] - edges[id],
  });

  /** ln of the length of a text's interval: of its probability. Null where a cut is not known.
   *  @param {number[]} path
   *  @param {CutsOf} cutsAt */
  function logLength(path, cutsAt) {
    let [sum, lost] = [0, 0]; // what rounding took off the sum is kept, since hundreds are added
    for (let depth = 0; depth < path.length; depth++) {
      const cuts = cutsAt(path.slice(0, depth));
      if (!cuts) return null;
      const next = sum + cuts.logprobs[path[depth]];
      lost += sum - next + cuts.logprobs[path[depth]];
      sum = next;
    }
    return sum + lost;
  }

  /** ln of a view's length.
   *  @param {View} view
   *  @param {CutsOf} cutsAt */
  function logWidth(view, cutsAt) {
    const outer = logLength(view.path, cutsAt);
    return outer === null ? null : outer + Math.log(view.hi - view.lo);
  }

  const LEAST = 1e-12; // a narrower view would lose its digits at a border that it straddles

  /** The same view, moved down as far as it lies within one token's interval, and up where it sticks out.
   *  @param {View} view
   *  @param {CutsOf} cutsAt
   *  @returns {View} */
  function settle({ path, lo, hi }, cutsAt) {
    let now = { path, lo, hi };
    while (now.path.length && (now.lo < 0 || now.hi > 1)) {
      const cuts = cutsAt(now.path.slice(0, -1));
      if (!cuts) break;
      const { start, length } = part(cuts, now.path[now.path.length - 1]);
      if ((now.hi - now.lo) * length < LEAST) break;
      now = {
        path: now.path.slice(0, -1),
        lo: start + now.lo * length,
        hi: start + now.hi * length,
      };
    }
    const width = Math.min(1, now.hi - now.lo);
    now.lo = Math.min(Math.max(now.lo, 0), 1 - width);
    now.hi = now.lo + width;
    for (;;) {
      const cuts = cutsAt(now.path);
      if (!cuts) return now;
      const id = tokenAt(cuts, now.lo);
      const { start, length } = part(cuts, id);
      if (!(length > 0) || now.lo < start || now.hi > start + length || length === 1) {
        if (now.hi - now.lo < LEAST) now.hi = now.lo + LEAST;
        return now;
      }
      now = {
        path: [...now.path, id],
        lo: (now.lo - start) / length,
        hi: Math.min(1, (now.hi - start) / length),
      };
    }
  }

  /** Zoom: what is at a place of the view, from 0 to 1, stays there.
   *  @param {View} view
   *  @param {number} place
   *  @param {number} factor Above 1 to zoom in.
   *  @param {CutsOf} cutsAt */
  function zoom({ path, lo, hi }, place, factor, cutsAt) {
    const at = lo + place * (hi - lo);
    const width = (hi - lo) / factor;
    return settle({ path, lo: at - place * width, hi: at + (1 - place) * width }, cutsAt);
  }

  /** Zoom so that an interval fills a share of the view.
   *  @param {View} view
   *  @param {{left: number, width: number}} interval As `visible` lists it.
   *  @param {CutsOf} cutsAt
   *  @param {number} [share] */
  function fit(view, { left, width }, cutsAt, share = 0.9) {
    if (width === 1) return view;
    return zoom(view, left / (1 - width), share / width, cutsAt);
  }

  /** Move along the line, by a share of what is seen.
   *  @param {View} view
   *  @param {number} share
   *  @param {CutsOf} cutsAt */
  function pan({ path, lo, hi }, share, cutsAt) {
    const by = share * (hi - lo);
    return settle({ path, lo: lo + by, hi: hi + by }, cutsAt);
  }

  /** The intervals that are seen and not too short, the texts of `view.path` and one token first.
   *  `wanted` are the texts whose cuts would be seen but are not known, the longest first.
   *  @param {View} view
   *  @param {CutsOf} cutsAt
   *  @param {{levels: number, least: number, open: number}} limits `least`: the shortest interval that is
   *    listed; `open`: the shortest that is cut again; both as shares of the view. */
  function visible(view, cutsAt, { levels, least, open }) {
    /** @type {{path: number[], id: number, level: number, left: number, width: number}[]} */
    const intervals = [];
    /** @type {{path: number[], width: number}[]} */
    const wanted = [];
    const scale = 1 / (view.hi - view.lo);
    /** @param {number[]} path
     *  @param {number} left
     *  @param {number} width
     *  @param {number} level */
    function cut(path, left, width, level) {
      const cuts = cutsAt(path);
      if (!cuts) {
        wanted.push({ path, width });
        return;
      }
      const first = tokenAt(cuts, Math.max(0, -left / width));
      for (let id = first; id < cuts.logprobs.length; id++) {
        const { start, length } = part(cuts, id);
        const from = left + start * width;
        if (from >= 1) break;
        const long = length * width;
        if (long < least || from + long <= 0) continue;
        intervals.push({ path: [...path, id], id, level, left: from, width: long });
        if (level + 1 < levels && long >= open) cut([...path, id], from, long, level + 1);
      }
    }
    cut(view.path, -view.lo * scale, scale, 0);
    wanted.sort((a, b) => b.width - a.width);
    return { intervals, wanted: wanted.map(({ path }) => path) };
  }

  /** Where the draws of a seed fall in the interval of a text, or null if they lead elsewhere. Every
   *  token is drawn with a number of its own, so the place within a token's interval is a new one.
   *  @param {any} generator At the beginning of its stream.
   *  @param {number[]} path
   *  @param {CutsOf} cutsAt */
  function placeOfSeed(generator, path, cutsAt) {
    for (let depth = 0; depth < path.length; depth++) {
      const cuts = cutsAt(path.slice(0, depth));
      if (!cuts || tokenAt(cuts, generator.uniform()) !== path[depth]) return null;
    }
    return generator.uniform();
  }

  /** Where a place of the whole line is in the interval of a text, or null if it lies elsewhere.
   *  @param {number} place In [0, 1).
   *  @param {number[]} path
   *  @param {CutsOf} cutsAt */
  function placeIn(place, path, cutsAt) {
    let now = place;
    for (let depth = 0; depth < path.length; depth++) {
      const cuts = cutsAt(path.slice(0, depth));
      if (!cuts || tokenAt(cuts, now) !== path[depth]) return null;
      const { start, length } = part(cuts, path[depth]);
      now = Math.min((now - start) / length, 1 - 2 ** -53);
    }
    return now;
  }

  Object.assign(globalThis.DecodeEngine, {
    line: {
      cutsOf,
      tokenAt,
      part,
      logLength,
      logWidth,
      settle,
      zoom,
      fit,
      pan,
      visible,
      placeOfSeed,
      placeIn,
    },
  });
})();
