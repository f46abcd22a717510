import { databaseMaintenance } from "../../model/databaseMaintenance";

/** More than the number of AWS regions. */
const REGIONS = [...Array(40).keys()];

describe("databaseMaintenance", () => {
  it("never schedules two regions' databases in the same hour", () => {
    expect(new Set(REGIONS.map(databaseMaintenance)).size).toBe(REGIONS.length);
    expect(databaseMaintenance(0)).toBe("sun:04:30-sun:05:30");
    expect(databaseMaintenance(1)).toBe("mon:04:30-mon:05:30");
    expect(databaseMaintenance(7)).toBe("sun:05:30-sun:06:30");
  });

  it("keeps each window within one day and separate from RDS' own backup at 03:00", () => {
    for (const index of REGIONS)
      expect(databaseMaintenance(index)).toMatch(/^([a-z]{3}):(0[4-9]|1\d):30-\1:(0[5-9]|1\d):30$/);
  });
});
