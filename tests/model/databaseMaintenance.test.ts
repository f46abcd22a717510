import { databaseMaintenance } from "../../model/databaseMaintenance";

/** As many as AWS has, and more. */
const REGIONS = [...Array(40).keys()];

describe("databaseMaintenance", () => {
  it("restarts no two regions' databases in the same hour", () => {
    expect(new Set(REGIONS.map(databaseMaintenance)).size).toBe(REGIONS.length);
    expect(databaseMaintenance(0)).toBe("sun:04:30-sun:05:30");
    expect(databaseMaintenance(1)).toBe("mon:04:30-mon:05:30");
    expect(databaseMaintenance(7)).toBe("sun:05:30-sun:06:30");
  });

  it("keeps each of them within a day and apart from RDS' own backup at three", () => {
    for (const index of REGIONS)
      expect(databaseMaintenance(index)).toMatch(/^([a-z]{3}):(0[4-9]|1\d):30-\1:(0[5-9]|1\d):30$/);
  });
});
