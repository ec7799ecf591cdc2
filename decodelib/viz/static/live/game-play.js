// @ts-check
/* How a game in bits goes from round to round: recorded texts by a seed that a link can name, the result,
 * and rounds without end that the model makes. What a round is stands in game-bet.js and game-watermark.js. */
(() => {
  const live = globalThis.DecodeLive;
  const { element, copyText } = globalThis.DecodeExplorer;
  const { Generator } = globalThis.DecodeEngine;
  const { model, parts } = live;

  const SEEDS = 100_000;

  /** Where a round takes place.
   *  @typedef {object} Desk
   *  @property {HTMLElement} board For what is asked.
   *  @property {HTMLElement} said What has happened, read aloud.
   *  @property {any[]} results Of the rounds before.
   *  @property {(result: any, text: string, shown: Node[]) => void} end Say what it came to, and go on.
   *
   *  @typedef {object} Sum What the rounds add up to.
   *  @property {string} said
   *  @property {string[]} columns
   *  @property {(string | number)[][]} rows
   *
   *  @typedef {object} Game
   *  @property {string} name Of the game in links.
   *  @property {string} title
   *  @property {number} count How many rounds a game has.
   *  @property {string} why What the model is wanted for.
   *  @property {(data: any, generator: any) => any[]} recorded The rounds that need no model.
   *  @property {(data: any, generator: any) => Promise<any>} fresh A round that the model makes, or null.
   *  @property {(round: any, desk: Desk) => void} pose Put the question of a round.
   *  @property {(results: any[]) => Sum} sum */

  /** The seed that the address names for a game, or null.
   *  @param {string} name */
  function linkedSeed(name) {
    const given = new URLSearchParams(location.hash.slice(1));
    const seed = given.get("seed") ?? "";
    return given.get("game") === name && /^\d{1,15}$/.test(seed) ? Number(seed) : null;
  }

  const anySeed = () => Math.floor(Math.random() * SEEDS);

  /** @param {Game} game
   *  @param {HTMLElement} stage
   *  @param {any} content */
  function play(game, stage, content) {
    let seed = linkedSeed(game.name) ?? anySeed();
    /** @type {any} */
    let generator;
    /** @type {any[]} */
    let rounds = [];
    let isFresh = false; // whether the model makes the rounds, without an end
    /** @type {any[]} */
    let results = [];

    const progress = element("p", { class: "live-note", "data-live-part": "game-progress" });
    const board = element("div", { class: "live-round" });
    const said = element("p", {
      class: "live-said",
      role: "status",
      "data-live-part": "game-said",
    });
    const after = element("div", {});
    stage.append(progress, board, said, after);
    const button = (
      /** @type {string} */ text,
      /** @type {() => void} */ onclick,
      /** @type {string} */ part,
      kind = "",
    ) => element("button", { type: "button", text, onclick, class: kind, "data-live-part": part });

    function begin() {
      generator = new Generator(BigInt(seed));
      rounds = game.recorded(content, generator).slice(0, game.count);
      isFresh = false;
      results = [];
      ask(rounds[0]);
    }

    /** Put the next question, and the keys where it begins if the reader has already begun.
     *  @param {any} round */
    function ask(round) {
      const number = results.length + 1;
      progress.textContent = isFresh
        ? `Round ${number}, made by the model just now.`
        : `Round ${number} of ${game.count}, texts number ${seed}.`;
      said.textContent = "";
      after.replaceChildren();
      game.pose(round, { board, said, results, end });
      /** @type {HTMLElement | null} */
      const top = board.querySelector("[tabindex]");
      if (results.length) top?.focus();
    }

    /** @type {Desk["end"]} */
    function end(result, text, shown) {
      results.push(result);
      said.textContent = text;
      const next =
        isFresh || results.length < game.count
          ? button("Next", advance, "game-next", "live-go")
          : button("The result", finish, "game-next", "live-go");
      const enough = isFresh ? [button("Enough", finish, "game-enough")] : [];
      after.replaceChildren(...shown, element("div", { class: "dx-buttons" }, next, ...enough));
      next.focus();
    }

    async function advance() {
      if (!isFresh) return ask(rounds[results.length]);
      progress.textContent = "The model writes …";
      try {
        for (let tries = 0; tries < 20; tries++) {
          const round = await game.fresh(content, generator);
          if (round) return ask(round);
        }
        throw new Error("the model was asked for something else");
      } catch (error) {
        said.textContent = `No new round: ${/** @type {Error} */ (error).message}.`;
      }
    }

    function finish() {
      const sum = game.sum(results);
      progress.textContent = "";
      board.replaceChildren();
      said.textContent = sum.said;
      const address = element("code", {
        class: "dx-link",
        hidden: true,
        "data-live-part": "game-link",
      });
      const link = `${location.href.split("#")[0]}#game=${game.name}&seed=${seed}`;
      const copy = button(
        "Copy the link to these texts",
        () => {
          address.textContent = link;
          address.hidden = false;
          copyText(link, address, copy);
        },
        "game-copy",
      );
      const again = button(
        "Other texts",
        () => {
          seed = anySeed();
          begin();
        },
        "game-again",
        "live-go",
      );
      const more = button(
        "Rounds without end, by the model",
        () => {
          isFresh = true;
          generator = new Generator(BigInt(seed) + 1n);
          results = [];
          advance();
        },
        "game-more",
      );
      const loader = parts.loader(game.why);
      const update = () => {
        more.disabled = model.state !== "ready";
      };
      model.onChange(update);
      update();
      after.replaceChildren(
        parts.numbers(sum.columns, sum.rows),
        element("div", { class: "dx-buttons" }, again, copy, more),
        address,
        loader.node,
      );
      again.focus();
    }

    addEventListener("hashchange", () => {
      const given = linkedSeed(game.name);
      if (given === null) return;
      seed = given;
      begin();
      stage.scrollIntoView({ block: "center" });
    });
    begin();
    if (linkedSeed(game.name) !== null) stage.scrollIntoView({ block: "center" });
  }

  Object.assign(live, { playGame: play });
})();
