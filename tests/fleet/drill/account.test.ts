import { DRILL_ACCOUNT } from "../../../agent/accounts/capture";
import { NAMES } from "../../../fleet/drill/ordinaryUser";

it("drills use the account whose deletes the agent never holds", () => {
  expect(NAMES.account).toBe(`${DRILL_ACCOUNT}-`);
});
