import { SIZE_NAMES, SIZES, type SizeName } from "../../config/sizes";
import { sizeIn } from "./byteSize";
import { bytesOf, type Inventory } from "./inventory";

/** The size of a region that takes what moves in, for `init`. */
export interface FittingSize {
  readonly size: SizeName;
  /** Why this one and no smaller one, in a sentence. */
  readonly because: string;
  /** What must be set beside it; absent where the size does by itself. */
  readonly beside?: string;
}

const BYTES_PER_GIB = 1024 ** 3;
/** What the rows take of a disk that has room for as much again. An estimate. */
const DISK_SHARE = 0.5;
/** Of the accounts that may sign in, those who run something at one moment. An estimate: no load was measured (docs/capacity.md). */
const BUSY_SHARE = 0.1;
/** Runs that keep one pod busy. An estimate, likewise. */
const RUNS_PER_POD = 10;
/** Regions whose users one region has after a loss: its own, and the other's. */
const REGIONS_AFTER_LOSS = 2;

/** The smallest size with room for the rows, and for the pods that the users of two regions of such users keep busy. */
export function fittingSize(inventory: Inventory): FittingSize {
  const needs = needsOf(inventory);
  const { gib, pods, users } = needs;
  const size = SIZE_NAMES.find((name) => fits(name, needs));
  const counted = users === undefined ? "users not known" : `${many(users, "user")} who may sign in`;
  const rows = `${many(inventory.flows.length, "flow")}, ${sizeIn(gib * BYTES_PER_GIB)} of rows`;
  const because = `${counted}, ${rows}; after the loss of a region they keep about ${many(pods, "pod")} busy`;
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
