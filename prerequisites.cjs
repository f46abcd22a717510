/**
 * What must hold before any other line of this project can be read: a Node that is new enough, and the packages that
 * package-lock.json names. Required first by typescript.cjs. Written in what Node has understood since version 10, so
 * that an older one than we need still reads it and can say so.
 */
const { engines } = require("./package.json");

/**
 * @param version of a Node, for example 20.19.0
 * @returns what is wrong with it, in one sentence; undefined where nothing is
 */
function nodeProblem(version) {
  const [oldest] = /[\d.]+/.exec(engines.node);
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldest.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `Node ${version} is too old: install Node ${oldest} or newer from https://nodejs.org or with your version manager`;
}

/**
 * @param locked `packages` of package-lock.json: what each folder is to hold
 * @param installed `packages` of node_modules/.package-lock.json, which npm writes last; undefined where it is not there
 * @returns what is wrong with what is installed, in one sentence; undefined where nothing is
 */
function packagesProblem(locked, installed) {
  if (!installed) return "the packages are not installed completely: run `npm ci`";
  const stale = Object.keys(locked).find((folder) => {
    const { version, optional, dev, link } = locked[folder];
    if (folder === "" || link) return false;
    const found = installed[folder];
    // Optional ones are for other systems, and `npm ci --omit=dev` leaves those of developers out.
    return found ? found.version !== version : !optional && !dev;
  });
  if (stale === undefined) return undefined;
  return `the packages do not match package-lock.json (${stale.replace(/^node_modules\//, "")} differs): run \`npm ci\``;
}

/** As {@link packagesProblem}, of the packages beside this file. npm's own list is read only where it is the older one. */
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

/** Ends this process with exit code 2 (bad input, as model/errors.ts numbers it) where something does not hold. */
function check() {
  const problem = nodeProblem(process.versions.node) || installedProblem();
  if (problem === undefined) return;
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

module.exports = { nodeProblem, packagesProblem, check };
