const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIRST_HOUR = 4;

/**
 * When RDS may restart a region's database for a minor version, as `ddd:hh:mm-ddd:hh:mm` in UTC: an hour after the night's RDS
 * backup, on a day of its own for each of seven regions, and hours later for those that follow, so that no two are away at once.
 *
 * @param index place of the region in the fleet's list, from 0
 */
export function databaseMaintenance(index: number): string {
  const day = DAYS[index % DAYS.length];
  const hour = FIRST_HOUR + Math.floor(index / DAYS.length);
  const at = (hours: number) => `${day}:${String(hours).padStart(2, "0")}:30`;
  return `${at(hour)}-${at(hour + 1)}`;
}
