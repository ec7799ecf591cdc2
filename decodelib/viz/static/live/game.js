// @ts-check
/* A game in bits on a page: what it is played with, loaded once for all games. How it is played stands in
 * game-play.js, what is asked in game-shannon.js, game-strategy.js and game-watermark.js. */
(() => {
  const live = globalThis.DecodeLive;
  const { element } = globalThis.DecodeExplorer;
  const { parts, playGame } = live;

  const DATA = "games.js";

  /** @type {Promise<any> | null} */
  let data = null;

  /** What the games are played with, loaded once. */
  function loadData() {
    data ||= live.loadScript(`model/${DATA}`).then(() => live.received.get(DATA));
    data?.catch(() => {
      data = null;
    });
    return data;
  }

  /** @param {{name: string, title: string}} game */
  function renderer(game) {
    return async (/** @type {HTMLElement} */ el) => {
      const stage = element("div", { class: "live-stage", "data-live-part": "game" });
      const root = parts.frame(el, game.title, stage);
      let content;
      try {
        content = await loadData();
      } catch (error) {
        stage.textContent = `The game did not load: ${/** @type {Error} */ (error).message}.`;
        return;
      }
      root.querySelector(".dx-source").textContent = "two minutes, scored in this page";
      playGame(game, stage, content);
    };
  }

  live.game = (/** @type {{name: string, title: string}} */ game) =>
    live.register(game.name, renderer(game));
})();
