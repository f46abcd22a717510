import { ScratchServer } from "../../../fleet/upgrade/scratchServer";
import { LiveDatabase } from "../../../sandbox/live/servers/database";

jest.mock("../../../sandbox/live/servers/database");

describe("the PostgreSQL server of an upgrade rehearsal", () => {
  it("is stopped if it does not start, and the error says why it did not start", async () => {
    const { ensure, kill } = jest.mocked(LiveDatabase.prototype);
    ensure.mockRejectedValue(new Error("PostgreSQL does not start"));
    kill.mockRejectedValue(new Error("no such process"));
    await expect(ScratchServer.start("/nowhere", "/nowhere")).rejects.toThrow("PostgreSQL does not start");
    expect(kill).toHaveBeenCalledTimes(1);
  });
});
