import { flowParts, partOfSql } from "../../../agent/accounts/flowChildren";
import { isReplicated } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";

const parts = flowParts(TABLES.filter(isReplicated));

it("the children of a flow are its versions, its schedules, their child rows and its permissions, but not its messages", () => {
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

it("a schedule is a child of its flow, not of the version that it is pinned to", () => {
  expect(parts.get("trigger")).toEqual([{ column: "flow_id", table: "flow" }]);
});

it("a share counts as a flow's child row only if the shared resource is a flow", () => {
  expect(partOfSql(parts.get("authz_share") ?? [], "OLD")).toBe(
    `array_remove(ARRAY[CASE WHEN OLD."resource_type"::text = 'flow' THEN 'flow' || ' ' || OLD."resource_id"::text END]::text[], NULL)`,
  );
});
