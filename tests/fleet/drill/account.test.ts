import { DRILL_ACCOUNT } from "../../../agent/accounts/capture";
import { NAMES } from "../../../fleet/drill/ordinaryUser";

it("drills use the user account whose deletes the agent never holds for approval", () => {
  expect(NAMES.account).toBe(`${DRILL_ACCOUNT}-`);
});
