/**
 * Checks the prerequisites of all other code: a recent Node, and the packages of package-lock.json. typescript.cjs
 * requires this file first. Its syntax is that of Node 10, so that an outdated Node can report that it is outdated.
 */
const { engines } = require("./package.json");

/**
 * @param version of Node, for example 20.19.0
 * @returns the problem in one sentence; undefined if there is none
 */
function nodeProblem(version) {
  const [oldest] = /[\d.]+/.exec(engines.node);
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldest.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `Node ${version} is too old: install Node ${oldest} or newer from https://nodejs.org or with your version manager`;
}

/**
 * @param locked `packages` of package-lock.json, by folder
 * @param installed `packages` of node_modules/.package-lock.json, which npm writes last; undefined if the file is missing
 * @returns the problem in one sentence; undefined if there is none
 */
function packagesProblem(locked, installed) {
  if (!installed) return "the packages are not installed completely: run `npm ci`";
  const stale = Object.keys(locked).find((folder) => {
    const { version, optional, dev, link } = locked[folder];
    if (folder === "" || link) return false;
    const found = installed[folder];
    // Optional packages may be for other systems, and `npm ci --omit=dev` omits development packages.
    return found ? found.version !== version : !optional && !dev;
  });
  if (stale === undefined) return undefined;
  return `the packages do not match package-lock.json (${stale.replace(/^node_modules\//, "")} differs): run \`npm ci\``;
}

/** Like {@link packagesProblem}, for this project. Compares the lists only if npm's is older than package-lock.json. */
function installedProblem() {
  const { existsSync, readFileSync, statSync } = require("node:fs");
  const lock = `${__dirname}/package-lock.json`;
  const installed = `${__dirname}/node_modules/.package-lock.json`;
  const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  if (!existsSync(lock)) return undefined;
  if (!existsSync(installed)) return packagesProblem({}, undefined);
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return undefined;
  return packagesProblem(packagesOf(lock), packagesOf(installed));
}

/** Exits with code 2 (bad input, see model/errors.ts) if there is a problem. */
function check() {
  const problem = nodeProblem(process.versions.node) || installedProblem();
  if (problem === undefined) return;
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

module.exports = { nodeProblem, packagesProblem, check };
