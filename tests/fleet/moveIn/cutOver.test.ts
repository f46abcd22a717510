import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { divisionInWords, sinceImportReport } from "../../../fleet/moveIn/cutOver/cutOverReport";
import { requireEmpty, writeFlows } from "../../../fleet/moveIn/cutOver/flowFiles";
import { oldTrouble } from "../../../fleet/moveIn/cutOver/oldHealth";
import { withShare } from "../../../fleet/moveIn/cutOver/share";
import { terminalLines } from "../../../fleet/report/terminal";
import { back, cutOver } from "../../../fleet/verbs/moveIn/cutOver";
import { ExitCode } from "../../../model/errors";

const EDGE = `config:
  # the monitor
  langflow-dr:monitor: { intervalSeconds: 15 }
  langflow-dr:notificationEmails: [oncall@example.com]
  langflow-dr:movingFrom:
    address: 127.0.0.1 # the VM
    share: 1.0   # all
    port: 1
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cut-over-"));
  for (const name of ["Pulumi.yaml", "Pulumi.foundation.yaml", "Pulumi.us-east.yaml", "Pulumi.eu-west.yaml"])
    writeFileSync(join(folder, name), readFileSync(join(__dirname, "../../..", name)));
  writeFileSync(join(folder, "Pulumi.edge.yaml"), EDGE);
});
afterEach(() => rmSync(folder, { recursive: true }));

const edge = () => readFileSync(join(folder, "Pulumi.edge.yaml"), "utf8");
const common = () => ({
  local: true,
  json: false,
  project: folder,
  directory: join(folder, "fleet"),
  yes: true,
  silence: 1,
  region: undefined,
  signal: new AbortController().signal,
});
const over = (given: object = {}) =>
  cutOver({
    ...common(),
    share: 0,
    from: undefined,
    config: undefined,
    withoutSecrets: false,
    damaged: false,
    wait: 0,
    ...given,
  });
const goBack = (given: object = {}) => back({ ...common(), out: undefined, withoutAnswer: false, ...given });
const refused = (exitCode: ExitCode, said: RegExp) => ({ exitCode, message: expect.stringMatching(said) });

describe("the old LangFlow's share in Pulumi.edge.yaml", () => {
  it("is replaced in place, without other changes to the file", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (percent) => {
        const share = percent / 100;
        const written = withShare(EDGE, share);
        expect(parse(written).config["langflow-dr:movingFrom"]).toEqual({ address: "127.0.0.1", share, port: 1 });
        expect(written).toBe(EDGE.replace("1.0", String(share)));
      }),
    );
  });

  it("must be edited by hand if the file writes it in a different form", () => {
    for (const text of ["config: {}\n", "config:\n  langflow-dr:movingFrom: { address: a.example.com }\n"])
      expect(() => withShare(text, 0.5)).toThrow(/set `share: 0.5` by hand/);
  });
});

describe("a cut-over", () => {
  it("fails with exit code 2 and changes no file if the project names no old LangFlow", async () => {
    writeFileSync(join(folder, "Pulumi.edge.yaml"), EDGE.split("  langflow-dr:movingFrom")[0] ?? "");
    const before = edge();
    for (const verb of [over, goBack])
      await expect(verb()).rejects.toMatchObject(
        refused(ExitCode.BadInput, /has no .*movingFrom: set it to the old LangFlow's address/),
      );
    expect(edge()).toBe(before);
  });

  it.each([
    [{ share: 96 }, /whole percentage, 0 to 95/],
    [{ share: 12.5 }, /whole percentage/],
    [{ region: "mars" }, /unknown region mars; the regions are us-east, eu-west/],
  ])("rejects %j with exit code 2 before any change", async (given, said) => {
    await expect(over(given)).rejects.toMatchObject(refused(ExitCode.BadInput, said));
    expect(edge()).toBe(EDGE);
  });

  it("restores the previous share if the deployment fails", async () => {
    await expect(over()).rejects.toMatchObject({ exitCode: expect.any(Number) });
    expect(edge()).toBe(EDGE);
  });
});

describe("a move back", () => {
  it("exits with code 11 if the old LangFlow does not respond", async () => {
    await expect(goBack()).rejects.toMatchObject(
      refused(ExitCode.Refused, /at 127\.0\.0\.1 does not answer .*add --without-answer/),
    );
    expect(edge()).toBe(EDGE);
  });

  it("exits with code 2 if the output folder is not empty", async () => {
    for (const local of [true, false])
      await expect(goBack({ out: folder, local })).rejects.toMatchObject(refused(ExitCode.BadInput, /is not empty/));
    expect(() => requireEmpty(join(folder, "new"))).not.toThrow();
  });

  it("writes each flow into its user's folder, explains skipped flows, and writes nowhere else", () => {
    const out = join(folder, "made");
    const flow = { id: "1", path: "bea/Plain.json", text: "{}" };
    expect(writeFlows([flow, { id: "2", reason: "has no name" }], out)).toEqual({
      files: ["bea/Plain.json"],
      left: [{ id: "2", reason: "has no name" }],
    });
    expect(readFileSync(join(out, "bea/Plain.json"), "utf8")).toBe("{}");
    expect(() => writeFlows([{ ...flow, path: "../Pulumi.yaml" }], out)).toThrow(/outside/);
  });
});

describe("the health check of an old LangFlow", () => {
  let server: Server;
  let asked: IncomingMessage[];
  let status = 200;
  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  const trouble = (given: object = {}) =>
    oldTrouble(
      { address: "127.0.0.1", port: (server.address() as AddressInfo).port, share: 1, ...given },
      "flows.example.com",
      true,
    );

  it("sends the same request as its monitor, with its own hostname or the public one", async () => {
    expect(await trouble()).toBeUndefined();
    expect(await trouble({ host: "old.example.org", path: "/alive" })).toBeUndefined();
    expect(asked.map(({ url, headers }) => [url, headers.host])).toEqual([
      ["/health", "flows.example.com"],
      ["/alive", "old.example.org"],
    ]);
  });

  it("fails for any status except 200, and without a response", async () => {
    status = 503;
    expect(await trouble()).toBe("answers 503");
    expect(await trouble({ port: 1 })).toMatch(/does not answer \(.*ECONNREFUSED/);
  });
});

describe("the report after a cut-over or a move back", () => {
  it("says which LangFlow new visitors reach", () => {
    expect(divisionInWords(0)).toContain("use the fleet");
    expect(divisionInWords(1)).toContain("use the old LangFlow");
    expect(divisionInWords(0.29)).toContain("29% of new visitors use the old LangFlow and 71% the fleet");
  });

  it("lists the rows that only the fleet has, or reports that these rows are unknown", () => {
    const linesOf = (...of: Parameters<typeof sinceImportReport>) => terminalLines(sinceImportReport(...of));
    expect(linesOf("us-east", null, undefined)).toEqual([expect.stringMatching(/no import was recorded/)]);
    expect(linesOf("us-east", [], undefined)).toEqual([expect.stringMatching(/nothing was created/)]);
    const rows = [{ table: "flow", fate: "made" as const, count: 9, which: ["Plain", "Later"], ids: [] }];
    const left = [{ id: "an id", reason: "has no name" }];
    const said = linesOf("us-east", rows, { files: ["bea/Plain.json"], left }).join("\n");
    expect(said).toMatch(/flow +│? *made[^\n]*9[^\n]*Plain; Later; …/);
    expect(said).toMatch(/^flows written as files +1\nnot written as files +flow an id: it has no name$/m);
  });
});
