import { join } from "node:path";
import * as ts from "typescript";
import { dashboards } from "../../observability/dashboards/dashboards";
import { DASHBOARD_SETTINGS } from "../observability/settings";
import type { DashboardJson } from "./grafanaTypes";
import { report } from "./skips";

/** Path of the virtual source file that the compiler checks. It appears next to the types. */
const FILE = join(__dirname, "judged.ts");

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.Preserve,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
};

/** Cache of the libraries and Grafana's types, which are the same for each dashboard. */
const read = new Map<string, ts.SourceFile | undefined>();

/** Returns the compiler errors for a dashboard's JSON. */
function judged(dashboard: unknown): string[] {
  const text = `import type { DashboardJson } from "./grafanaTypes";\nexport const dashboard: DashboardJson = ${JSON.stringify(dashboard)};\n`;
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => file === FILE || fileExists(file);
  host.getSourceFile = (file, version) => {
    if (file === FILE) return ts.createSourceFile(file, text, version);
    if (!read.has(file)) read.set(file, getSourceFile(file, version));
    return read.get(file);
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([FILE], OPTIONS, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ").slice(0, 400));
}

/** Returns the value after a round trip through JSON, as in its file. */
const json = (value: unknown): DashboardJson => JSON.parse(JSON.stringify(value));

type Panel = DashboardJson["panels"][number];
/** Returns the first panel of a type, which the test then breaks. */
function first<Type extends Panel["type"]>({ panels }: DashboardJson, type: Type): Extract<Panel, { type: Type }> {
  const found = panels.find((panel): panel is Extract<Panel, { type: Type }> => panel.type === type);
  if (!found) throw new Error(`no ${type} to spoil`);
  return found;
}

describe("Grafana's published types", () => {
  const all = Object.entries(dashboards(DASHBOARD_SETTINGS));

  it("accept every dashboard", () => {
    const panels = all.flatMap(([, dashboard]) => json(dashboard).panels).filter(({ type }) => type !== "row");
    report("@grafana/schema", `  ${all.length} dashboards, ${panels.length} panels`);
    for (const [name, dashboard] of all) expect([name, judged(json(dashboard))]).toEqual([name, []]);
  });

  const BROKEN: [what: string, spoil: (dashboard: DashboardJson) => void][] = [
    ["an unknown panel type", (each) => Object.assign(first(each, "stat"), { type: "statt" })],
    ["an unknown panel option", (each) => Object.assign(first(each, "timeseries").options, { lineWidth: 1 })],
    ["an invalid option value", (each) => Object.assign(first(each, "stat").options, { colorMode: "bright" })],
    ["a panel without its options", (each) => Object.assign(first(each, "state-timeline"), { options: {} })],
    [
      "a threshold that is a text",
      (each) => Object.assign(first(each, "stat").fieldConfig.defaults.thresholds?.steps[0] ?? {}, { value: "5" }),
    ],
    ["a query without an expression", (each) => Object.assign(first(each, "stat"), { targets: [{ refId: "A" }] })],
    ["a position that is a text", (each) => Object.assign(first(each, "row").gridPos ?? {}, { x: "0" })],
    [
      "an annotation without a color",
      (each) => Object.assign(each.annotations.list[0] ?? {}, { iconColor: undefined }),
    ],
    ["a time range without an end", (each) => Object.assign(each, { time: { from: "now-6h" } })],
  ];

  it.each(BROKEN)("refuse %s", (_, spoil) => {
    const spoiled = json(all[0]?.[1]);
    spoil(spoiled);
    expect(judged(json(spoiled))).not.toEqual([]);
  });
});
