/* What the explorers' scripts share. They are plain scripts, each of which adds to one global; these
 * are the types of what it holds, and of the data that Python writes for them. */

declare var DecodeExplorer: Shell;

// The model in the page: what engine/ and live/ add, file by file, says each file's own comments.
// biome-ignore lint/suspicious/noExplicitAny: the classes of one file are built from another's
declare var DecodeEngine: any;
// biome-ignore lint/suspicious/noExplicitAny: as above
declare var DecodeLive: any;

// ---- models, pages and views -----------------------------------------------------------------------

interface Model {
  // biome-ignore lint/suspicious/noExplicitAny: settings are of many types, each checked by Python
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  send?: unknown;
  /** On a page: the address that opens it with the settings of now. */
  link?: () => string;
  memory?: Memory;
}

type Renderer = (place: { model: Model; el: HTMLElement }) => (() => void) | undefined;

interface View {
  node: Element;
  update(): void;
}

interface Door extends View {
  stop?(): void;
}

/** What a kernel asks for to make an explorer of another prompt. */
interface OwnForm {
  label: string;
  prompt: string;
  fields: Record<string, { label: string; value: number; low: number; high: number }>;
}

interface Settable {
  update(state?: { disabled?: boolean }): void;
}

interface Question {
  question: string;
  choices?: string[];
  // biome-ignore lint/suspicious/noExplicitAny: each explorer has its own form of an answer
  answer: any;
}

interface CommonData {
  model: string | null;
  /** Python source that loads the model, where its name alone would not. */
  load?: string | null;
  initial: Record<string, unknown>;
  limits: Record<string, Limit>;
  predict: Question | null;
}

interface Page<Data extends CommonData> {
  model: Model;
  el: HTMLElement;
  readonly data: Data;
  get: Model["get"];
  set(values: Record<string, unknown>): void;
  /** Whether the answer is held back. */
  hidden(): boolean;
  /** Tell screen readers a message, once the reader pauses. */
  announce(message: string): void;
  update(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: a page of any explorer
type AnyPage = Page<any>;

interface Limit {
  type: "number" | "integer" | "string" | "choice" | "list";
  /** Of a string: what the whole of it must match. */
  pattern?: string;
  min?: number;
  max?: number;
  choices?: unknown[];
  all?: boolean;
  nullable?: boolean;
}

interface Answer {
  value: unknown;
  text: string;
}

type Guess = number | string | null;

interface Memory {
  recall(): { guess: Guess } | undefined;
  remember(guess: Guess): void;
  forget(): void;
}

interface Scale {
  min: number;
  max: number;
  step: number;
  toValue(position: string | number): number;
  fromValue(value: number): number;
}

type Attributes = Record<string, unknown>;
type Child = Node | string;

interface Shell {
  element<Tag extends keyof HTMLElementTagNameMap>(
    tag: Tag,
    properties?: Attributes,
    ...children: Child[]
  ): HTMLElementTagNameMap[Tag];
  svg(tag: string, attributes?: Record<string, string>, ...children: Child[]): SVGElement;
  /** Copy, and say so on the button; where the clipboard is out of reach, select the text. */
  copyText(text: string, source: Node, button: HTMLElement): Promise<void>;
  /** A polite live region that waits for the reader to pause, so a moving slider is not read aloud. */
  announcer(node: Node): (message: string) => void;

  /** Whitespace made visible, so that " the" and "the" look different. */
  showToken(token: string): string;
  quoted(token: string): string;
  showProbability(p: number): string;
  showCount(n: number): string;
  /** A place in a chart, for a style. */
  percent(x: number): string;
  /** How deep a token of this surprisal is shaded, from 0 to 1. */
  depthOf(nats: number): string;
  UNLIKELY: number;

  links: {
    /** The name of an explorer in links. */
    slugOf(title: string, isTaken: (slug: string) => boolean): string;
    /** The fragment that names the settings which differ from those at the start. */
    write(
      slug: string,
      initial: Record<string, unknown>,
      get: Model["get"],
      isShown: boolean,
    ): string;
    /** The settings that a fragment gives, the rest as at the start, and whether it shows an answer. */
    read(
      fragment: string,
      initial: Record<string, unknown>,
      limits: Record<string, Limit>,
    ): { settings: Record<string, unknown>; isShown: boolean };
    target(fragment: string): string | null;
  };
  memory: {
    of(page: string, slug: string, question: string): Memory;
    forgetAll(): void;
  };
  guess: {
    isRight(guess: Guess, answer: Answer): boolean;
    verdict(guess: Guess, answer: Answer, isPast: boolean): string;
  };

  register(kind: string, renderer: Renderer): void;
  render: Renderer;
  hydrateAll(): void;
  localModel(state: Record<string, unknown>): Model;

  parts: Parts;
  logits: Logits;
  table: Record<string, Omit<Knob, "slider">>;
  knobs: Record<string, Knob>;
  distribution: Distribution;
  beams: Beams;
  entropy: Entropy;
  player: Player;
  race: Race;
  votes: Votes;
  rules: Rules;
  rating: Ratings;
}

interface Parts {
  linear(min: number, max: number, step: number): Scale;
  /** 1 to n in ever larger strides; the right end is 0, "off", which keeps everything. */
  counts(n: number): Scale;
  /** The values given; one that is not among them stands at the nearest that is not `off`. */
  stops(values: number[], off: number): Scale;
  /** Positions whose values grow as their squares, from 0 to `most`. */
  squares(most: number, positions: number): Scale;

  SUPPRESS: Attributes;
  /** Set several settings at once. */
  change(model: Model, values: Record<string, unknown>): void;
  button(text: string, onclick: () => void, attributes?: Attributes): HTMLButtonElement;
  /** `scale` and `max` may be functions, for limits that depend on what is shown. */
  knob(options: {
    name: string;
    label: string;
    scale: Scale | (() => Scale);
    min: number;
    max: number | (() => number);
    integer?: boolean;
    get(): number;
    set(value: number): void;
    valueText?(value: number): string;
    boxText?(value: number): string;
  }): Settable & { node: HTMLElement };
  choice<Value extends string | number>(options: {
    legend: string;
    options: Array<{ value: Value; label: string }>;
    get(): Value;
    set(value: Value): void;
  }): Settable & { node: HTMLFieldSetElement };
  fact(key: string, name: string, tag?: "span" | "b"): { node: HTMLElement; value: HTMLElement };
  /** `depends` names the settings that the answer depends on; `next` says what to do after it. */
  prediction(options: { page: AnyPage; answer(): Answer; depends?: string[]; next?: string }): View;
  table(options: {
    summary: string;
    columns: string[];
    rows(): Array<Array<string | number>>;
    rowHeader?: number;
  }): View & { node: HTMLDetailsElement };
  imports(source: string): string[];
  loadOf(data: { load?: string | null; model: string | null }): string | null;
  sharing(options: { model: Model; code(): string }): View;
  /** The door to the reader's own prompt; null where neither a kernel nor the page runs the model. */
  own(kind: string, page: AnyPage): Door | null;
  /** The explorers that the page's model can answer for: live/own-KIND.js each. */
  ownKinds: readonly string[];
  /** The door where a kernel runs; null where none does, and for an explorer without a form. */
  kernel(kind: string, page: AnyPage): Door | null;
  explorer<Data extends CommonData>(
    kind: string,
    settings: string[],
    create: (page: Page<Data>) => { views: View[]; look?(): void; stop?(): void; isWide?: boolean },
  ): void;
  header(options: { page: AnyPage; source(): string; below?: Child[] }): View;
  note(text: string): View;
}

// ---- the distribution explorer ---------------------------------------------------------------------

type Ranks = Array<[number, number]>;

interface PackedRow {
  vocab: number;
  ids: number[];
  tokens: string[];
  logits: number[];
  /** [exponent, count, base64 of LEB128] of each band of equal steps. */
  tail: Array<[number, number, string]>;
}

interface Context extends PackedRow {
  label: string;
  prompt: string | null;
}

interface DistributionData extends CommonData {
  bars: number;
  knobs: string[];
  contexts: Context[];
}

type Settings = Record<string, number> & { order: string[] };

interface Summary {
  w: Float64Array;
  total: number;
  top: number;
  logTotal: number;
  entropy: number;
  varentropy: number;
  surprisal(i: number): number;
}

interface Weighted {
  logits: Float64Array;
  /** p_i / p_first, so nothing overflows, and with the first token left nothing vanishes. */
  weights(temperature: number, first?: number): Float64Array;
}

interface LogitsRow extends Weighted {
  before: Summary;
  /** The probability of the first n tokens, for each n. */
  massOf: Float64Array;
}

interface Applied {
  steps: Array<{ name: string; set: Ranks; kept: number }>;
  set: Ranks;
  before: Summary;
  after: Summary;
  kept: number;
  /** The most probable token that is left. */
  first: number;
  mass: number;
  pBefore(i: number): number;
  pAfter(i: number): number;
  keptAmong(n: number): number;
  removedBy(i: number): string | null;
}

interface Logits {
  /** The row that decodelib.viz.distribution.payload.pack wrote. */
  unpack(record: PackedRow): Float64Array;
  row(logits: Float64Array): LogitsRow;
  /** The distribution over a set of ranks at a temperature. */
  summarise(row: Weighted, set: Ranks, temperature: number): Summary;
  size(set: Ranks): number;
  has(set: Ranks, i: number): boolean;
  take(set: Ranks, n: number): Ranks;
  countWhile(set: Ranks, passes: (i: number) => boolean): number;
  roundingOf(a: number, b: number): number;
  cuts: Record<string, (data: Weighted, set: Ranks, temperature: number, value: number) => Ranks>;
  apply(row: LogitsRow, settings: Settings): Applied;
  uniforms(seed: number, n: number): Float64Array;
  draw(result: Applied, seed: number, n: number): number[];
  asCode(load: string | null, context: Context, settings: Settings, seed: number): string;
}

interface Knob {
  label: string;
  processor: string;
  off: number;
  usual: number;
  slider(vocab: number): Scale;
}

interface Draws {
  total: number;
  last: number;
  /** The part of the draws that fell on a rank. */
  share(rank: number): number;
}

interface DistributionScene extends Page<DistributionData> {
  context: Context;
  row: LogitsRow;
  result: Applied;
  settings(): Settings;
  look(): void;
  atStart(): Applied;
  sentence(): string;
  draws(): Draws;
}

interface Distribution {
  steps(scene: DistributionScene): View & { forget(): void };
  chart(scene: DistributionScene): View;
  drawing(scene: DistributionScene): View;
  drawer(scene: DistributionScene): () => Draws;
  tallyOf(draws: Draws, tokens: string[], pAfter: (i: number) => number): string;
}

// ---- the beam explorer -----------------------------------------------------------------------------

interface PackedTree {
  num_beams: number;
  greedy: Array<number | null>;
  /** [parent, length, token, ln p, sum of ln p, fate] */
  nodes: Array<[number | null, number, string, number, number, "kept" | "finished" | "pruned"]>;
}

interface BeamData extends CommonData {
  source: string;
  prompt: string;
  max_new_tokens: number;
  greedy: { text: string; total: number };
  trees: PackedTree[];
}

interface BeamNode {
  parent: BeamNode | null;
  length: number;
  token: string;
  logprob: number;
  total: number;
  fate: "kept" | "finished" | "pruned";
  row: number;
  children: BeamNode[];
  greedy: boolean;
}

interface BeamTree {
  width: number;
  nodes: BeamNode[];
  steps: BeamNode[][];
}

interface Outcome {
  stop: number | null;
  finished: BeamNode[];
}

interface BeamScene extends Page<BeamData> {
  tree: BeamTree;
  last: number;
  shown: number;
  lengthPenalty: number;
  /** The outcome after the steps shown, and in the end. */
  now: Outcome;
  end: Outcome;
  look(): void;
}

interface Beams {
  unpack(packed: PackedTree): BeamTree;
  score(node: BeamNode, lengthPenalty: number): number;
  replay(
    tree: BeamTree,
    options: {
      lengthPenalty: number;
      earlyStopping: boolean | "never";
      maxNewTokens: number;
      until: number;
    },
  ): Outcome;
  pathOf(node: BeamNode | null): BeamNode[];
  textOf(node: BeamNode): string;
  digits(x: number): string;
  isLate(node: BeamNode, end: Outcome): boolean;
  story(node: BeamNode, scene: { now: Outcome; end: Outcome; lengthPenalty: number }): string;
  greedyStory(tree: BeamTree, now: Outcome, shown: number): string;
  asCode(search: {
    data: BeamData;
    width: number;
    lengthPenalty: number;
    earlyStopping: boolean | "never";
    returned: number;
  }): string;
  diagram(scene: BeamScene): View;
}

// ---- the entropy map -------------------------------------------------------------------------------

type Quadrant = "certain" | "wide" | "forked" | "lost" | "between";

type Thresholds = Record<string, number> & {
  low_entropy: number;
  high_entropy: number;
  low_varentropy: number;
  high_varentropy: number;
};

interface EntropyText {
  label: string;
  tokens: string[];
  surprisal: number[];
  entropy: number[];
  varentropy: number[];
  top: Array<Array<[string, number]>>;
}

interface Adaptive {
  coefficients: number[];
  threshold: number;
  band: [number, number];
}

interface EntropyData extends CommonData {
  texts: EntropyText[];
  axes: { entropy: number; varentropy: number };
  temperature: Adaptive;
}

interface EntropyScene extends Page<EntropyData> {
  record: EntropyText;
  thresholds: Thresholds;
  names: Quadrant[];
  at: number;
  last: number;
  across(entropy: number): number;
  down(varentropy: number): number;
  counts(): Array<readonly [Quadrant, number]>;
  move(name: string, value: number): void;
  told(): string;
  look(): void;
}

interface Entropy {
  quadrant(entropy: number, varentropy: number, thresholds: Thresholds): Quadrant;
  temperatureAt(entropy: number, adaptive: Pick<Adaptive, "coefficients" | "threshold">): number;
  moved(name: string, value: number, thresholds: Thresholds): Record<string, number>;
  shapes: Record<Quadrant, string>;
  actions: Record<Quadrant, string>;
  thresholds: Record<string, string>;
  scalesOf(axes: EntropyData["axes"]): Pick<EntropyScene, "across" | "down">;
  glyph(name: Quadrant): SVGElement;
  map(scene: EntropyScene): View;
  selected(scene: EntropyScene): View;
  asCode(load: string | null, scene: Pick<EntropyScene, "record" | "thresholds">): string;
}

// ---- the generation player -------------------------------------------------------------------------

/** id, text, probability before and after, and which processor removed it. */
type Candidate = [number, string, number, number, number | null];

interface PlayerStep {
  id: number;
  text: string;
  p: number;
  rank: number;
  entropy: number;
  kept: number;
  decision: string;
  candidates: Candidate[];
}

interface Branch {
  parent: number | null;
  start: number;
  steps: PlayerStep[];
  end: string;
}

interface PlayerData extends CommonData {
  load: string | null;
  prompt: string;
  strategy: string;
  code: string;
  processors: string[];
  seed: number;
  max_new_tokens: number;
  vocab: number;
  branches: Branch[];
}

interface PlayerScene extends Page<PlayerData> {
  path: PlayerStep[];
  /** Which token is looked at, from 1. */
  place: number;
  step: PlayerStep;
  /** Whether a kernel can generate new branches. */
  isLive: boolean;
  look(): void;
  isEnd(i: number): boolean;
  textOf(i: number): string;
  isForced(i: number): boolean;
  isWaiting(): boolean;
  /** The branch that takes a candidate of the token looked at, or -1. */
  branchWith(id: number): number;
  move(to: number): void;
  go(branch: number, at?: number): void;
  see(branch: number): void;
  ask(id: number, token: string): void;
  stop(): void;
}

interface Player {
  pathOf(branches: Branch[], index: number): PlayerStep[];
  findBranch(branches: Branch[], ids: number[]): number;
  forksOf(branches: Branch[], path: PlayerStep[]): Set<number>;
  nameOf(branches: Branch[], index: number): string;
  asCode(data: PlayerData, index: number): string;
  branchPicker(scene: PlayerScene): View;
  text(scene: PlayerScene): View & { focus(): void };
  legend(scene: PlayerScene): View;
  transport(scene: PlayerScene): View & { stop(): void };
  candidates(scene: PlayerScene): View;
  hintOf(isLive: boolean, canSee: boolean): string;
  isEndOfText(text: string): boolean;
  status(scene: PlayerScene): View & { stop(): void; wait(): void };
}

// ---- the strategy race -----------------------------------------------------------------------------

interface RaceMetric {
  name: string;
  label: string;
  help: string;
  end: number | null;
}

interface RaceNumber {
  value: number | null;
  low: number | null;
  high: number | null;
  text: string;
  note: string;
}

interface RaceText {
  tokens: string[];
  surprisal: number[];
  end: string;
}

interface RaceStrategy {
  name: string;
  repr: string;
  code: string;
  /** Whether its texts differ from seed to seed. */
  chance: boolean;
  texts: RaceText[];
  numbers: Record<string, RaceNumber>;
}

interface RaceData extends CommonData {
  load: string | null;
  prompt: string;
  note: string;
  samples: number;
  max_new_tokens: number;
  seed: number;
  metrics: RaceMetric[];
  strategies: RaceStrategy[];
}

interface RaceScene extends Page<RaceData> {
  longest: Map<string, number>;
  picked(): RaceStrategy;
  ranked(): RaceStrategy[];
  labelOf(sort: string): string;
  /** Show the tokens and the code of a strategy. */
  pick(name: string): void;
}

interface Race {
  AS_GIVEN: string;
  ranking(strategies: RaceStrategy[], shown: string[], sort: string): RaceStrategy[];
  longestOf(metrics: RaceMetric[], strategies: RaceStrategy[]): Map<string, number>;
  cellOf(number: RaceNumber): string;
  textOf(strategy: RaceStrategy, sample: number): RaceText;
  asCode(data: RaceData, strategy: RaceStrategy, sample: number): string;
  lanes(scene: RaceScene): View;
}

// ---- the vote explorer -----------------------------------------------------------------------------

interface VoteText {
  tokens: string[];
  answer: string | null;
}

interface VoteBranch {
  tokens: string[];
  texts: VoteText[];
  branches: VoteBranch[];
}

interface VoteData extends CommonData {
  source: string;
  prompt: string;
  /** The regular expression that reads the answer out of a text. */
  answer: string;
  /** Python source of the strategy. */
  strategy: string;
  max_new_tokens: number;
  seed: number;
  texts: VoteText[];
}

interface VoteScene {
  page: Page<VoteData>;
  /** The texts that are counted. */
  counted(): VoteText[];
}

interface Votes {
  ALL: string;
  tally(texts: VoteText[]): Array<[string, number]>;
  branches(texts: VoteText[], depth?: number): VoteBranch[];
  shown(texts: VoteText[], count: number, picked: string): VoteText[];
  answerOf(pattern: string, text: string): string | null;
  asCode(data: VoteData, count: number): string;
}

// ---- rules: feasible mass, and a watermark under edits -----------------------------------------------

interface MassText {
  label: string;
  ids: number[];
  tokens: string[];
  mass: number[];
  p: number[];
  allowed: number[];
  top: Array<Array<[string, number]>>;
}

interface MassData extends CommonData {
  load: string | null;
  prompt: string;
  constraint: string;
  source: string;
  texts: MassText[];
}

interface MassScene extends Page<MassData> {
  record: MassText;
  /** Which token is looked at, from 1. */
  at: number;
  look(): void;
}

interface WatermarkText {
  label: string;
  /** The token ids that words, ids, swaps and green are numbered by. */
  vocabulary: number[];
  words: string[];
  ids: number[];
  swaps: number[];
  /** The places in the order of the random edits. */
  order: number[];
  green: string[];
}

interface WatermarkData extends CommonData {
  load: string;
  gamma: number;
  key: number;
  threshold: number;
  texts: WatermarkText[];
}

interface EditedWord {
  place: number;
  word: number;
  isChanged: boolean;
}

interface Found {
  isScored: boolean;
  isGreen: boolean;
  scored: number;
  green: number;
  z: number;
}

interface WatermarkScene extends Page<WatermarkData> {
  record: WatermarkText;
  length: number;
  left: EditedWord[];
  found: Found[];
  end: Pick<Found, "scored" | "green" | "z">;
  at: number;
  look(): void;
  told(): string;
  change(values: Record<string, unknown>): void;
  toggle(place: number): void;
}

interface Rules {
  isGreen(digits: string, place: number): boolean;
  edited(record: WatermarkText, length: number, edits: number[], how: string): EditedWord[];
  binomialTail(hits: number, count: number, share: number): number;
  detect(record: WatermarkText, left: EditedWord[], gamma: number): Found[];
}

// ---- the blind rating --------------------------------------------------------------------------------

interface RatingText {
  /** Its place among the strategies. */
  strategy: number;
  text: string;
  /** What each measure says of it. */
  numbers: number[];
}

interface RatingPair {
  opening: string;
  seed: number;
  texts: [RatingText, RatingText];
}

interface RatingMeasure {
  name: string;
  better: "low" | "high";
  digits: number;
}

interface RatingData extends CommonData {
  source: string;
  /** Six characters that other texts or strategies do not have. */
  key: string;
  num_tokens: number;
  strategies: Array<{ name: string; code: string }>;
  measures: RatingMeasure[];
  pairs: RatingPair[];
}

/** One reader's result: a letter for each pair as recorded, a, b, t for a tie, and - for not rated. */
interface Rater {
  seed: number;
  letters: string[];
}

interface RatingShare {
  won: number;
  of: number;
  value: number;
  low: number;
  high: number;
}

interface NamedShare {
  name: string;
  share: RatingShare | null;
}

interface RatingVotes {
  pair: number;
  a: number;
  b: number;
  t: number;
}

interface RatingScene extends Page<RatingData> {
  /** The pair looked at, and its texts in the order A, B. */
  pair: number;
  at: number;
  isSwapped: boolean;
  sides: RatingText[];
  own: Rater;
  /** How many pairs are rated. */
  rated: number;
  isWhole: boolean;
  /** Whether strategies and numbers are shown. */
  isOpen: boolean;
  look(): void;
  nameOf(text: RatingText): string;
  /** The pairs in the order they are shown. */
  places: number[];
  choose(letter: string): void;
  go(place: number): void;
  reveal(): void;
  finish(): void;
  restart(): void;
  /** The address, or where there is none its end, that opens with the result. */
  link(): string;
}

interface Ratings {
  order(seed: number, count: number): Array<{ pair: number; isSwapped: boolean }>;
  letters(choices: string, count: number): string[];
  choose(
    data: Pick<RatingData, "key" | "pairs">,
    choices: string,
    pair: number,
    letter: string,
  ): string;
  preferred(pair: RatingPair, measure: number, better: "low" | "high"): "a" | "b" | null;
  share(counts: Array<{ won: number; of: number }>): RatingShare | null;
  wins(data: Pick<RatingData, "strategies" | "pairs">, readers: Rater[]): NamedShare[];
  agreement(data: Pick<RatingData, "measures" | "pairs">, readers: Rater[]): NamedShare[];
  firsts(data: Pick<RatingData, "pairs">, readers: Rater[]): RatingShare | null;
  votes(data: Pick<RatingData, "pairs">, readers: Rater[]): RatingVotes[];
  alike(
    data: Pick<RatingData, "pairs">,
    readers: Rater[],
  ): { observed: number; guessing: number } | null;
  read(line: string, data: Pick<RatingData, "key" | "pairs">, most: number): Rater | string;
  pool(
    text: string,
    data: Pick<RatingData, "key" | "pairs">,
    most: number,
    own: Rater | null,
  ): { readers: Rater[]; refused: string[] };
  asCode(data: RatingData, pair: number): string;
  shown(value: number, measure: Pick<RatingMeasure, "digits">): string;
  reading(scene: RatingScene): View;
  shares(caption: string): { node: HTMLElement; update(shares: NamedShare[]): void };
  result(scene: RatingScene): View & { focus(): void };
  group(scene: RatingScene): View;
}

// ---- the chain of power sampling ---------------------------------------------------------------------

interface ChainMove {
  /** The place, among the moves of its chain, of the text that this proposal may replace. */
  before: number;
  /** How many tokens of that text are kept. */
  place: number;
  tokens: string[];
  logprob: number;
  /** The two parts of the log ratio, and the ratio itself. */
  power: number;
  proposals: number;
  ratio: number;
  acceptance: number;
  drawn: number;
  accepted: boolean;
}

interface ChainData extends CommonData {
  source: string;
  prompt: string;
  num_moves: number;
  max_new_tokens: number;
  temperature: number | null;
  seed: number;
  /** Of each chain's moves the first is the text that it begins with. */
  chains: Array<{ alpha: number; moves: ChainMove[] }>;
}

interface ChainScene extends Page<ChainData> {
  moves: ChainMove[];
  /** Which move is shown, from 1. */
  at: number;
  move: ChainMove;
  /** The text that it may replace. */
  before: ChainMove;
  look(): void;
  change(values: Record<string, unknown>): void;
}
