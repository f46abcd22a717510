import { DRILL_ACCOUNT } from "../../../agent/accounts/capture";
import { NAMES } from "../../../fleet/drill/ordinaryUser";

it("drills work with the account whose deletes the agent does not hold", () => {
  expect(NAMES.account).toBe(`${DRILL_ACCOUNT}-`);
});
