import { flag, neededText, text } from "../cli/option";
import { JSON_RESULT, OF_FLEET, PROJECT } from "../cli/sharedOptions";
import { type Given, verb, verbGroup } from "../cli/verb";

const inspecting = {
  from: neededText(
    "<source>",
    "a SQLite file, LangFlow's config folder, a folder of flows, a postgresql:// URL, or the https:// URL of one that runs; env:NAME: what that variable says",
  ),
  config: text("<dir>", "LangFlow's config folder, with secret_key and files, where the database is not in it"),
  json: JSON_RESULT,
  project: PROJECT,
};

export type InspectOptions = Given<typeof inspecting>;

const importing = {
  ...OF_FLEET,
  from: neededText(
    "<source>",
    "a SQLite file, LangFlow's config folder, or a postgresql:// URL; env:NAME: what that variable says",
  ),
  config: inspecting.config,
  region: neededText("<region>", "the region that it moves into; the others follow"),
  withoutSecrets: flag("also where the secret key opens nothing, or there is none: secrets stay behind"),
};

export type ImportOptions = Given<typeof importing>;

const rehearsing = {
  ...OF_FLEET,
  from: inspecting.from,
  config: inspecting.config,
  region: text("<region>", "a region of the local fleet that it was imported into, where each flow is looked for"),
  oldPython: text("<dir>", "folder of programs of a Python with the old LangFlow; else its release is installed"),
  newPython: text("<dir>", "folder of programs of a Python with the fleet's LangFlow; else its release is installed"),
  withoutOld: flag("run in the new LangFlow alone: nothing is compared"),
  out: text("<file>", "a page of it, as one HTML file"),
};

export type RehearseOptions = Given<typeof rehearsing>;

export const moveIn = verbGroup("move-in", "move in with a LangFlow that runs elsewhere", [
  verb({
    name: "inspect",
    description: "what it has, what will not come along and why, the size that fits; changes nothing there",
    options: inspecting,
    handler: async (given) => (await import("../handlers/moveIn")).inspectSource(given),
  }),
  verb({
    name: "rehearse",
    description: "each of its flows loaded, opened and run in old and new, with doubles of the models; what differs",
    options: rehearsing,
    handler: async (given) => (await import("../handlers/moveInRehearsal")).rehearseSource(given),
  }),
  verb({
    name: "import",
    description:
      "bring its accounts, flows and files into a region; again: what has changed since. The local fleet alone",
    options: importing,
    handler: async (given) => (await import("../handlers/moveIn")).importInto(given),
  }),
]);
