import { flag, neededText, percent, seconds, text } from "../../cli/option";
import { JSON_RESULT, OF_FLEET, PROJECT, silence, YES } from "../../cli/sharedOptions";
import { type Given, verb, verbGroup } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

const inspecting = {
  from: neededText(
    "<source>",
    "SQLite file, LangFlow config folder, folder of flows, postgresql:// URL, https:// URL of a running LangFlow, or env:NAME for a variable with one of these",
  ),
  config: text("<dir>", "LangFlow config folder with secret_key and files, if the database is elsewhere"),
  json: JSON_RESULT,
  project: PROJECT,
};

export type InspectOptions = Given<typeof inspecting>;

const collecting = {
  python: text("<command>", 'command that starts LangFlow\'s own Python, for example "docker exec -i langflow python"'),
  out: text("<dir>", "folder for the copy; new, empty, or an earlier copy"),
  print: flag("print the Python script that collects the data, to run it on a machine without this project"),
  json: JSON_RESULT,
};

export type CollectOptions = Given<typeof collecting>;

const importing = {
  ...OF_FLEET,
  from: neededText(
    "<source>",
    "SQLite file, LangFlow config folder, postgresql:// URL, or env:NAME for a variable with one of these",
  ),
  config: inspecting.config,
  region: neededText("<region>", "region to import into; the data is replicated to the others"),
  withoutSecrets: flag("continue when secrets cannot be decrypted; they are not migrated"),
  damaged: flag("skip rows that LangFlow cannot read, and rows that depend on them"),
  wait: seconds("maximum wait until the other regions have the same data; 0: do not compare", {
    default: 600,
  }),
};

export type ImportOptions = Given<typeof importing>;

export const rehearsing = {
  ...inspecting,
  oldPython: text("<dir>", "bin folder of a Python that has the old LangFlow release (default: install that release)"),
  newPython: text(
    "<dir>",
    "bin folder of a Python that has the fleet's LangFlow release (default: install that release)",
  ),
  withoutOld: flag("run flows in the new LangFlow only, without a comparison"),
  out: text("<file>", "HTML file for the report"),
};

export type RehearseOptions = Given<typeof rehearsing>;

const OF_VISITORS = { ...OF_FLEET, yes: YES, silence: silence(SILENCE.changing) };

const cuttingOver = {
  ...OF_VISITORS,
  share: percent(
    "percentage of new visitors to send to the old LangFlow; at 0 everyone moves to the fleet, and old sessions end within a minute",
    0,
  ),
  from: text(
    "<source>",
    "source to import before the cut-over and again after old sessions end, as in `move-in import`",
  ),
  config: inspecting.config,
  region: text("<region>", "region to import into (default: the first)"),
  withoutSecrets: importing.withoutSecrets,
  damaged: importing.damaged,
  wait: importing.wait,
};

export type CutOverOptions = Given<typeof cuttingOver>;

const goingBack = {
  ...OF_VISITORS,
  region: text("<region>", "list the changes made in this region since the import (default: the first)"),
  withoutAnswer: flag("continue if the old LangFlow does not answer this machine"),
  out: text("<dir>", "write flows created or changed in the fleet as files into this folder"),
};

export type BackOptions = Given<typeof goingBack>;

export const moveIn = verbGroup(
  "move-in",
  { description: "migrate an existing LangFlow into the fleet", page: "docs/move-in.md" },
  [
    verb("collect", collecting, async () => (await import("./handler")).collectFrom, {
      description: "copy database, key and files out of a container while LangFlow keeps running",
      examples: ['move-in collect --python "docker exec -i langflow python" --out collected'],
    }),
    verb("inspect", inspecting, async () => (await import("./handler")).inspectSource, {
      description: "list a LangFlow's contents, what cannot migrate and why, and the recommended fleet size; read-only",
      examples: ["move-in inspect --from /srv/langflow", "move-in inspect --from https://langflow.example.com"],
    }),
    verb("rehearse", rehearsing, async () => (await import("./rehearsal")).rehearseSource, {
      description:
        "load, open and run every flow in the old and in the fleet's LangFlow, with fake models; report differences",
      examples: ["move-in rehearse --from /srv/langflow --out rehearsal.html"],
    }),
    verb("import", importing, async () => (await import("./handler")).importInto, {
      description: "import accounts, flows and files into a region; rerun to import later changes",
      examples: ["move-in import --from /srv/langflow --region us-east"],
    }),
    verb("try", importing, async () => (await import("./handler")).tryIn, {
      description: "import into a local fleet, restart LangFlow, sign in as every user and compare with the source",
      examples: ["move-in try --local --from /srv/langflow --region us-east"],
    }),
    verb("cut-over", cuttingOver, async () => (await import("./cutOver")).cutOver, {
      description:
        "move visitors from the old LangFlow to the fleet, at once or in steps; with --from, import the latest data first",
      examples: ["move-in cut-over --share 90", "move-in cut-over --from /srv/langflow"],
    }),
    verb("back", goingBack, async () => (await import("./cutOver")).back, {
      description: "send all visitors back to the old LangFlow; list data created in the fleet",
      examples: ["move-in back --out flows-from-fleet"],
    }),
  ],
);
