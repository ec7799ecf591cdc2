/* The front end in node, without a page: what it computes can be asked for, what it draws cannot. */
const { join } = require("node:path");

const STATIC = join(__dirname, "../../../decodelib/viz/static");
const { scripts } = require(join(STATIC, "manifest.json"));

for (const script of scripts) require(join(STATIC, script));

module.exports = globalThis.DecodeExplorer;
