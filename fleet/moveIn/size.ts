import { SIZE_NAMES, SIZES, type SizeName } from "../../config/sizes";
import { sizeIn } from "./byteSize";
import { bytesOf, type Inventory } from "./inventory";

/** Size for `init` of a region that can take the import. */
export interface FittingSize {
  readonly size: SizeName;
  /** Why this size was chosen, as a sentence. */
  readonly because: string;
  /** Settings to change in addition to the size. Absent if the size suffices. */
  readonly beside?: string;
}

const BYTES_PER_GIB = 1024 ** 3;
/** Share of the disk that the imported rows may use, which leaves the same space free. An estimate. */
const DISK_SHARE = 0.5;
/** Share of active accounts that run a flow at the same time. An estimate without load tests (docs/capacity.md). */
const BUSY_SHARE = 0.1;
/** Concurrent runs that keep one pod busy. Also an estimate. */
const RUNS_PER_POD = 10;
/** Number of regions whose users one region serves after a failover: its own and the failed one. */
const REGIONS_AFTER_LOSS = 2;

/** Returns the smallest size whose disk fits the rows, and whose pods can serve the users of two such regions. */
export function fittingSize(inventory: Inventory): FittingSize {
  const needs = needsOf(inventory);
  const { gib, pods, users } = needs;
  const size = SIZE_NAMES.find((name) => fits(name, needs));
  const counted = users === undefined ? "an unknown number of users" : `${many(users, "active user")}`;
  const rows = `${many(inventory.flows.length, "flow")}, ${sizeIn(gib * BYTES_PER_GIB)} of rows`;
  const because = `${counted}, ${rows}; after the loss of a region they need about ${many(pods, "pod")}`;
  if (size !== undefined) return { size, because };
  const { replicas, database } = SIZES.large.config;
  const wanted = [
    pods > replicas.max ? `replicas.max to ${pods}` : undefined,
    gib > database.storageGib * DISK_SHARE ? `database.storageGib to ${Math.ceil(gib / DISK_SHARE)}` : undefined,
  ];
  return { size: "large", because, beside: `set ${wanted.filter((each) => each !== undefined).join(", ")}` };
}

const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

interface SizeNeeds {
  readonly gib: number;
  readonly pods: number;
  readonly users: number | undefined;
}

function needsOf({ users, flows, databaseBytes }: Inventory): SizeNeeds {
  const active = users?.filter(({ isActive }) => isActive).length;
  const bytes = databaseBytes ?? bytesOf(flows);
  const busy = Math.ceil((active ?? 0) * BUSY_SHARE * REGIONS_AFTER_LOSS);
  return { gib: bytes / BYTES_PER_GIB, pods: Math.max(1, Math.ceil(busy / RUNS_PER_POD)), users: active };
}

function fits(name: SizeName, { gib, pods }: SizeNeeds): boolean {
  const { replicas, database } = SIZES[name].config;
  return pods <= replicas.max && gib <= database.storageGib * DISK_SHARE;
}
