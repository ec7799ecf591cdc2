/* Answers questions to the engine of the book's pages, one JSON value for another: in node, a line
 * of standard input for a line of output; in a browser, by calling answerEngine. */
globalThis.answerEngine = (() => {
  const engine = globalThis.DecodeEngine;
  let model = null;
  let tokenizer = null;

  const loadWeights = (config, file) => {
    model = new engine.Model(config, engine.readSafetensors(file));
  };

  /** How many seconds on the processor something takes, each time. */
  const timed = (count, work) =>
    Array.from({ length: count }, () => {
      const start = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    });

  const ended = (rounds) => {
    for (;;) {
      const { done, value } = rounds.next();
      if (done) return value;
    }
  };

  const answers = {
    vocabulary: (vocabulary) => {
      tokenizer = new engine.Tokenizer(vocabulary);
      return tokenizer.size;
    },
    encode: (texts) =>
      texts.map((text) => {
        try {
          return tokenizer.encode(text);
        } catch (error) {
          return error.message;
        }
      }),
    decode: (sequences) => sequences.map((ids) => tokenizer.decode(ids)),
    texts: (sequences) => sequences.map((ids) => engine.tokenTexts(tokenizer, ids)),
    logits: (sequences) =>
      sequences.map((ids) => {
        const cache = [];
        for (const id of ids) model.read(id, cache);
        return [...model.logits()];
      }),
    uniforms: ([seed, count]) => {
      const generator = new engine.Generator(BigInt(seed));
      return Array.from({ length: count }, () => generator.uniform());
    },
    process: (cases) =>
      cases.map(({ given, seed, ids, logits }) =>
        [
          ...engine.chain(given, BigInt(seed))(
            ids,
            Float64Array.from(logits, (l) => l ?? -Infinity),
          ),
        ].map((logit) => (logit === -Infinity ? null : logit)),
      ),
    green: ([mark, tokens, size]) => tokens.map((id) => [...engine.greenAfter(mark, id, size)]),
    greenDigits: ([mark, tokens, size]) => engine.greenDigits(mark, tokens, size),
    /** With one memory for all requests, as the worker has. */
    generate: (requests) => {
      const memory = { ids: [], states: [] };
      return requests.map((request) => {
        const ids = engine.promptIds(model, tokenizer, request.prompt);
        const rounds = engine.generate(model, tokenizer, ids, request, memory);
        const steps = [];
        let round = rounds.next();
        for (; !round.done; round = rounds.next()) steps.push(...round.value.steps);
        return { ...round.value, steps };
      });
    },
    strategies: (sources) => sources.map((source) => engine.readStrategy(source)),
    sources: (requests) =>
      requests.map(({ strategy, given }) => engine.strategySource(strategy, given)),
    tree: ({ prompt, ...settings }) =>
      ended(engine.growTree(model, tokenizer, tokenizer.encode(prompt), settings)),
    map: (text) => ended(engine.entropiesAlong(model, tokenizer, tokenizer.encode(text), 5)),
    constraints: (sources) => sources.map((source) => engine.readConstraint(source)),
    masses: ({ prompt, ...settings }) =>
      ended(
        engine.massesAlong(model, tokenizer, engine.promptIds(model, tokenizer, prompt), settings),
      ),
    race: ([texts, samples]) => engine.raceScores(texts, samples),
    game: ({ seed, count, choice, confidence, options, answer }) => {
      const generator = new engine.Generator(BigInt(seed));
      const list = Array.from({ length: count }, (_, i) => i);
      const p = engine.games.spread(choice, confidence, options);
      return {
        order: engine.games.shuffled(list, generator),
        p,
        bits: engine.games.bits(p[answer]),
      };
    },
    told: ([strategies, measures]) => engine.games.shares(strategies, measures),
    /** The third game: what is said of edited texts, what the key tells, and what chance needs. */
    marks: ([about, text, versions]) => {
      const { markedText, judge, editedWithKey, editedAtRandom } = engine.marks;
      const marked = markedText(about, text);
      return {
        judged: versions.map((ids) => judge(marked, ids)),
        withKey: editedWithKey(marked),
        atRandom: editedAtRandom(marked, new engine.Generator(0n)),
      };
    },
    selfBleu: (texts) => engine.selfBleu(texts),
    /** Zoom to a text by its tokens, one after the other, and tell how long everything is. */
    zoomTo: ({ logits, path }) => {
      const cuts = engine.line.cutsOf(Float64Array.from(logits, (l) => l ?? -Infinity));
      const cutsAt = () => cuts;
      let view = { path: [], lo: 0, hi: 1 };
      const seen = [];
      for (let depth = 0; depth < path.length; depth++) {
        const limits = { levels: 1 + depth - view.path.length, least: 1e-9, open: 0.01 };
        const { intervals } = engine.line.visible(view, cutsAt, limits);
        const goal = intervals.find(
          (one) => one.path.length === depth + 1 && one.path.every((id, i) => id === path[i]),
        );
        const log = engine.line.logWidth(view, cutsAt);
        seen.push({
          log: log + Math.log(goal.width),
          length: engine.line.logLength(goal.path, cutsAt),
        });
        view = engine.line.fit(view, goal, cutsAt);
      }
      let back = view;
      for (let i = 0; i < 5000 && (back.path.length || back.hi - back.lo < 1); i++) {
        back = engine.line.zoom(back, 0.5, 1.9, cutsAt);
        back = engine.line.zoom(back, 0.4, 1 / 4, cutsAt);
      }
      return { seen, view, back };
    },
    placesOfSeeds: ({ logits, seeds }) => {
      const cuts = engine.line.cutsOf(Float64Array.from(logits, (l) => l ?? -Infinity));
      return seeds.map((seed) => {
        const place = engine.line.placeOfSeed(new engine.Generator(BigInt(seed)), [], () => cuts);
        const id = engine.line.tokenAt(cuts, place);
        const { start, length } = engine.line.part(cuts, id);
        return { place, id, start, length };
      });
    },
    time: ([context, count]) => {
      const cache = [];
      for (let i = 0; i < context; i++) model.read(300 + i, cache);
      return timed(count, () => {
        model.read(300, cache);
        model.logits();
        cache.pop();
      });
    },
    timePrompt: ([length, count]) =>
      timed(count, () => {
        const cache = [];
        for (let i = 0; i < length; i++) model.read(300 + i, cache);
        model.logits();
      }),
  };
  return Object.assign(
    (question) => {
      const [[name, argument]] = Object.entries(question);
      return answers[name](argument);
    },
    { loadWeights },
  );
})();

if (typeof process !== "undefined" && process.argv[2]) {
  const fs = require("node:fs");
  const folder = process.argv[2];
  globalThis.answerEngine.loadWeights(
    JSON.parse(fs.readFileSync(`${folder}/config.json`, "utf8")),
    new Uint8Array(fs.readFileSync(`${folder}/model.safetensors`)),
  );
  require("node:readline")
    .createInterface({ input: process.stdin })
    .on("line", (line) => {
      let answer;
      try {
        answer = { answer: globalThis.answerEngine(JSON.parse(line)) };
      } catch (error) {
        answer = { error: error.stack };
      }
      console.log(JSON.stringify(answer));
    });
}
