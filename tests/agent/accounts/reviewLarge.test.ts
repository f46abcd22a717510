import { Envelope } from "../../../agent/accounts/envelope";
import { readPart, writePart } from "../../../agent/accounts/part";

it("opens a part of 2,000 versions of flows, each as large as LangFlow's starter flows are", () => {
  const envelope = new Envelope("a-secret-key-of-the-fleet");
  const data = JSON.stringify({ nodes: "n".repeat(135_000) });
  const rows = [...Array(2_000).keys()].map((n) => ({
    table: "flow_version",
    id: String(n),
    row: { madeAt: 1, cells: { data: { value: data, at: 1 } }, switches: {} },
  }));
  const sealed = envelope.seal(writePart({ completes: false, rows }), "accounts/us-east/1/2");
  expect(readPart(envelope.open(sealed, "accounts/us-east/1/2")).rows).toHaveLength(2_000);
});
