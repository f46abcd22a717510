import { flag, neededText, percent, seconds, text } from "../cli/option";
import { JSON_RESULT, OF_FLEET, PROJECT, silence, YES } from "../cli/sharedOptions";
import { type Given, verb, verbGroup } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

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

const collecting = {
  python: text(
    "<command>",
    'starts a Python where that LangFlow runs, with its packages: "docker exec -i langflow python"',
  ),
  out: text("<dir>", "write the copy into this folder, which must not exist or be empty"),
  print: flag("print the script instead, to run it on a machine without this project"),
  json: JSON_RESULT,
};

export type CollectOptions = Given<typeof collecting>;

const importing = {
  ...OF_FLEET,
  from: neededText(
    "<source>",
    "a SQLite file, LangFlow's config folder, or a postgresql:// URL; env:NAME: what that variable says",
  ),
  config: inspecting.config,
  region: neededText("<region>", "the region that it moves into; the others follow"),
  withoutSecrets: flag("also where the secret key opens nothing, or there is none: secrets stay behind"),
  damaged: flag("leave rows that LangFlow cannot read behind, and the rows that belong to them"),
  wait: seconds("wait so long for the other regions to hold the same; 0: do not compare them", {
    otherwise: 600,
  }),
};

export type ImportOptions = Given<typeof importing>;

export const rehearsing = {
  ...inspecting,
  oldPython: text("<dir>", "folder of programs of a Python with the old LangFlow; else its release is installed"),
  newPython: text("<dir>", "folder of programs of a Python with the fleet's LangFlow; else its release is installed"),
  withoutOld: flag("run in the new LangFlow alone: nothing is compared"),
  out: text("<file>", "a page of it, as one HTML file"),
};

export type RehearseOptions = Given<typeof rehearsing>;

const OF_VISITORS = { ...OF_FLEET, yes: YES, silence: silence(SILENCE.changing) };

const cuttingOver = {
  ...OF_VISITORS,
  share: percent("of new visitors that the old LangFlow keeps; 0: none, and its sessions end within a minute", 0),
  from: text("<source>", "import from there before, and after its sessions have ended; as for import"),
  config: inspecting.config,
  region: text("<region>", "the region that it moves into; the first in order unless another is named"),
  withoutSecrets: importing.withoutSecrets,
  damaged: importing.damaged,
  wait: importing.wait,
};

export type CutOverOptions = Given<typeof cuttingOver>;

const goingBack = {
  ...OF_VISITORS,
  region: text(
    "<region>",
    "whose database tells what was made in the fleet; the first in order unless another is named",
  ),
  withoutAnswer: flag("also where the old LangFlow does not answer this machine"),
  out: text("<dir>", "write flows that were made or changed in the fleet as files into this folder"),
};

export type BackOptions = Given<typeof goingBack>;

export const moveIn = verbGroup("move-in", "move in with a LangFlow that runs elsewhere", [
  verb({
    name: "collect",
    description: "copy database, key and files out of the container that a LangFlow runs in; it may go on",
    options: collecting,
    handler: async (given) => (await import("../handlers/moveIn")).collectFrom(given),
  }),
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
    description: "bring its accounts, flows and files into a region; again: what has changed since",
    options: importing,
    handler: async (given) => (await import("../handlers/moveIn")).importInto(given),
  }),
  verb({
    name: "try",
    description: "import it into a local fleet, start LangFlow again, sign each user in and compare with the source",
    options: importing,
    handler: async (given) => (await import("../handlers/moveIn")).tryIn(given),
  }),
  verb({
    name: "cut-over",
    description: "move visitors from the old LangFlow into the fleet, with what has changed there since the import",
    options: cuttingOver,
    handler: async (given) => (await import("../handlers/cutOver")).cutOver(given),
  }),
  verb({
    name: "back",
    description: "send all visitors back to the old LangFlow, and say what was made in the fleet",
    options: goingBack,
    handler: async (given) => (await import("../handlers/cutOver")).back(given),
  }),
]);
