const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIRST_HOUR = 4;

/**
 * Returns the weekly window in which RDS may restart a region's database for a minor version, as `ddd:hh:mm-ddd:hh:mm`
 * in UTC. The window begins an hour after the nightly RDS backup. Up to seven regions each get a different day, further
 * regions a later hour, so that no two databases restart at the same time.
 *
 * @param index position of the region in the fleet's list, from 0
 */
export function databaseMaintenance(index: number): string {
  const day = DAYS[index % DAYS.length];
  const hour = FIRST_HOUR + Math.floor(index / DAYS.length);
  const at = (hours: number) => `${day}:${String(hours).padStart(2, "0")}:30`;
  return `${at(hour)}-${at(hour + 1)}`;
}
