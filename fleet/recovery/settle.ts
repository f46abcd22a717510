import type { Begun, Inputs } from "./begun";
import { idOf } from "./ids";

/** A resource in a stack's state. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Inputs;
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** True for a cloud resource, false for a component. */
  readonly custom?: boolean;
  readonly protect?: boolean;
  /** Whether the resource is kept in the cloud when the stack deletes it. */
  readonly retainOnDelete?: boolean;
}

interface Settled {
  /** Resources that have this id if they exist in the cloud. */
  readonly found: readonly { readonly begun: Begun; readonly id: string }[];
  /** Resources that do not exist in the cloud. */
  readonly absent: readonly Begun[];
  /** Resources that could not be searched for, or that match more than one cloud resource. */
  readonly forgotten: readonly Begun[];
}

/**
 * Assigns each open resource to a cloud resource. Excludes cloud resources that the state already contains, and never
 * assigns one cloud resource twice, because deleting one of the two would delete the other as well.
 *
 * @param answers ids of matching cloud resources, by URN
 */
export function settle(
  open: readonly Begun[],
  answers: ReadonlyMap<string, readonly string[]>,
  recorded: readonly Recorded[],
): Settled {
  const owned = new Set(recorded.map(keyOf));
  const candidates = open.map((begun) => {
    const computed = idOf(begun);
    const ids = computed === undefined ? answers.get(begun.urn) : [computed];
    return { begun, ids: ids && [...new Set(ids)].filter((id) => !owned.has(keyOf({ ...begun, id }))) };
  });
  const wanted = candidates.flatMap(({ begun, ids = [] }) => ids.map((id) => keyOf({ ...begun, id })));
  const isContested = (key: string) => wanted.indexOf(key) !== wanted.lastIndexOf(key);
  const found = candidates.flatMap(({ begun, ids: [id, ...others] = [] }) =>
    id === undefined || others.length > 0 || isContested(keyOf({ ...begun, id })) ? [] : [{ begun, id }],
  );
  const absent = candidates.filter(({ ids }) => ids?.length === 0).map(({ begun }) => begun);
  const settled = new Set([...found.map(({ begun }) => begun), ...absent]);
  return { found, absent, forgotten: open.filter((begun) => !settled.has(begun)) };
}

/**
 * Returns a key that includes the AWS region, because resources in two AWS regions can have the same id, such as image
 * repositories.
 */
const keyOf = ({ type, id, inputs }: Pick<Recorded, "type" | "id" | "inputs">): string =>
  `${type} ${id} ${inputs?.region ?? ""}`;
