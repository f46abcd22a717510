import { flowParts, partOfSql } from "../../../agent/accounts/flowChildren";
import { isReplicated } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";

const parts = flowParts(TABLES.filter(isReplicated));

it("what falls with its flow is versions, schedules, what hangs on these, and rights on it; no message does", () => {
  expect([...parts.keys()].sort()).toEqual([
    "authz_access_exception",
    "authz_share",
    "flow_version",
    "flow_version_deployment_attachment",
    "trigger",
    "trigger_source_version",
    "trigger_subscription",
  ]);
});

it("a schedule is part of its flow, and not of the version that it is pinned to", () => {
  expect(parts.get("trigger")).toEqual([{ column: "flow_id", table: "flow" }]);
});

it("a share is part of a flow where it is about one", () => {
  expect(partOfSql(parts.get("authz_share") ?? [], "OLD")).toBe(
    `array_remove(ARRAY[CASE WHEN OLD."resource_type"::text = 'flow' THEN 'flow' || ' ' || OLD."resource_id"::text END]::text[], NULL)`,
  );
});
