import { ScratchServer } from "../../../fleet/upgrade/scratchServer";
import { LiveDatabase } from "../../../sandbox/live/servers/database";

jest.mock("../../../sandbox/live/servers/database");

describe("a rehearsal's own PostgreSQL", () => {
  it("is ended where it does not come up, and what is told is why it did not", async () => {
    const { ensure, kill } = jest.mocked(LiveDatabase.prototype);
    ensure.mockRejectedValue(new Error("PostgreSQL does not start"));
    kill.mockRejectedValue(new Error("no such process"));
    await expect(ScratchServer.start("/nowhere", "/nowhere")).rejects.toThrow("PostgreSQL does not start");
    expect(kill).toHaveBeenCalledTimes(1);
  });
});
