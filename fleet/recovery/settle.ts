import type { Begun, Inputs } from "./begun";
import { idOf } from "./ids";

/** A resource as the state of a stack holds it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Inputs;
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** A resource of a cloud, and no component. */
  readonly custom?: boolean;
  readonly protect?: boolean;
  /** Left where it is when the stack lets go of it. */
  readonly retainOnDelete?: boolean;
}

interface Settled {
  /** In the cloud, if anything of it is, under this id. */
  readonly found: readonly { readonly begun: Begun; readonly id: string }[];
  /** Not in the cloud. */
  readonly absent: readonly Begun[];
  /** Nobody can say, or more than one could be it. */
  readonly forgotten: readonly Begun[];
}

/**
 * Decides what each open resource is. One that the state holds already is nobody else's, and two resources never get
 * the same one: to delete either would delete the other.
 *
 * @param answers ids of what the cloud has that could be it, by URN
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

/** A name is one thing in each AWS region: the image repositories of two have the same id. */
const keyOf = ({ type, id, inputs }: Pick<Recorded, "type" | "id" | "inputs">): string =>
  `${type} ${id} ${inputs?.region ?? ""}`;
